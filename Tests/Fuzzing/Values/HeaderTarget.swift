/// Values of header fields: numbers, white space, content codings and entity tags.
enum HeaderTarget: FuzzTarget {
    static let name = "header"

    static func seeds() -> [[UInt8]] {
        [
            "0", "007", "9007199254740991", "9007199254740992", " \t x \t", "TRUE", "gzip;q=0.5, deflate ; Q=1.000, *;q=0",
            "identity;q=0,br", #"W/"a", "7-0-0-5-c-g" , *"#, "\u{FFFD}", #""7-0-0-5-c-g""#, "*",
        ].map { Array($0.utf8) }
    }

    static func run(_ bytes: UnsafeRawBufferPointer) {
        let text = bytes.text
        if case .value(let value) = HeaderNumber(text, allowsLeadingZeros: true) {
            expect(value <= HeaderNumber.limit && UInt64(text) == value, "another number")
        }
        if case .value(let value) = HeaderNumber(text, allowsLeadingZeros: false) {
            expect(String(value) == text, "a number with zeros before it")
        }
        let trimmed = HeaderValue.trimmed(text)
        expect(HeaderValue.trimmed(trimmed) == trimmed, "still white space")
        _ = HeaderValue.isTrue(text)
        _ = HeaderValue.isIdentityOrEmpty(text)
        expect(HeaderValue.holdsReplacementCharacter(text) == text.unicodeScalars.contains("\u{FFFD}"), "replacement character")
        _ = ContentNegotiation.coding(for: text)
        let tag = EntityTag(
            streamNumber: 7, createdAtMilliseconds: 0, start: 0, end: 5, isClosedAtEnd: true, coding: .gzip)
        if tag.isNamed(by: text) { expect(text.contains("*") || text.contains(#"-5-c-g""#), "not named: \(text)") }
        var number = Array(text.utf8)
        number.withUnsafeMutableBytes { _ = CursorClock.parse(UnsafeRawBufferPointer($0)) }
    }
}
