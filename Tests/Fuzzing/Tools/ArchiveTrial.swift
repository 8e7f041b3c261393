internal import Glibc
internal import Synchronization

/// A new store on a disk in memory, and an archive that is imported into it, all on the fuzzer's thread.
final class ArchiveTrial {
    private let store: StreamStore
    private var importer: ArchiveImporter
    private let executor = QueueExecutor()
    /// Somewhere in memory.
    private static let path = "/dev/shm/fuzzed-archive-\(getpid())"

    init(skipsExisting: Bool) {
        var configuration = StoreConfiguration()
        configuration.fileSystem = MemoryFileSystem()
        configuration.hasThreads = false
        configuration.workerThreadCount = 1
        configuration.durability = .none
        configuration.segmentByteCount = SegmentSize.smallestByteCount
        configuration.wallClock = { 1_700_000_000_000 }
        configuration.randomBits = { 1 }
        do throws(StoreOpenError) {
            store = try StreamStore.open(directory: "/store", configuration: configuration)
        } catch {
            fail("a new store does not open: \(error)")
        }
        store.runPendingWork()
        importer = ArchiveImporter(store: store, skipsExisting: skipsExisting)
    }

    func close() { store.close() }

    /// The bytes of all streams, by path.
    var contents: [String: [UInt8]] {
        let paths = store.streams(withPrefix: "", after: nil, limit: StreamStore.listingLimit).streams.map(\.path)
        let contents: [(String, [UInt8])] = paths.compactMap { path in
            guard let stream = store.stream(at: path)?.logStream else { return nil }
            expect(stream.start == .start || stream.start <= stream.tail)
            let read = stream.read(from: .start, upTo: stream.tail, byteCountLimit: .max >> 1, splitsEntries: true)
            let bytes = [UInt8](unsafeUninitializedCapacity: read.byteCount) { memory, count in
                expect((try? read.copyBytes(into: UnsafeMutableRawBufferPointer(memory))) != nil, "it cannot be read")
                count = read.byteCount
            }
            return (path.text, bytes)
        }
        return Dictionary(contents) { first, _ in first }
    }

    // MARK: As the command does it

    func verify(_ archive: [UInt8]) -> Bool {
        put(archive)
        return attempt { try importer.verify(ArchiveInput(Self.path)) }
    }

    /// True if all of it was imported.
    func importFile(_ archive: [UInt8]) -> Bool {
        put(archive)
        return attempt { try importAll(ArchiveInput(Self.path)) }
    }

    /// Reads it from standard input, a piece at a time.
    func importPieces(_ archive: [UInt8]) -> Bool {
        var ends: [CInt] = [-1, -1]
        expect(socketpair(AF_UNIX, CInt(SOCK_SEQPACKET.rawValue), 0, &ends) == 0, "there is no pair of sockets")
        var byteCount: CInt = 16 << 20
        setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &byteCount, socklen_t(MemoryLayout<CInt>.size))
        // Each packet is what one call reads. Not too many of them, since they all have to wait in the socket.
        let pieceByteCount = max(7, archive.count / 40)
        var offset = 0
        archive.withUnsafeBytes { archive in
            while offset < archive.count {
                let count = min(pieceByteCount, archive.count - offset)
                let sent = send(ends[1], archive.baseAddress! + offset, count, CInt(MSG_DONTWAIT))
                expect(sent == count, "the socket is too small")
                offset += count
            }
        }
        Glibc.close(ends[1])
        expect(dup2(ends[0], STDIN_FILENO) == STDIN_FILENO)
        Glibc.close(ends[0])
        return attempt { try importAll(ArchiveInput("-")) }
    }

    private func importAll(_ input: ArchiveInput) throws {
        try StreamArchive.readHeader(input)
        let end = End()
        let start = importer
        // Read on this thread only, which runs the task.
        nonisolated(unsafe) let input = input
        Task(executorPreference: executor) {
            var importer = start
            do {
                try await importer.run(input)
                end.set(.success(importer))
            } catch {
                end.set(.failure(error))
            }
        }
        var idleCount = 0
        while true {
            idleCount = executor.runAll() ? 0 : idleCount + 1
            if let result = end.result {
                importer = try result.get()
                return
            }
            expect(idleCount < 1_000, "the import waits for ever")
            store.runPendingWork()
        }
    }

    /// Only one kind of error is one that the command explains.
    private func attempt(_ body: () throws -> Void) -> Bool {
        do {
            try body()
            return true
        } catch is ArchiveError {
            return false
        } catch {
            fail("an error that nobody expects: \(error)")
        }
    }

    private func put(_ archive: [UInt8]) {
        let file = open(Self.path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        expect(file >= 0 && write(file, archive, archive.count) == archive.count, "the archive cannot be written")
        Glibc.close(file)
    }
}

/// What came of an import.
private final class End: Sendable {
    private let state = Mutex<Result<ArchiveImporter, any Error>?>(nil)

    var result: Result<ArchiveImporter, any Error>? { state.withLock { $0 } }
    func set(_ result: Result<ArchiveImporter, any Error>) { state.withLock { $0 = result } }
}

/// Runs jobs on the thread that asks for it.
private final class QueueExecutor: TaskExecutor {
    private let jobs = Mutex<[UnownedJob]>([])

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
    }

    /// False if there was nothing to do.
    func runAll() -> Bool {
        let some = jobs.withLock { jobs in
            defer { jobs = [] }
            return jobs
        }
        for job in some { job.runSynchronously(on: asUnownedTaskExecutor()) }
        return !some.isEmpty
    }
}
