import ArgumentParser
import DurableStreams
import SegmentedLog

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write the streams of a stopped store into one portable file.",
        discussion: """
            \(StreamArchive.explanation)

            The store is opened for this, as a server does it: no server can have it meanwhile, and what was \
            torn when the last one ended is mended.

            Exits with 0; with 1 if the archive could not be written; with 2 if the command was not understood \
            or the store cannot be opened.
            """
    )

    @Argument(help: "The store's directory.")
    var store: String

    @Argument(help: "The file to be written, which must not exist; - for standard output.")
    var file: String

    @Option(help: "Only streams whose paths begin like this.")
    var prefix = ""

    func run() throws {
        // Opening a store makes it where there is none: that would be a strange export.
        try ToolOutput.run { () throws(LogInspectionError) in try LogInspection.requireStore(store) }
        let opened = try ArchiveStore.open(store)
        defer { opened.close() }
        do {
            let output = try ArchiveOutput(file)
            do {
                try write(opened, to: output)
            } catch {
                output.abandon()
                throw error
            }
        } catch let error as ArchiveError {
            ProgressLine.clear()
            ToolOutput.printError("\(error)")
            throw ToolStatus.damage
        }
    }

    private func write(_ store: StreamStore, to output: ArchiveOutput) throws {
        let header = StreamArchive.Header(format: StreamArchive.format, version: StreamArchive.version)
        try output.write(StreamArchive.line(header))
        var count = 0
        var byteCount: UInt64 = 0
        var cursor: StreamPath?
        repeat {
            let page = store.streams(withPrefix: prefix, after: cursor, limit: StreamStore.listingLimit)
            for listing in page.streams {
                // One that has expired since is left out.
                guard let stream = store.stream(at: listing.path) else { continue }
                byteCount += try write(stream, to: output)
                count += 1
                ProgressLine.show("exporting \(ToolOutput.plural(count, "stream")), \(ToolOutput.bytes(byteCount))")
            }
            cursor = page.cursor
        } while cursor != nil
        try output.write(StreamArchive.line(StreamArchive.Trailer(streams: count)))
        try output.finish()
        ProgressLine.clear()
        ToolOutput.printError("exported \(ToolOutput.plural(count, "stream")), \(ToolOutput.bytes(byteCount))")
    }

    private func write(_ stream: Stream, to output: ArchiveOutput) throws -> UInt64 {
        let snapshot = stream.snapshot
        // The checksum comes before the bytes: so they are read twice, and cannot change between.
        var checksum = Checksum()
        try read(stream, snapshot) { bytes in bytes.withUnsafeBytes { checksum.add($0) } }
        let entry = StreamArchive.Entry(
            stream, start: snapshot.earliest, tail: snapshot.tail, isClosed: snapshot.isClosed,
            checksum: checksum.value)
        try output.write(StreamArchive.line(entry))
        try read(stream, snapshot) { bytes in try output.write(bytes) }
        try output.write([0x0A])
        return entry.byteCount
    }

    private func read(_ stream: Stream, _ snapshot: Stream.Snapshot, _ body: ([UInt8]) throws -> Void) throws {
        var position = snapshot.earliest
        while position < snapshot.tail {
            let bytes: [UInt8]
            do throws(StreamError) {
                let read = try stream.read(from: position, byteLimit: 1 << 20)
                position = read.end
                bytes = try read.bytes()
            } catch {
                throw ArchiveError(description: "\(stream.path) cannot be read: \(error)")
            }
            try body(bytes)
        }
    }
}

extension StreamArchive {
    /// For the help of both commands.
    static let explanation = """
        The file is for moving streams between stores, and for keeping them: its format does not change with \
        that of the store.

          line 1     {"format":"durable-streams-archive","version":1}
          a stream   one line of JSON: path, contentType, createdAt (milliseconds since 1970), closed, \
        closedAtCreation, lifetime ({"seconds":N} or {"until":"RFC 3339"}), retention, start, byteCount, crc32
                     then exactly byteCount bytes, and a line feed
          last line  {"streams":N}

        The bytes are the stream's content; of a JSON stream its messages, each followed by a comma. The state \
        of producers and the last Stream-Seq are not in it.
        """
}

extension StreamArchive.Entry {
    init(_ stream: Stream, start: StreamPosition, tail: StreamPosition, isClosed: Bool, checksum: UInt32) {
        var lifetime: StreamArchive.Lifetime?
        switch stream.lifetime {
        case nil: break
        case .sliding(let seconds): lifetime = StreamArchive.Lifetime(seconds: seconds, until: nil)
        case .until(_, let text): lifetime = StreamArchive.Lifetime(seconds: nil, until: text)
        }
        self.init(
            path: stream.path.text, contentType: stream.contentType.text,
            createdAt: stream.createdAt.millisecondsSince1970, closed: isClosed,
            closedAtCreation: stream.isClosedAtCreation, lifetime: lifetime,
            retention: stream.requestedRetention.map {
                StreamArchive.Retention(ageLimitSeconds: $0.ageLimitSeconds, byteCountLimit: $0.byteCountLimit)
            },
            start: start.rawValue, byteCount: tail.rawValue - start.rawValue, crc32: checksum)
    }
}

/// How export and import open a store.
enum ArchiveStore {
    static func open(_ path: String) throws -> StreamStore {
        var configuration = StoreConfiguration()
        // An import is made durable as a whole when the store is closed; one that is broken off can be repeated.
        configuration.durability = .none
        // What one server has taken in one append, another one with a lower limit must be able to give on.
        configuration.appendByteCountLimit = 512 << 20
        do throws(StoreOpenError) {
            return try StreamStore.open(directory: path, configuration: configuration)
        } catch {
            ToolOutput.printError("\(error)")
            throw ToolStatus.unusable
        }
    }
}
