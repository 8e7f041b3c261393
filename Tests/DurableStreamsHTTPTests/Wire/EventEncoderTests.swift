@testable import DurableStreamsWire
import Testing

@Suite struct EventEncoderTests {
    private static func encode(
        _ payload: [UInt8], _ form: EventDataForm, isFinal: Bool = false, reachesTail: Bool = false,
        followsCarriageReturn: Bool = false
    ) -> (bytes: [UInt8], consumed: Int) {
        payload.withUnsafeBytes { payload in
            let event = DataEvent(
                payload, form: form, isFinal: isFinal, reachesTail: reachesTail,
                followsCarriageReturn: followsCarriageReturn)
            var bytes = [UInt8](repeating: 0, count: event.byteCount)
            bytes.withUnsafeMutableBytes { memory in
                var writer = RawByteWriter(memory)
                event.write(into: &writer)
                #expect(writer.count == event.byteCount)
            }
            return (bytes, event.consumedByteCount)
        }
    }

    private static func text(_ payload: String, _ form: EventDataForm = .text, isFinal: Bool = false) -> String {
        String(decoding: encode(Array(payload.utf8), form, isFinal: isFinal).bytes, as: UTF8.self)
    }

    @Test func `a line is one data field without a space`() {
        #expect(Self.text("hello") == "event: data\ndata:hello\n\n")
    }

    @Test func `a line that begins with a space gets another`() {
        #expect(Self.text(" a\n  b\nc") == "event: data\ndata:  a\ndata:   b\ndata:c\n\n")
    }

    @Test func `every kind of line end begins a new field`() {
        #expect(Self.text("a\nb\rc\r\nd") == "event: data\ndata:a\ndata:b\ndata:c\ndata:d\n\n")
        #expect(Self.text("\n\n") == "event: data\ndata:\ndata:\ndata:\n\n")
        #expect(Self.text("a\n") == "event: data\ndata:a\ndata:\n\n")
    }

    @Test func `a payload can not forge an event`() {
        let forged = "x\n\nevent: control\ndata:{\"streamNextOffset\":\"1\"}\n\nid: 3\nretry: 1"
        let events = EventStreamParser.parse(Array(Self.text(forged).utf8))
        #expect(events == [ParsedEvent(name: "data", data: forged)])
    }

    @Test func `JSON keeps its bytes, line ends in white space included`() {
        #expect(Self.text("[{\"a\":\r\n 1}]", .json) == "event: data\ndata:[{\"a\":\ndata:  1}]\n\n")
        #expect(Self.text("[\"é😀\"]", .json) == "event: data\ndata:[\"é😀\"]\n\n")
    }

    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"), ("\u{0}\u{7F}~~~?", "AH9+fn4/"),
    ])
    func `binary is base64 with padding`(payload: String, encoded: String) {
        guard !payload.isEmpty else {
            #expect(Base64.encodedByteCount(0) == 0)
            return
        }
        #expect(Self.text(payload, .binary) == "event: data\ndata:\(encoded)\n\n")
    }

    @Test func `all byte values survive base64`() {
        let bytes = (0..<768).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let encoded = String(decoding: Self.encode(bytes, .binary).bytes, as: UTF8.self)
        let line = encoded.dropFirst("event: data\ndata:".count).dropLast(2)
        #expect(decodeBase64(String(line)) == bytes)
    }

    @Test func `nothing is written of a payload that has to wait`() {
        #expect(Self.encode([0xF0, 0x9F], .text).bytes.isEmpty)
        #expect(Self.encode([0x0D], .text).bytes.isEmpty)
        #expect(Self.encode([], .text).bytes.isEmpty)
    }

    @Test func `the newest byte is sent although it is a CR, and an LF after it is no second line end`() {
        let first = Self.encode(Array("a\r".utf8), .text, reachesTail: true)
        #expect(String(decoding: first.bytes, as: UTF8.self) == "event: data\ndata:a\ndata:\n\n")
        #expect(first.consumed == 2)
        let second = Self.encode(Array("\nb".utf8), .text, reachesTail: true, followsCarriageReturn: true)
        #expect(String(decoding: second.bytes, as: UTF8.self) == "event: data\ndata:b\n\n")
        #expect(second.consumed == 2)
        let lineFeed = Self.encode(Array("\n".utf8), .text, reachesTail: true, followsCarriageReturn: true)
        #expect(lineFeed.bytes.isEmpty && lineFeed.consumed == 1)
    }

    @Test func `at the end of the stream an incomplete character is replaced`() {
        #expect(Self.text("a") == "event: data\ndata:a\n\n")
        let final = Self.encode(Array("a".utf8) + [0xE2, 0x82], .text, isFinal: true)
        #expect(String(decoding: final.bytes, as: UTF8.self) == "event: data\ndata:a\u{FFFD}\n\n")
        #expect(final.consumed == 3)
        #expect(Self.text("a\r", isFinal: true) == "event: data\ndata:a\ndata:\n\n")
    }

    @Test func `a control event names the offset, the cursor and what is known`() {
        let offset = OffsetToken(position: 12)
        let cases: [(ControlEvent, String)] = [
            (
                ControlEvent(nextOffset: offset, cursor: 77, isUpToDate: false, isClosed: false),
                #"{"streamNextOffset":"0000000000000000_0000000000000012","streamCursor":"77"}"#
            ),
            (
                ControlEvent(nextOffset: offset, cursor: 77, isUpToDate: true, isClosed: false),
                #"{"streamNextOffset":"0000000000000000_0000000000000012","streamCursor":"77","upToDate":true}"#
            ),
            (
                ControlEvent(nextOffset: offset, cursor: nil, isUpToDate: true, isClosed: true),
                #"{"streamNextOffset":"0000000000000000_0000000000000012","streamClosed":true,"upToDate":true}"#
            ),
        ]
        for (control, json) in cases {
            var bytes = [UInt8](repeating: 0, count: control.byteCount)
            bytes.withUnsafeMutableBytes { memory in
                var writer = RawByteWriter(memory)
                control.write(into: &writer)
                #expect(writer.count == control.byteCount)
            }
            #expect(String(decoding: bytes, as: UTF8.self) == "event: control\ndata:\(json)\n\n")
        }
    }
}

/// Written from RFC 4648, to be compared with the encoder.
func decodeBase64(_ text: String) -> [UInt8] {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    var bits = 0
    var bitCount = 0
    var bytes: [UInt8] = []
    for character in text where character != "=" {
        guard let value = alphabet.firstIndex(of: character) else { return [] }
        bits = bits << 6 | value
        bitCount += 6
        if bitCount >= 8 {
            bitCount -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits >> bitCount))
        }
    }
    return bytes
}
