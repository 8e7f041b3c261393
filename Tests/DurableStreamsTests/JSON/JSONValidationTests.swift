import Testing

@testable import DurableStreams

@Suite struct JSONValidationTests {
    @Test(arguments: JSONTestSuiteCase.accepted)
    func `what the public test suite accepts is accepted`(_ text: JSONTestSuiteCase) {
        #expect(JSONBatch.error(of: text.bytes) == nil)
        #expect(ReferenceJSON.messages(of: text.bytes) != nil)
    }

    @Test(arguments: JSONTestSuiteCase.rejected)
    func `what the public test suite rejects is rejected`(_ text: JSONTestSuiteCase) {
        #expect(JSONBatch.error(of: text.bytes) != nil)
    }

    @Test(arguments: [
        (1, 9_999), (1, 10_000), (10_000, 10_000), (63, 64), (64, 65), (65, 128),
    ])
    func `up to 10,000 arrays and objects may be open at once`(objectEvery: Int, depth: Int) {
        let text = nested(depth: depth, objectEvery: objectEvery)
        #expect(JSONBatch.error(of: text) == nil)
    }

    @Test(arguments: [1, 2, 3, 10_001])
    func `one more than 10,000 is refused where it opens`(objectEvery: Int) throws {
        let text = nested(depth: 10_001, objectEvery: objectEvery)
        let error = try #require(JSONBatch.error(of: text))
        #expect(error.reason == .nestedTooDeep)
        let openings = text[...error.byteOffset].filter { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "{") }
        #expect(openings.count == 10_001)
    }

    @Test func `the array that is flattened counts as one level`() {
        let limit = JSONValidator.depthLimit
        let element = nested(depth: limit - 1, objectEvery: 1)
        #expect(JSONBatch.error(of: Array("[1,".utf8) + element + Array("]".utf8)) == nil)
        let tooDeep = nested(depth: limit, objectEvery: 1)
        #expect(JSONBatch.error(of: Array("[1,".utf8) + tooDeep + Array("]".utf8))?.reason == .nestedTooDeep)
    }

    @Test func `brackets must close what they opened, on every level`() {
        for depth in [1, 2, 63, 64, 65, 66, 128, 129, 300] {
            let text = nested(depth: depth, objectEvery: 3)
            #expect(JSONBatch.error(of: text) == nil)
            for level in 0..<depth {
                var wrong = text
                let closing = text.count - 1 - level
                wrong[closing] ^= UInt8(ascii: "]") ^ UInt8(ascii: "}")
                #expect(JSONBatch.error(of: wrong)?.byteOffset == closing)
            }
        }
    }

    @Test(
        arguments: [
            ("", 0, .unexpectedEnd), (" \n", 2, .unexpectedEnd), ("[", 1, .unexpectedEnd), ("[1", 2, .unexpectedEnd),
            ("{\"a\"", 4, .unexpectedEnd), ("{\"a\":", 5, .unexpectedEnd), ("tru", 3, .unexpectedEnd),
            ("-", 1, .unexpectedEnd), ("[1,", 3, .unexpectedEnd), ("{", 1, .unexpectedEnd),
            ("\"\\u12", 5, .unexpectedEnd),
            ("\u{FEFF}1", 0, .byteOrderMark), ("[1,]", 3, .valueExpected), ("[,1]", 1, .valueExpected),
            ("x", 0, .valueExpected), ("{\"a\":}", 5, .valueExpected), ("[+1]", 1, .valueExpected),
            ("[trux]", 1, .invalidLiteral), ("nil", 0, .invalidLiteral), ("[01]", 2, .invalidNumber),
            ("[1.]", 3, .invalidNumber), ("-x", 1, .invalidNumber), ("1e", 2, .unexpectedEnd),
            ("[1ex]", 3, .invalidNumber),
            ("[\"ab\\x\"]", 4, .invalidEscape), ("[\"\\u12g4\"]", 2, .invalidEscape),
            ("[\"a\tb\"]", 3, .controlCharacter), ("{1:2}", 1, .nameExpected), ("{\"a\":1,}", 7, .nameExpected),
            ("{\"a\" 1}", 5, .colonExpected), ("[1 2]", 3, .commaOrClosingBracketExpected),
            ("[[1}]", 3, .commaOrClosingBracketExpected), ("{\"a\":1]", 6, .commaOrClosingBraceExpected),
            ("1 2", 2, .trailingBytes), ("[1]]", 3, .trailingBytes), ("{}\0", 2, .trailingBytes),
        ] as [(String, Int, JSONSyntaxError.Reason)])
    func `an error names the byte and the reason`(text: String, byteOffset: Int, reason: JSONSyntaxError.Reason) {
        #expect(JSONBatch.error(of: text) == JSONSyntaxError(byteOffset: byteOffset, reason: reason))
    }

    @Test func `an error's description names the byte and repeats nothing of the text`() {
        let error = JSONSyntaxError(byteOffset: 12, reason: .colonExpected)
        #expect(error.description == "invalid JSON at byte 12: a colon is expected")
    }

    @Test func `exactly the well-formed UTF-8 sequences of two bytes are accepted in strings`() {
        for first in UInt8(0x80)...0xFF {
            for second in [0x00, 0x22, 0x7F, 0x80, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF] as [UInt8] {
                expectSameVerdict([first, second])
            }
        }
    }

    @Test func `exactly the well-formed UTF-8 sequences of three and four bytes are accepted in strings`() {
        let continuations: [UInt8] = [0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0]
        for first in UInt8(0xDF)...0xF8 {
            for second in continuations {
                expectSameVerdict([first, second, 0x80])
                expectSameVerdict([first, second, 0xBF, 0xBF])
                expectSameVerdict([first, second, 0xC0])
                expectSameVerdict([first, second, 0x80, 0x7F])
            }
        }
    }

    @Test func `a special character is noticed at every place of a word`() {
        for length in 0..<20 {
            for special in ["\u{1F}", "\0", "\\", "\"", "\u{7F}", "\u{E9}", " ", "!", "#", "[", "]"] {
                let text = "[\"" + String(repeating: "z", count: length) + special + "zzzzzzzzzzzz\"]"
                expectSameVerdict(ofText: Array(text.utf8))
            }
        }
    }

    @Test func `white space of every length is skipped and nothing else`() {
        for length in 0..<20 {
            let spaces = String(repeating: " ", count: length)
            #expect(
                JSONBatch.stored("\n\(spaces)[\n\(spaces)1\n\(spaces),\n\(spaces)2\n\(spaces)]\n\(spaces)") == "1,2,")
            #expect(JSONBatch.error(of: "\n\(spaces)\u{B}1")?.reason == .valueExpected)
            #expect(JSONBatch.error(of: "1\n\(spaces)\u{A0}")?.reason == .trailingBytes)
        }
    }

    private func nested(depth: Int, objectEvery: Int) -> [UInt8] {
        var opening: [UInt8] = []
        var closing: [UInt8] = []
        for level in 1...depth {
            let isObject = level.isMultiple(of: objectEvery) && objectEvery > 1
            opening += Array((isObject ? "{\"\":" : "[").utf8)
            closing.append(isObject ? UInt8(ascii: "}") : UInt8(ascii: "]"))
        }
        // An object needs a value.
        return opening + [UInt8(ascii: "0")] + closing.reversed()
    }

    private func expectSameVerdict(_ stringBytes: [UInt8]) {
        expectSameVerdict(ofText: [UInt8(ascii: "\"")] + stringBytes + [UInt8(ascii: "\"")])
    }

    private func expectSameVerdict(ofText bytes: [UInt8]) {
        let isValid = ReferenceJSON.messages(of: bytes) != nil
        if (JSONBatch.error(of: bytes) == nil) != isValid {
            Issue.record("\(bytes) should be \(isValid ? "accepted" : "rejected")")
        }
    }
}
