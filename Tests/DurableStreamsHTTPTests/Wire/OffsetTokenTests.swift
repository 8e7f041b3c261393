import DurableStreamsWire
import Testing

@Suite struct OffsetTokenTests {
    @Test func `a position is written with sixteen digits after the reserved field`() {
        #expect(OffsetToken(position: 0).description == "0000000000000000_0000000000000000")
        #expect(OffsetToken(position: 1_234).description == "0000000000000000_0000000000001234")
        #expect(OffsetToken(position: 9_999_999_999_999_999).description == "0000000000000000_9999999999999999")
        #expect(OffsetToken(position: 100_000_000).description == "0000000000000000_0000000100000000")
    }

    @Test func `what was written is read back`() {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<10_000 {
            let digits = UInt64.random(in: 0...53, using: &generator)
            let position = UInt64.random(in: 0...(1 << digits), using: &generator)
            let token = OffsetToken(position: position)
            #expect(OffsetToken(token.description) == token)
        }
    }

    @Test func `later positions are written as greater texts`() {
        let positions: [UInt64] = [0, 1, 9, 10, 99_999_999, 100_000_000, 123_456_789_012, 9_999_999_999_999_999]
        let texts = positions.map { Array(OffsetToken(position: $0).description.utf8) }
        for (left, right) in zip(texts, texts.dropFirst()) { #expect(left.lexicographicallyPrecedes(right)) }
    }

    @Test(arguments: [
        "", "0", "-1", "now", "0000000000000000_000000000000000", "0000000000000000_00000000000000000",
        "0000000000000000-0000000000000000", "0000000000000000_000000000000000a", " 000000000000000_0000000000000000",
        "0000000000000000_0000000000000000 ", "0000000000000000_+000000000000001", "00000000000000000000000000000000_",
        "0000000000000000_0000000000000000\n", "0000000000000000_００００００",
    ])
    func `no other form is read`(text: String) {
        #expect(OffsetToken(text) == nil)
    }

    @Test func `a reserved field that is not zero is later than every position`() throws {
        let token = try #require(OffsetToken("0000000000000001_0000000000000000"))
        #expect(token > OffsetToken(position: OffsetToken.fieldLimit))
    }
}
