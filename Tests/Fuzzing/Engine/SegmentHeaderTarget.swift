/// The headers of journal segments and of sealed ones, with the checksum made right. What is taken is written as it was read.
enum SegmentHeaderTarget: FuzzTarget {
    static let name = "segment-header"

    static func seeds() -> [[UInt8]] {
        let journal = SegmentHeader(segmentNumber: 7, fileByteCount: 1 << 20, storeIdentifier: Repair.storeIdentifier)
        let sealed = SealedHeader(
            identity: SealedIdentity(first: 1, last: 7, generation: 2), storeIdentifier: Repair.storeIdentifier)
        return [journal.encode(), sealed.encode()]
    }

    static func run(_ bytes: UnsafeRawBufferPointer) {
        var journal = Array(bytes)
        Repair.segmentHeader(&journal)
        if let header = try? journal.withUnsafeBufferPointer({ try SegmentHeader.decode(UnsafeRawBufferPointer($0)) }) {
            expect(header.encode() == Array(journal[..<SegmentHeader.byteCount]))
        }
        var sealed = Array(bytes)
        Repair.sealedHeader(&sealed)
        if let header = try? sealed.withUnsafeBufferPointer({ try SealedHeader.decode(UnsafeRawBufferPointer($0)) }) {
            expect(header.encode() == Array(sealed[..<SealedHeader.byteCount]))
            expect(SealedIdentity.parse(header.identity.name()) == header.identity)
        }
    }
}
