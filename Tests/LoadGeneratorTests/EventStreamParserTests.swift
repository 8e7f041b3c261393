import Testing

@testable import LoadGenerator

@Suite struct EventStreamParserTests {
    static func parse(_ text: String, splitAt places: [Int] = []) throws -> [String] {
        let bytes = Array(text.utf8)
        var parser = EventStreamParser()
        var events: [String] = []
        var start = 0
        for end in places + [bytes.count] {
            let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: end - start, alignment: 1)
            defer {
                for index in piece.indices { piece[index] = 0 }
                piece.deallocate()
            }
            piece.copyBytes(from: bytes[start..<end])
            start = end
            var rest = UnsafeRawBufferPointer(piece)
            while let event = try parser.next(&rest) {
                switch event {
                case .data(let bytes): events.append("data " + String(decoding: bytes, as: UTF8.self))
                case .control(let bytes): events.append("control " + String(decoding: bytes, as: UTF8.self))
                }
            }
        }
        return events
    }

    static let text = """
        event: data
        data:one line

        : a comment
        event: data
        data:first of two
        data:  and the second

        event: control
        data:{"streamNextOffset":"0_5","streamCursor":"7","upToDate":true}


        """
    static let events = [
        "data one line", "data first of two\n and the second",
        "control {\"streamNextOffset\":\"0_5\",\"streamCursor\":\"7\",\"upToDate\":true}",
    ]

    @Test(arguments: [text, text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n")])
    func `An event stream split at any byte gives the same events`(text: String) throws {
        for place in 0...text.utf8.count {
            #expect(try Self.parse(text, splitAt: [place]) == Self.events, "split at \(place)")
        }
        #expect(try Self.parse(text, splitAt: Array(1..<text.utf8.count)) == Self.events)
    }

    @Test(arguments: [
        ("event: other\n", EventStreamError.unknownEvent),
        ("data:x\n\n", .unknownEvent),
        ("event: data\n\n", .eventWithoutData),
        ("garbage\n", .unknownField),
    ])
    func `What is no event of the protocol is an error`(text: String, error: EventStreamError) {
        #expect(throws: error) { try Self.parse(text) }
    }

    @Test func `An event of no bytes is an event`() throws {
        #expect(try Self.parse("event: data\ndata:\n\n") == ["data "])
    }

    @Test(arguments: [
        (#"{"streamNextOffset":"0_5","upToDate":true}"#, "0_5" as String?, true),
        (#"{"streamCursor":"1","streamNextOffset":"0_6"}"#, "0_6", false),
        (#"{"streamCursor":"1"}"#, nil, false),
        ("", nil, false),
    ])
    func `A control event tells where to go on`(text: String, offset: String?, isUpToDate: Bool) {
        let control = Array(text.utf8).withUnsafeBytes { ControlEvent($0) }
        #expect(control.map { String(decoding: $0.nextOffset, as: UTF8.self) } == offset)
        #expect(control?.isUpToDate ?? false == isUpToDate)
    }
}
