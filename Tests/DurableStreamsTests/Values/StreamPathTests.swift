import Testing

@testable import DurableStreams

@Suite struct StreamPathTests {
    @Test(arguments: [
        "a", "orders", "orders/42", "a//b", "a/b", "a/b/", "/", "/a", "//", "...", "a/...", ".a", "a.", "..a/b..",
        "%2F",
        "a%2Fb", "a-._~z", "!$&'()*+,;=:@", "0123456789", "ABCxyz", "%20", "%25", "%23", "%3F", "%C3%A9", "%E2%82%AC",
        "%F0%9F%98%80", "%EF%BF%BD", "%22%3C%3E%5B%5C%5D%5E%60%7B%7C%7D", "__ds/x",
    ])
    func `a normal path stays as it is`(text: String) throws {
        #expect(try StreamPath(text).text == text)
        #expect(try StreamPath(text).description == text)
    }

    @Test(arguments: [
        ("%61", "a"), ("%41%5a%5A", "AZZ"), ("%7E%2D%2d%5F%5f%7e", "~--__~"), ("%30%39", "09"), ("a%2Eb", "a.b"),
        ("%2e%2E%2e", "..."), ("a%2fb", "a%2Fb"), ("%c3%a9", "%C3%A9"), ("%C3%a9", "%C3%A9"), ("%3a%40", "%3A%40"),
        ("%21", "%21"), ("%5F%5Fds/x", "__ds/x"), ("%5b", "%5B"),
    ])
    func `escapes of unreserved characters are decoded and hexadecimal digits are upper case`(
        text: String, normalized: String
    ) throws {
        #expect(try StreamPath(text).text == normalized)
    }

    @Test(arguments: [
        ("é", "%C3%A9"), ("€", "%E2%82%AC"), ("😀", "%F0%9F%98%80"), ("a b", "a%20b"), ("\"", "%22"), ("<>", "%3C%3E"),
        ("\\", "%5C"), ("^", "%5E"), ("`", "%60"), ("{|}", "%7B%7C%7D"), ("[]", "%5B%5D"),
        ("é/%c3%a9", "%C3%A9/%C3%A9"),
        ("\u{80}\u{9F}", "%C2%80%C2%9F"), ("\u{10FFFF}", "%F4%8F%BF%BF"), ("\u{FFFE}", "%EF%BF%BE"),
    ])
    func `characters that a path may not hold become escapes`(text: String, normalized: String) throws {
        #expect(try StreamPath(text).text == normalized)
    }

    @Test func `every ASCII character is kept or encoded as RFC 3986 says, plain and escaped`() throws {
        let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
        let unreserved = Set((letters + "0123456789-._~").utf8)
        let alsoInPaths = Set("!$&'()*+,;=:@/".utf8)
        for byte in UInt8(0x20)..<0x7F {
            let character = String(Unicode.Scalar(byte))
            let digits = String(byte, radix: 16, uppercase: true)
            let escape = "%" + digits
            #expect(
                try StreamPath("x" + escape.lowercased()).text == "x" + (unreserved.contains(byte) ? character : escape)
            )
            if unreserved.contains(byte) || alsoInPaths.contains(byte) {
                #expect(try StreamPath("x" + character).text == "x" + character)
            } else if !"%#?".utf8.contains(byte) {
                #expect(try StreamPath("x" + character).text == "x" + escape)
            }
        }
    }

    @Test(arguments: [
        ("a//b", "a/b"), ("a/b", "a/b/"), ("a%2Fb", "a/b"), ("A", "a"), ("!", "%21"), ("%E9%9F%B3", "%E9%9F%B2"),
        ("/a", "a"), ("e\u{301}", "\u{E9}"),
    ])
    func `different streams have different paths`(left: String, right: String) throws {
        #expect(try StreamPath(left) != StreamPath(right))
    }

    @Test(arguments: [("a%41", "aA"), ("%2f", "%2F"), ("é", "%c3%A9"), ("~", "%7e"), (" ", "%20")])
    func `different spellings of one stream are equal and have one hash`(left: String, right: String) throws {
        #expect(try StreamPath(left) == StreamPath(right))
        #expect(try Set([StreamPath(left), StreamPath(right)]).count == 1)
    }

    @Test(arguments: [
        ".", "..", "./a", "../a", "a/.", "a/..", "a/./b", "a/../b", "%2E", "%2e", "%2E%2e", ".%2E", "%2e.", "a/%2e%2E",
        "a/%2E/b", "//..//", "é/..", "/.", "../", "./",
    ])
    func `a dot segment is refused, however it is spelled`(text: String) {
        #expect(throws: StreamPathError.dotSegment) { try StreamPath(text) }
    }

    @Test func `control characters are refused, plain and escaped`() {
        for byte in Array(UInt8(0)..<0x20) + [0x7F] {
            let digits = (byte < 16 ? "0" : "") + String(byte, radix: 16)
            #expect(throws: StreamPathError.controlCharacter) { try StreamPath("a" + String(Unicode.Scalar(byte))) }
            #expect(throws: StreamPathError.controlCharacter) { try StreamPath("a%" + digits) }
            #expect(throws: StreamPathError.controlCharacter) { try StreamPath("%" + digits.uppercased() + "/b") }
        }
    }

    @Test(arguments: ["%", "a%", "%4", "a%4", "%zz", "%4g", "%g4", "%%41", "%é", "% 41", "%+1", "%-1", "a%/b", "%0x"])
    func `a malformed escape is refused`(text: String) {
        #expect(throws: StreamPathError.malformedEscape) { try StreamPath(text) }
    }

    @Test(arguments: [
        "%80", "%FF", "%C3", "%C3a", "%C3/%A9", "%C3%C3", "%C0%AF", "%C1%BF", "%E0%80%80", "%E0%9F%BF", "%ED%A0%80",
        "%ED%BF%BF", "%E2%82", "%F0%80%80%80", "%F0%8F%BF%BF", "%F4%90%80%80", "%F5%80%80%80", "%F0%9F%98", "%A9",
        "%C3é",
        "é%A9", "%FE", "a%E2%82%00", "\u{FFFD}", "a/\u{FFFD}/b", "%C3\u{FFFD}",
    ])
    func `bytes that are not UTF-8 are refused`(text: String) {
        #expect(throws: StreamPathError.invalidUTF8) { try StreamPath(text) }
    }

    @Test func `nothing, a fragment and a query are refused`() {
        #expect(throws: StreamPathError.empty) { try StreamPath("") }
        #expect(throws: StreamPathError.fragment) { try StreamPath("a#b") }
        #expect(throws: StreamPathError.fragment) { try StreamPath("#") }
        #expect(throws: StreamPathError.queryMark) { try StreamPath("a?b") }
        #expect(throws: StreamPathError.queryMark) { try StreamPath("é?offset=-1") }
    }

    @Test func `the normalized path has at most 1,024 bytes`() throws {
        func times(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }

        #expect(try StreamPath(times("a", 1_024)).text.utf8.count == 1_024)
        #expect(throws: StreamPathError.tooLong) { try StreamPath(times("a", 1_025)) }
        #expect(try StreamPath(times("%61", 1_024)).text == times("a", 1_024))
        #expect(throws: StreamPathError.tooLong) { try StreamPath(times("%61", 1_024) + "a") }
        #expect(throws: StreamPathError.tooLong) { try StreamPath(times("%61", 1_023) + "aa") }
        #expect(try StreamPath(times("%20", 341) + "a").text.utf8.count == 1_024)
        #expect(throws: StreamPathError.tooLong) { try StreamPath(times(" ", 342)) }
        #expect(throws: StreamPathError.tooLong) { try StreamPath(times("é", 171)) }
        #expect(throws: StreamPathError.tooLong) { try StreamPath(times("#", 100_000)) }
    }

    @Test func `a part of a longer text is read like a text of its own`() throws {
        let target = "/v1/stream/orders/%34%32?offset=-1"
        let start = try #require(target.utf8.firstIndex(of: UInt8(ascii: "o")))
        let end = try #require(target.firstIndex(of: "?"))
        #expect(try StreamPath(String(target[start..<end])).text == "orders/42")
    }

    @Test func `paths are ordered by their bytes`() throws {
        let sorted = try ["!", "%20", "A", "B", "a", "a/b", "aa", "é", "~"].map { text in try StreamPath(text) }
            .sorted()
        #expect(sorted.map(\.text) == ["!", "%20", "%C3%A9", "A", "B", "a", "a/b", "aa", "~"])
    }

    @Test func `a normalized path normalizes to itself`() throws {
        var random = RandomJSON(seed: 31)
        let pieces = ["a", "/", "%41", "%2f", "é", " ", "%e2%82%ac", "..", ".", "%2E", "~", "!", "{", "%00", "%c3"]
        for _ in 0..<2_000 {
            let text = (0..<random.below(6)).map { _ in random.choose(pieces) }.joined()
            guard let path = try? StreamPath(text) else { continue }
            #expect(try StreamPath(path.text) == path)
            #expect(path.text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
        }
    }

    @Test func `errors say what is wrong without the text`() {
        #expect(StreamPathError.tooLong.description == "the stream path is longer than 1024 bytes")
        #expect(StreamPathError.fragment.description == "the stream path has a '#'")
    }
}
