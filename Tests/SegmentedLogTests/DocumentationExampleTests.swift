import Dispatch
import Glibc
import SegmentedLog
import Testing

// Documentation: begin
/// What the program knows of a stream.
final class Note: LogStreamOwner {
    let logStream: LogStream
    init(_ logStream: LogStream) { self.logStream = logStream }
    func entriesDidCommit(_ entries: CommittedEntries) {}
}

/// Lets a thread wait until an entry is durable.
final class Done: CommitCompletion {
    let semaphore = DispatchSemaphore(value: 0)
    func commitDidFinish(_ failure: CommitFailure?) { semaphore.signal() }
}

func openNotes(_ directory: String) throws -> (log: SegmentedLog, notes: [StreamNumber: Note]) {
    var notes: [StreamNumber: Note] = [:]
    let log = try SegmentedLog.open(
        directory: directory,
        recoverRow: { notes[$0.stream.number] = Note($0.stream) },
        recover: { entry in
            switch entry.kind {
            case .create: notes[entry.stream.number] = Note(entry.stream)
            case .delete: notes[entry.stream.number] = nil
            case .append, .trim: break
            }
        })
    return (log, notes)
}

func write(_ text: String, titled title: String, to log: SegmentedLog) throws -> Note {
    let done = Done()
    let note = try Array(title.utf8).withUnsafeBytes { title in
        try Array(text.utf8).withUnsafeBytes { text in
            try log.createStream(
                row: title, payload: .borrowed(text, terminator: nil), completion: done
            ) { Note($0) }
        }
    }
    done.semaphore.wait()
    return note
}

func text(of note: Note) throws -> String {
    let stream = note.logStream
    let read = stream.read(from: .start, upTo: stream.tail, byteCountLimit: 1 << 20, splitsEntries: true)
    var bytes = [UInt8](repeating: 0, count: read.byteCount)
    try bytes.withUnsafeMutableBytes { try read.copyBytes(into: $0) }
    return String(decoding: bytes, as: UTF8.self)
}
// Documentation: end

struct `The example in the documentation` {
    @Test func `writes a note and finds it again`() throws {
        let directory = "/tmp/documentation-example-\(getpid())"
        defer { removeDirectory(directory) }
        let (log, none) = try openNotes(directory)
        #expect(none.isEmpty)
        let note = try write("remember the milk", titled: "shopping", to: log)
        #expect(try text(of: note) == "remember the milk")
        log.close()

        let (again, notes) = try openNotes(directory)
        let found = try #require(notes[note.logStream.number])
        #expect(try text(of: found) == "remember the milk")
        again.close()
    }

    private func removeDirectory(_ path: String) {
        if let names = try? LinuxFileSystem().listFiles(inDirectory: path) {
            for name in names { unlink("\(path)/\(name)") }
        }
        rmdir(path)
    }
}
