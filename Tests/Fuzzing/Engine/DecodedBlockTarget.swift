/// The stored bytes of one block: LZ4 and boundary lists. Input: codec, the byte counts of payload (2) and list (2), bytes.
enum DecodedBlockTarget: FuzzTarget {
    static let name = "decoded-block"

    static func seeds() -> [[UInt8]] {
        let disk = SeedStore.write(roundCount: 6, deletes: false)
        var seeds: [[UInt8]] = [[0, 3, 0, 2, 0, 97, 98, 99, 5, 2]]
        for path in disk.paths.filter({ $0.hasSuffix(".sealed") }) {
            guard let identity = SealedIdentity.parse(String(path.dropFirst("/store/".count))),
                let segment = try? SealedSegment.open(path, identity: identity, fileSystem: disk)
            else { continue }
            for index in 0..<min(4, segment.blockCount) {
                let block = segment.block(at: index)
                guard let stored = try? segment.verifiedBytes(of: block) else { continue }
                var seed: [UInt8] = [block.codec.rawValue, 0, 0, 0, 0]
                seed.set(UInt16(truncatingIfNeeded: block.payloadByteCount - 1), at: 1)
                seed.set(UInt16(block.boundaryByteCount), at: 3)
                seeds.append(seed + stored)
            }
        }
        return seeds
    }

    static func run(_ bytes: UnsafeRawBufferPointer) {
        let input = Array(bytes)
        guard input.count > 5 else { return }
        // On the heap and just as long, so that an address sanitizer sees reads beyond it.
        let stored = Array(input[5...])
        let block = SealedBlock(
            position: .start, fileOffset: 64, storedByteCount: stored.count,
            payloadByteCount: Int(input.integer(at: 1, as: UInt16.self)) + 1, checksum: 0,
            boundaryByteCount: Int(input.integer(at: 3, as: UInt16.self)), codec: input[0] & 1 == 0 ? .stored : .lz4,
            beginsEntry: true, committedAt: 0)
        guard block.hasValidLengths else { return }
        let decoded = stored.withUnsafeBytes { stored in try? DecodedBlock.decode(stored, of: block) }
        guard let decoded else { return }
        expect(decoded.payload.count == block.payloadByteCount)
        expect(decoded.boundaries.count == block.boundaryByteCount)
        var byteCount = 0
        decoded.forEachPiece { range, _ in
            expect(range.lowerBound == byteCount && range.upperBound > byteCount)
            byteCount = range.upperBound
        }
        expect(byteCount == block.payloadByteCount)
    }
}
