internal import Glibc

/// A whole store: several files, opened, read, appended to, maintained, closed and opened again.
///
/// Input: one byte of options (1 frames keep their own sequence numbers and checksums of the frame before, 2 checksums of
/// sealed segments stay as they are), then files: kind (0 journal, 1 sealed, 2 recycled, 3 partial, 4 sealing), first and
/// last number, generation (each one byte; 255 stands for the largest), byte count (3), bytes. The bytes of a journal
/// segment are those behind its header.
enum WholeStoreTarget: FuzzTarget {
    static let name = "whole-store"

    static func seeds() -> [[UInt8]] {
        [(1, false), (3, false), (5, true), (9, true), (14, true)].map { roundCount, deletes in
            encode(SeedStore.write(roundCount: roundCount, deletes: deletes))
        }
    }

    private static func encode(_ disk: MemoryFileSystem) -> [UInt8] {
        var input: [UInt8] = [0]
        for path in disk.paths {
            let name = String(path.dropFirst("/store/".count))
            var content = disk.content(path)
            if let (number, kind) = SegmentDirectory.parse(name) {
                content.removeFirst(4096)
                while content.last == 0 { content.removeLast() }
                // A recycled file may hold anything.
                if kind == .recycled { content = [] }
                input += [kind == .journal ? 0 : kind == .recycled ? 2 : 3, UInt8(number), UInt8(number), 0]
            } else if let identity = SealedIdentity.parse(name) {
                input += [1, UInt8(identity.first), UInt8(identity.last), UInt8(identity.generation)]
            } else {
                continue
            }
            input += [UInt8(content.count & 255), UInt8(content.count >> 8 & 255), UInt8(content.count >> 16)]
            input += content
        }
        return input
    }

    /// The files as the input has them, with headers and checksums made right.
    private static func decode(_ input: [UInt8]) -> MemoryFileSystem {
        let disk = MemoryFileSystem()
        guard let options = input.first else { return disk }
        var chain: Repair.Chain? = options & 1 == 0 ? Repair.Chain() : nil
        var offset = 1
        while offset + 7 <= input.count {
            let first = number(input[offset + 1])
            let last = number(input[offset + 2])
            let generation = input[offset + 3] == 255 ? SealedIdentity.generationLimit : UInt32(input[offset + 3])
            let wanted = Int(input[offset + 4]) | Int(input[offset + 5]) << 8 | Int(input[offset + 6]) << 16
            let end = min(input.count, offset + 7 + wanted)
            var content = Array(input[(offset + 7)..<end])
            let identity = SealedIdentity(first: first, last: last, generation: generation)
            switch input[offset] % 5 {
            case 0: putJournal(first, content, &chain, disk)
            case 1 where identity.isValid:
                finish(&content, identity, repairs: options & 2 == 0)
                if chain != nil, content.count >= 192 {
                    let footer = content.count - SealedFooter.byteCount
                    chain = Repair.Chain(
                        nextSequenceNumber: content.integer(at: footer + 80),
                        previousChecksum: content.integer(at: footer + 68))
                }
                disk.put("/store/\(identity.name())", content)
            case 2:
                Repair.spoilFrames(&content)
                disk.put("/store/" + SegmentDirectory.name(first, .recycled), content, byteCount: 65_536)
            case 3:
                Repair.spoilFrames(&content)
                disk.put("/store/" + SegmentDirectory.name(first, .partial), content)
            case 4 where identity.isValid: disk.put("/store/" + identity.name(suffix: "sealing"), content)
            default: break
            }
            offset = end
        }
        return disk
    }

    private static func number(_ byte: UInt8) -> UInt64 { byte == 255 ? SealedIdentity.numberLimit : UInt64(byte) }

    private static func putJournal(
        _ number: UInt64, _ content: [UInt8], _ chain: inout Repair.Chain?, _ disk: MemoryFileSystem
    ) {
        let byteCount = SegmentSize.smallestByteCount
        let header = SegmentHeader(
            segmentNumber: number, fileByteCount: byteCount, storeIdentifier: Repair.storeIdentifier)
        var file = header.encode() + content.prefix(byteCount - 4096)
        file += [UInt8](repeating: 0, count: byteCount - file.count)
        Repair.spoilFrames(&file)
        Repair.frames(&file, from: 4096, segmentNumber: number, chain: &chain)
        disk.put("/store/" + SegmentDirectory.name(number, .journal), file)
    }

    private static func finish(_ file: inout [UInt8], _ identity: SealedIdentity, repairs: Bool) {
        guard repairs, file.count >= SealedHeader.byteCount else { return }
        let header = SealedHeader(identity: identity, storeIdentifier: Repair.storeIdentifier)
        file.replaceSubrange(16..<60, with: header.encode()[16..<60])
        Repair.sealedSegment(&file)
    }

    // MARK: Running

    static func run(_ bytes: UnsafeRawBufferPointer) {
        let disk = decode(Array(bytes))
        guard let store = OpenedStore(disk) else { return }
        let first = store.readAll()
        store.exercise()
        store.log.close()
        guard let again = OpenedStore(disk) else { fail("a store that was opened does not open again") }
        let second = again.readAll()
        for (number, content) in first where content != nil {
            expect(second[number] == content, "a stream has changed")
        }
        again.log.close()
    }
}

/// A log, and an owner for each of its streams.
private final class OpenedStore {
    let log: SegmentedLog
    private let streams: Streams

    private final class Streams {
        var known: [UInt64: SeedStore.Owner] = [:]
    }

    init?(_ disk: MemoryFileSystem) {
        let streams = Streams()
        do throws(LogOpenError) {
            log = try SegmentedLog.open(
                directory: "/store", configuration: SeedStore.configuration(), fileSystem: disk,
                recoverRow: { (row) throws(RecoveryRefusal) in
                    streams.known[row.stream.number.rawValue] = SeedStore.Owner(row.stream)
                },
                recover: { (entry) throws(RecoveryRefusal) in
                    let number = entry.stream.number.rawValue
                    if entry.kind == .create { streams.known[number] = SeedStore.Owner(entry.stream) }
                    if entry.kind == .delete { streams.known[number] = nil }
                })
        } catch {
            // Two files with the same number stand in each other's way, which no crash leaves; and numbers have an end.
            if case .system(let failure) = error {
                expect([EEXIST, EOVERFLOW].contains(failure.errno), "\(failure)")
            }
            return nil
        }
        self.streams = streams
    }

    /// The content of each stream; nil where a block is damaged.
    func readAll() -> [UInt64: [UInt8]?] {
        streams.known.mapValues { owner in
            let stream = owner.logStream
            let read = stream.read(from: .start, upTo: stream.tail, byteCountLimit: .max >> 1, splitsEntries: true)
            _ = read.isResident
            let content = [UInt8](unsafeUninitializedCapacity: read.byteCount) { memory, count in
                let isWhole = (try? read.copyBytes(into: UnsafeMutableRawBufferPointer(memory))) != nil
                count = isWhole ? read.byteCount : 0
            }
            expect(read.byteCount == stream.tail.distance(from: stream.start))
            return content.count == read.byteCount ? content : nil
        }
    }

    /// Asks for everything that can be asked, appends a little, and lets the maintenance work.
    func exercise() {
        for number in streams.known.keys.sorted() {
            let stream = streams.known[number]!.logStream
            let middle = stream.start.advanced(by: stream.tail.distance(from: stream.start) / 2)
            for position in [stream.start, middle, stream.tail] {
                if let start = try? stream.entryStart(atOrBefore: position) { expect(start <= position) }
                if let end = try? stream.appendEnd(holding: position) { expect(end > position) }
                _ = stream.planIsResident(from: position, byteCountLimit: 1_000)
                _ = stream.read(from: position, upTo: stream.tail, byteCountLimit: 100, splitsEntries: false).byteCount
            }
        }
        guard let owner = streams.known.min(by: { $0.key < $1.key })?.value else { return log.runPendingWork() }
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        _ = try? log.createStream(row: none) { SeedStore.Owner($0) }
        _ = try? log.append(to: owner, at: owner.logStream.tail, annotation: none, payload: .none)
        log.runPendingWork()
    }
}
