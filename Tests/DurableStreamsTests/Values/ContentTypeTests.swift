import Testing

@testable import DurableStreams

@Suite struct ContentTypeTests {
    @Test(arguments: [
        ("application/json", "application/json"), ("Application/JSON", "application/json"),
        ("application/json; charset=utf-8", "application/json"), ("application/json;charset=utf-8", "application/json"),
        ("text/plain \t; x=\"a;b,c\"", "text/plain"), ("application/vnd.example+json", "application/vnd.example+json"),
        ("a/b", "a/b"), ("!#$%&'*+-.^_`|~/0", "!#$%&'*+-.^_`|~/0"), ("text/plain;", "text/plain"),
        ("TEXT/HTML;Charset=UTF-8", "text/html"), ("text/plain; name=é", "text/plain"),
        ("image/svg+xml", "image/svg+xml"),
    ])
    func `a content type keeps its text and knows its media type`(text: String, mediaType: String) throws {
        let type = try #require(ContentType(text))
        #expect(type.text == text)
        #expect(type.mediaType == mediaType)
    }

    @Test(arguments: [(" text/plain", "text/plain"), ("text/plain\t ", "text/plain"), ("  A/b; c=d ", "A/b; c=d")])
    func `white space around it is dropped`(text: String, trimmed: String) throws {
        #expect(try #require(ContentType(text)).text == trimmed)
    }

    @Test(arguments: [
        "", " ", "text", "text/", "/plain", "/", "text/plain/x", "text /plain", "text/ plain", "text/plain x",
        "text/plain, text/html", "téxt/plain", "text/plain;a=\r\nX: y", "text/plain;\0", "text/plain;\u{7F}",
        "te\0xt/plain",
        ";text/plain", "text;plain", "(a)/b", "a/b@c", "text\\plain", "a/b\u{A0}",
    ])
    func `what has not the form type and subtype is none`(text: String) {
        #expect(ContentType(text) == nil)
    }

    @Test func `it has at most 64 KiB`() {
        #expect(ContentType("a/" + String(repeating: "b", count: (64 << 10) - 2)) != nil)
        #expect(ContentType("a/" + String(repeating: "b", count: (64 << 10) - 1)) == nil)
    }

    @Test(arguments: [
        ("application/json", true), ("APPLICATION/json;charset=utf-8", true), ("application/json-seq", false),
        ("application/ld+json", false), ("text/json", false), ("application/x-ndjson", false),
    ])
    func `JSON is application/json, whatever the parameters`(text: String, isJSON: Bool) throws {
        #expect(try #require(ContentType(text)).isJSON == isJSON)
    }

    @Test(arguments: [
        ("text/plain", true), ("TEXT/csv; a=b", true), ("textual/plain", false), ("application/json", false),
    ])
    func `text is every type below text`(text: String, isText: Bool) throws {
        #expect(try #require(ContentType(text)).isText == isText)
    }

    @Test(arguments: [
        ("text/plain", "TEXT/plain; charset=utf-8", true), ("a/b;c=d", "A/B ; e=f", true), ("a/b", "a/c", false),
        ("application/json", "application/octet-stream", false),
    ])
    func `types match by media type`(left: String, right: String, matches: Bool) throws {
        let (left, right) = try (#require(ContentType(left)), #require(ContentType(right)))
        #expect(left.matches(right) == matches)
        #expect(right.matches(left) == matches)
    }

    @Test func `types are equal if their texts are`() {
        #expect(ContentType("a/b") == ContentType(" a/b"))
        #expect(ContentType("a/b") != ContentType("A/b"))
        #expect(ContentType("application/octet-stream") == .octetStream)
    }
}
