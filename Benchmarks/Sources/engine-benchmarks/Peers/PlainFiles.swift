import Glibc
import SegmentedLog

/// The floor: what the operating system takes for a `write` and an `fdatasync`, without a format, an index or a checksum.
/// Each writer has a file of its own, so that nobody waits for a lock.
struct PlainFiles: AppendSystem {
    enum Kind: Sendable {
        /// Each write makes the file longer.
        case growing
        /// Each write goes over zeros that were written and synced before.
        case zeroed
    }

    let kind: Kind

    var name: String {
        switch kind {
        case .growing: "write + fdatasync, growing"
        case .zeroed: "write + fdatasync, zeroed"
        }
    }

    func canRun(_ appendCase: AppendCase) -> Bool {
        appendCase.writers <= 64 && appendCase.durability.intervalMilliseconds == nil
    }

    func open(_ directory: String, _ appendCase: AppendCase, _ text: SampleText) throws -> any AppendSession {
        let fileByteCount = max(1 << 20, (64 << 20) / appendCase.writers)
        let files = (0..<appendCase.writers).map { number -> Int32 in
            let file = Glibc.open("\(directory)/\(number)", O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
            precondition(file >= 0, "errno \(errno)")
            if kind == .zeroed {
                let zeros = [UInt8](repeating: 0, count: 1 << 20)
                for offset in stride(from: 0, to: fileByteCount, by: zeros.count) {
                    precondition(pwrite(file, zeros, zeros.count, offset) == zeros.count, "errno \(errno)")
                }
            }
            precondition(fdatasync(file) == 0, "errno \(errno)")
            return file
        }
        return Session(
            files: files, wrapsAt: kind == .zeroed ? fileByteCount : Int.max, appendCase: appendCase, text: text)
    }

    private struct Session: AppendSession {
        let files: [Int32]
        /// A zeroed file begins again at its end: blocks that were written once are as good as zeros.
        let wrapsAt: Int
        let appendCase: AppendCase
        let text: SampleText

        func run(nanoseconds: Int64) -> AppendTally {
            let byteCount = appendCase.byteCount
            for file in files where wrapsAt < Int.max { lseek(file, 0, SEEK_SET) }
            return runBlockingWriters(appendCase, nanoseconds: nanoseconds) { [self] writer, first in
                for number in first..<(first + appendCase.batch) {
                    if wrapsAt < Int.max, (number + 1) % (wrapsAt / byteCount) == 0 { lseek(files[writer], 0, SEEK_SET) }
                    text.withRecord(writer &+ number, byteCount: byteCount) { record in
                        precondition(write(files[writer], record.baseAddress, byteCount) == byteCount, "errno \(errno)")
                    }
                }
                if appendCase.durability == .sync { precondition(fdatasync(files[writer]) == 0, "errno \(errno)") }
            }
        }

        func close() { for file in files { Glibc.close(file) } }
    }
}
