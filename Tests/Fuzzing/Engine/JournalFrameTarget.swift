/// A frame of the journal and its entries, with the checksum made right.
enum JournalFrameTarget: FuzzTarget {
    static let name = "journal-frame"

    static func seeds() -> [[UInt8]] {
        // So little that it is not sealed yet.
        let disk = SeedStore.write(roundCount: 1, deletes: true)
        let file = disk.content("/store/0000000000000001.journal")
        return [Array(file[4096..<(4096 + 400)]), Array(file[4096..<(4096 + 30_000)])]
    }

    static func run(_ bytes: UnsafeRawBufferPointer) {
        var file = Array(bytes)
        var chain: Repair.Chain?
        Repair.frames(&file, from: 0, segmentNumber: 1, chain: &chain)
        file.withUnsafeBytes { bytes in
            guard
                let frame = FrameHeader.decodeVerified(
                    bytes, segmentNumber: 1, storeIdentifier: Repair.storeIdentifier)
            else { return }
            var cursor = EntryCursor(bytes, frame: frame, at: 0)
            var payloadByteCount = 0
            var annotationByteCount = 0
            while let (entry, payloadOffset) = cursor.next() {
                expect(payloadOffset + entry.payloadByteCount <= frame.frameByteCount)
                payloadByteCount += entry.payloadByteCount
                annotationByteCount += entry.annotation.reduce(into: 0) { count, _ in count += 1 }
            }
            guard cursor.isAtEnd else { return }
            expect(payloadByteCount == frame.payloadByteCount)
            expect(annotationByteCount + frame.entryCount * Entry.headerByteCount == frame.tableByteCount)
        }
    }
}
