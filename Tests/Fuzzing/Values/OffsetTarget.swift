/// Offsets. One that is taken is written as it was read.
enum OffsetTarget: FuzzTarget {
    static let name = "offset"

    static func seeds() -> [[UInt8]] {
        ["0000000000000000_0000000000000012", "9999999999999999_9999999999999999"].map { Array($0.utf8) }
    }

    static func run(_ bytes: UnsafeRawBufferPointer) {
        guard let token = OffsetToken(bytes) else { return }
        expect(token.description == bytes.text, "an offset is written as another one")
        expect(token.position <= OffsetToken.fieldLimit && token.reserved <= OffsetToken.fieldLimit, "out of range")
    }
}
