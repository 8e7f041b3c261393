import DurableStreams
import SegmentedLog

/// Puts the streams of an archive into a store.
struct ArchiveImporter {
    let store: StreamStore
    let skipsExisting: Bool
    private(set) var importedCount = 0
    private(set) var importedByteCount: UInt64 = 0
    private(set) var skippedCount = 0

    /// What is appended at once, unless a message of a JSON stream is longer. A stream up to this size is there as a
    /// whole or not at all.
    private static let chunkByteCount = 8 << 20

    init(store: StreamStore, skipsExisting: Bool) {
        self.store = store
        self.skipsExisting = skipsExisting
    }

    // MARK: Before

    /// Reads the whole archive, and throws if anything is wrong with it, or would be refused.
    func verify(_ input: ArchiveInput) throws {
        try StreamArchive.readHeader(input)
        var count = 0
        while let entry = try Self.nextEntry(input, after: count) {
            let request = try Self.request(entry, input)
            if !skipsExisting, store.stream(at: request.path) != nil { throw Self.exists(entry) }
            var checksum = Checksum()
            var rest = entry.byteCount
            while rest > 0 {
                let part = try input.nextBytes(upTo: Int(clamping: rest))
                part.withUnsafeBytes { checksum.add($0) }
                rest -= UInt64(part.count)
            }
            try Self.expect(checksum, of: entry, input)
            try Self.endStream(input)
            count += 1
            ProgressLine.show("verifying \(ToolOutput.bytes(input.byteOffset))")
        }
    }

    // MARK: Importing

    /// - Parameter input: Behind the archive's first line.
    mutating func run(_ input: ArchiveInput) async throws {
        var count = 0
        while let entry = try Self.nextEntry(input, after: count) {
            try await add(entry, input)
            count += 1
            ProgressLine.show("importing \(ToolOutput.plural(count, "stream")), \(ToolOutput.bytes(input.byteOffset))")
        }
    }

    /// Nil behind the last stream.
    private static func nextEntry(_ input: ArchiveInput, after count: Int) throws -> StreamArchive.Entry? {
        switch try StreamArchive.readLine(input) {
        case .entry(let entry): return entry
        case .trailer(let trailer):
            guard trailer.streams == count else {
                throw input.damaged("the last line counts \(trailer.streams) streams where there were \(count)")
            }
            return nil
        }
    }

    private mutating func add(_ entry: StreamArchive.Entry, _ input: ArchiveInput) async throws {
        let request = try Self.request(entry, input)
        let existing = store.stream(at: request.path)
        if existing != nil, !skipsExisting { throw Self.exists(entry) }
        var target = Target(request: request, existing: existing)
        var checksum = Checksum()
        var rest = entry.byteCount
        do {
            while rest > 0 {
                let part = try input.nextBytes(upTo: Int(clamping: rest))
                part.withUnsafeBytes { checksum.add($0) }
                rest -= UInt64(part.count)
                target.add(part)
                if rest > 0, target.isFull { try await put(&target) }
            }
            // Before the last bytes are there, so that a stream is never complete with wrong ones.
            try Self.expect(checksum, of: entry, input)
            try Self.endStream(input)
            if target.isSkipped || target.isExistingLonger {
                skippedCount += 1
                return
            }
            try await finish(&target, entry)
        } catch {
            if target.isCreated { try? await store.delete(request.path) }
            throw error
        }
    }

    private mutating func finish(_ target: inout Target, _ entry: StreamArchive.Entry) async throws {
        let wasThere = target.existing != nil && !target.hasMore
        if target.hasMore || (!target.isCreated && target.existing == nil) {
            try await put(&target, isLast: true, closes: entry.closedAtCreation)
        }
        let path = target.request.path
        guard let stream = store.stream(at: path) else {
            // Its lifetime had ended.
            skippedCount += 1
            return
        }
        if entry.closed, !stream.snapshot.isClosed {
            try await Self.explain(path) { () async throws(StreamError) in _ = try await store.close(path) }
        } else if wasThere {
            skippedCount += 1
            return
        }
        importedCount += 1
        importedByteCount += entry.byteCount
    }

    /// Creates the stream with what has been read, or appends that.
    private func put(_ target: inout Target, isLast: Bool = false, closes: Bool = false) async throws {
        guard !target.isSkipped else { return }
        let isJSON = target.request.contentType?.isJSON ?? false
        let count = StoredText.wholeByteCount(of: target.pending, isJSON: isJSON)
        if isLast, count < target.pending.count {
            throw ArchiveError(description: "\(target.request.path) ends within a message")
        }
        guard count > 0 || isLast else { return target.grow() }
        let body = count == 0 ? [] : StoredText.body(of: target.pending[..<count], isJSON: isJSON)
        let path = target.request.path
        var request = target.request
        // What is closed when it is created gets nothing later.
        request.closed = closes
        let (isNew, store, new) = (!target.isCreated && target.existing == nil, store, request)
        let tail = try await Self.explain(path) { () async throws(StreamError) in
            isNew ? try await store.create(new, content: body).tail : try await store.append(body, to: path).tail
        }
        target.didPut(count)
        guard tail.rawValue == target.position else {
            throw ArchiveError(description: "\(path) is not stored as it was: it ends at \(tail.rawValue)")
        }
    }

    private static func explain<Value>(
        _ path: StreamPath, _ body: () async throws(StreamError) -> Value
    ) async throws -> Value {
        do throws(StreamError) { return try await body() } catch {
            throw ArchiveError(description: "\(path) cannot be written: \(error)")
        }
    }

    // MARK: Lines

    private static func request(_ entry: StreamArchive.Entry, _ input: ArchiveInput) throws -> CreateRequest {
        guard let path = try? StreamPath(entry.path), path.text == entry.path else {
            throw input.damaged("'\(entry.path)' is no path of a stream")
        }
        guard let contentType = ContentType(entry.contentType) else {
            throw input.damaged("'\(entry.contentType)' is no content type")
        }
        var lifetime: Lifetime?
        if let seconds = entry.lifetime?.seconds { lifetime = .sliding(seconds: seconds) }
        if let text = entry.lifetime?.until {
            guard let time = WallClockTime(rfc3339: text) else { throw input.damaged("'\(text)' is no time") }
            lifetime = .until(time, text: text)
        }
        var request = CreateRequest(
            path: path, contentType: contentType, lifetime: lifetime,
            retention: entry.retention.map {
                Retention(ageLimitSeconds: $0.ageLimitSeconds, byteCountLimit: $0.byteCountLimit)
            })
        request.createdAt = WallClockTime(millisecondsSince1970: entry.createdAt)
        return request
    }

    private static func expect(_ checksum: Checksum, of entry: StreamArchive.Entry, _ input: ArchiveInput) throws {
        guard checksum.value == entry.crc32 else { throw input.damaged("the checksum of '\(entry.path)' is wrong") }
    }

    private static func endStream(_ input: ArchiveInput) throws {
        guard try input.nextBytes(upTo: 1).first == 0x0A else {
            throw input.damaged("no line ends behind the bytes of a stream")
        }
    }

    private static func exists(_ entry: StreamArchive.Entry) -> ArchiveError {
        ArchiveError(description: "\(entry.path) exists: with --skip-existing it is left as it is")
    }
}

extension ArchiveImporter {
    /// A stream that is being imported.
    private struct Target {
        let request: CreateRequest
        /// The stream that was there before.
        let existing: Stream?
        /// Bytes that are not in the store yet.
        private(set) var pending: [UInt8] = []
        /// The end of what is in the store.
        private(set) var position: UInt64
        private(set) var isCreated = false
        /// Whether the stream that was there is another one.
        private(set) var isSkipped = false
        private var readByteCount: UInt64 = 0
        private var limit = ArchiveImporter.chunkByteCount

        init(request: CreateRequest, existing: Stream?) {
            self.request = request
            self.existing = existing
            let snapshot = existing?.snapshot
            position = snapshot?.tail.rawValue ?? 0
            if let existing, let snapshot {
                isSkipped =
                    snapshot.earliest > .start || request.contentType.map { !existing.contentType.matches($0) } ?? false
            }
        }

        var isFull: Bool { pending.count >= limit }
        var hasMore: Bool { !pending.isEmpty }
        /// Whether the stream that was there has more than the archive.
        var isExistingLonger: Bool { existing != nil && readByteCount < position }

        mutating func add(_ part: ArraySlice<UInt8>) {
            defer { readByteCount += UInt64(part.count) }
            guard !isSkipped else { return }
            var new = part
            if let existing, readByteCount < position, !isCreated, pending.isEmpty {
                let count = Int(min(UInt64(part.count), position - readByteCount))
                guard Self.bytes(of: existing, at: readByteCount, count).elementsEqual(part.prefix(count)) else {
                    return isSkipped = true
                }
                new = part.dropFirst(count)
            }
            // A stream that was there, was closed, and is shorter, is another one.
            if !new.isEmpty, existing?.snapshot.isClosed == true { return isSkipped = true }
            pending += new
        }

        /// A message is longer than what is read at once.
        mutating func grow() { limit *= 2 }

        mutating func didPut(_ count: Int) {
            if existing == nil { isCreated = true }
            position += UInt64(count)
            pending.removeFirst(count)
            limit = ArchiveImporter.chunkByteCount
        }

        /// Of any part of it, whole messages or not.
        private static func bytes(of stream: Stream, at position: UInt64, _ count: Int) -> [UInt8] {
            let log = stream.logStream
            let read = log.read(
                from: StreamPosition(rawValue: position), upTo: log.tail, byteCountLimit: count, splitsEntries: true)
            var isRead = true
            let bytes = [UInt8](unsafeUninitializedCapacity: read.byteCount) { bytes, initializedCount in
                do throws(LogReadError) {
                    try read.copyBytes(into: UnsafeMutableRawBufferPointer(bytes))
                    initializedCount = read.byteCount
                } catch {
                    isRead = false
                }
            }
            return isRead ? bytes : []
        }
    }
}
