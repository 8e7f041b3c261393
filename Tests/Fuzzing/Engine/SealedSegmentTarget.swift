/// A whole sealed segment with all checksums made right: opening it, and everything that can be read of it.
enum SealedSegmentTarget: FuzzTarget {
    static let name = "sealed-segment"

    static func seeds() -> [[UInt8]] {
        [(4, false), (9, true), (12, false)].flatMap { roundCount, deletes in
            let disk = SeedStore.write(roundCount: roundCount, deletes: deletes)
            return disk.paths.filter { $0.hasSuffix(".sealed") }.map { disk.content($0) }
        }
    }

    static func run(_ bytes: UnsafeRawBufferPointer) {
        var file = Array(bytes)
        Repair.sealedSegment(&file)
        guard
            let header = try? file.withUnsafeBufferPointer({ try SealedHeader.decode(UnsafeRawBufferPointer($0)) })
        else { return }
        let disk = MemoryFileSystem()
        disk.put("/file", file)
        guard let segment = try? SealedSegment.open("/file", identity: header.identity, fileSystem: disk) else { return }
        for row in 0..<segment.streamCount {
            let stream = segment.stream(at: row)
            expect(segment.row(of: stream).count == stream.rowByteCount)
            expect(segment.indexIsResident(of: stream))
            _ = segment.storedByteCount(of: stream)
            var end: StreamPosition?
            for index in stream.blocks {
                let block = segment.block(at: index)
                expect(end == nil || block.position == end)
                end = block.end
                for position in [block.position, StreamPosition(rawValue: block.end.rawValue - 1)] {
                    expect(segment.blockIndex(holding: position, of: stream) == index)
                }
                guard let decoded = try? segment.decode(block) else { continue }
                var byteCount = 0
                decoded.forEachPiece { range, _ in
                    expect(range.lowerBound == byteCount)
                    byteCount = range.upperBound
                }
                expect(byteCount == decoded.payload.count)
            }
            if let end { expect(end <= stream.tail) }
        }
        segment.verifyBlocks { _ in }
    }
}
