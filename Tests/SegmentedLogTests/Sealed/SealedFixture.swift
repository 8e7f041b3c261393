import SimulatedDisk

@testable import SegmentedLog

/// What a sealed segment is to say of a stream.
struct SealedModel: Equatable {
    struct Entry: Equatable {
        var bytes: ComparableBytes
        var endsAppend = true
        var committedAt: Int64 = 1_000

        init(_ bytes: [UInt8], endsAppend: Bool = true, committedAt: Int64 = 1_000) {
            self.bytes = ComparableBytes(bytes: bytes)
            self.endsAppend = endsAppend
            self.committedAt = committedAt
        }
    }

    var number: UInt64
    var isTombstone = false
    /// Where the first entry begins.
    var position: UInt64 = 0
    var entries: [Entry] = []
    var row: [UInt8] = []
    var start: UInt64 = 0
    /// How far the tail is behind the last entry.
    var distanceToTail: UInt64 = 0
    var newestCommitAt: Int64 = 0

    var end: UInt64 { entries.reduce(position) { $0 + UInt64($1.bytes.bytes.count) } }
    var bytes: [UInt8] { joined(entries.map(\.bytes.bytes)) }
}

/// Files of sealed segments on a simulated disk.
enum SealedFixture {
    static let identity = SealedIdentity(first: 3, last: 7, generation: 2)
    /// 00 01 02 … 0F
    static let storeIdentifier = StoreIdentifier(low: 0x0706_0504_0302_0100, high: 0x0F0E_0D0C_0B0A_0908)
    static let path = "/store/0000000000000003-0000000000000007-00000002.sealed"

    static func newDisk() throws -> SimulatedDisk {
        let disk = SimulatedDisk(seed: 1, fileByteCountLimit: 32 << 20, recordsTrace: false)
        try disk.createDirectory("/store")
        return disk
    }

    /// Writes a segment with `fill`, and opens it.
    static func make(
        _ path: String = path, identity: SealedIdentity = identity, on disk: any FileSystem,
        willWrite: @escaping (Int) -> Void = { _ in }, _ fill: (SealedSegmentWriter) throws -> Void
    ) throws -> SealedSegment {
        let writer = SealedSegmentWriter(
            identity: identity, storeIdentifier: storeIdentifier, file: try disk.createFile(path),
            willWrite: willWrite)
        try fill(writer)
        try writer.finish(
            firstSequenceNumber: LogSequenceNumber(rawValue: 17), endSequenceNumber: LogSequenceNumber(rawValue: 42),
            lastFrameChecksum: 0xCAFE_F00D)
        return try SealedSegment.open(path, identity: identity, fileSystem: disk)
    }

    static func make(
        _ path: String = path, identity: SealedIdentity = identity, on disk: any FileSystem, _ models: [SealedModel]
    ) throws -> SealedSegment {
        try make(path, identity: identity, on: disk) { writer in
            for model in models { try writer.add(model) }
        }
    }

    static func open(_ content: [UInt8]) throws -> SealedSegment {
        let disk = try newDisk()
        disk.setContent(path, content)
        return try SealedSegment.open(path, identity: identity, fileSystem: disk)
    }
}

extension SealedSegmentWriter {
    func add(_ model: SealedModel) throws {
        let number = StreamNumber(rawValue: model.number)
        if model.isTombstone { return addTombstone(number) }
        beginStream(number)
        try add(model.entries, at: model.position)
        try end(model)
    }

    func add(_ entries: [SealedModel.Entry], at position: UInt64) throws {
        var position = StreamPosition(rawValue: position)
        for entry in entries {
            try entry.bytes.bytes.withUnsafeBytes {
                try add($0, at: position, endsAppend: entry.endsAppend, committedAt: entry.committedAt)
            }
            position = position.advanced(by: entry.bytes.bytes.count)
        }
    }

    func end(_ model: SealedModel) throws {
        try model.row.withUnsafeBytes {
            try endStream(
                row: $0, start: StreamPosition(rawValue: model.start),
                tail: StreamPosition(rawValue: model.end + model.distanceToTail), newestCommitAt: model.newestCommitAt)
        }
    }

    /// Copies all blocks of a stream.
    func copyBlocks(of stream: SealedStream, from segment: SealedSegment) throws {
        for index in stream.blocks { try copy(segment.block(at: index), from: segment) }
    }
}

extension SealedSegment {
    /// Everything that it says of a stream. The entries of one block all have the block's time.
    func model(at row: Int) throws -> SealedModel {
        let stream = stream(at: row)
        var model = SealedModel(number: stream.number.rawValue)
        model.isTombstone = stream.isTombstone
        model.row = Array(self.row(of: stream))
        model.start = stream.start.rawValue
        model.newestCommitAt = stream.newestCommitAt
        for index in stream.blocks {
            let block = block(at: index)
            if index == stream.firstBlock { model.position = block.position.rawValue }
            let decoded = try decode(block)
            decoded.forEachPiece { range, endsAppend in
                let piece = Array(decoded.payload[range])
                if range.lowerBound == 0, !block.beginsEntry, let last = model.entries.indices.last {
                    model.entries[last].bytes.bytes += piece
                    model.entries[last].endsAppend = endsAppend
                    model.entries[last].committedAt = block.committedAt
                } else {
                    model.entries.append(.init(piece, endsAppend: endsAppend, committedAt: block.committedAt))
                }
            }
        }
        model.distanceToTail = stream.tail.rawValue - (model.isTombstone ? 0 : model.end)
        return model
    }

    func models() throws -> [SealedModel] { try (0 ..< streamCount).map(model(at:)) }

    var blocks: [SealedBlock] { (0 ..< blockCount).map(block(at:)) }

    var faults: [LogReadError] {
        var faults: [LogReadError] = []
        verifyBlocks { faults.append($0) }
        return faults
    }
}
