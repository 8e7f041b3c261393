import DurableStreams
@testable import DurableStreamsHTTP
import Testing

@Suite struct ProtocolRequestTests {
    private func request(_ headers: [(String, String)]) -> ProtocolRequest {
        ProtocolDriver.request(.post, "/v1/stream/a", headers)
    }

    @Test func `names are compared without regard to case`() {
        let request = request([
            ("CONTENT-TYPE", "text/plain"), ("stream-seq", "7"), ("Stream-Closed", "TRUE"), ("pRODUCER-iD", "p"),
        ])
        #expect(request.contentType == "text/plain")
        #expect(request.sequence == "7")
        #expect(request.closes)
        #expect(request.producerIdentifier == "p")
    }

    @Test func `every field of the protocol is known`() {
        let names = [
            "Content-Type", "Content-Encoding", "Accept-Encoding", "If-None-Match", "Host", "X-Forwarded-Proto",
            "X-Forwarded-Host", "Stream-Closed", "Stream-TTL", "Stream-Expires-At", "Stream-Seq", "Producer-Id",
            "Producer-Epoch", "Producer-Seq", "Stream-Forked-From", "Stream-Fork-Offset", "Stream-Fork-Sub-Offset",
        ]
        let fields = names.map { name in Array(name.utf8).withUnsafeBytes { RequestField(name: $0) } }
        #expect(Set(fields.compactMap { $0?.rawValue }).count == names.count)
    }

    @Test(arguments: ["", "X-Anything", "Content-Typo", "Content_Type", "Stream-Se", "hos", "\u{C9}", "stream-seq "])
    func `other names are not`(name: String) {
        let field = Array(name.utf8).withUnsafeBytes { RequestField(name: $0) }
        #expect(field == nil)
    }

    @Test func `white space around a value does not belong to it`() {
        #expect(request([("Stream-Seq", " \t a b\t")]).sequence == "a b")
        #expect(request([("Stream-Seq", "  ")]).sequence == "")
        #expect(request([("Producer-Epoch", " 1 ")]).producerEpoch == .value(1))
    }

    @Test func `a field that occurs twice is noted, unless a proxy may have added it`() {
        #expect(request([("Stream-Seq", "1"), ("STREAM-SEQ", "1")]).hasRepeatedField)
        #expect(request([("Content-Type", "a/b"), ("Content-Type", "a/b")]).hasRepeatedField)
        #expect(!request([("X-Other", "1"), ("X-Other", "1"), ("Stream-Seq", "1")]).hasRepeatedField)
        let forwarded = request([("X-Forwarded-Host", "a"), ("X-Forwarded-Host", "b")])
        #expect(!forwarded.hasRepeatedField)
        #expect(forwarded.forwardedHost == "a")
    }

    @Test func `text that was not UTF-8 is noted where it would be stored or compared`() {
        #expect(request([("Stream-Seq", "a\u{FFFD}")]).hasInvalidText)
        #expect(request([("Producer-Id", "\u{FFFD}")]).hasInvalidText)
        #expect(request([("Content-Type", "text/plain; x=\u{FFFD}")]).hasInvalidText)
        #expect(!request([("Producer-Id", "é\u{FFFC}")]).hasInvalidText)
    }

    @Test func `bytes can be given instead of texts`() {
        var request = ProtocolRequest(method: .put, target: "/")
        let fields: [(String, [UInt8])] = [
            ("producer-id", [0x70, 0xFF]), ("x-other", [0xFF]), ("HOST", Array("h".utf8)),
        ]
        for (name, value) in fields {
            Array(name.utf8).withUnsafeBytes { name in
                value.withUnsafeBytes { request.addHeader(name: name, value: $0) }
            }
        }
        #expect(request.producerIdentifier == "p\u{FFFD}")
        #expect(request.hasInvalidText)
        #expect(request.host == "h")
    }

    @Test func `no text is made of bytes that nobody asks for, and two of them are still too many`() {
        var request = ProtocolRequest(method: .head, target: "/")
        for count in 1...2 {
            for name in ["host", "if-none-match", "accept-encoding"] {
                Array(name.utf8).withUnsafeBytes { name in
                    Array("gzip".utf8).withUnsafeBytes { request.addHeader(name: name, value: $0) }
                }
            }
            #expect(request.hasRepeatedField == (count == 2))
        }
        #expect(request.host == nil && request.ifNoneMatch == nil && request.acceptEncoding == nil)
    }

    @Test(arguments: [
        ("0", .value(0)), ("007", .value(7)), ("9007199254740991", .value(9_007_199_254_740_991)),
        ("9007199254740992", .malformed), ("99999999999999999999999999", .malformed), ("", .malformed),
        ("-1", .malformed), ("+1", .malformed), ("1.0", .malformed),
        ("1e3", .malformed), ("0x1", .malformed), ("１", .malformed),
    ] as [(String, HeaderNumber)])
    func `a number has digits only and fits a double`(text: String, number: HeaderNumber) {
        #expect(HeaderNumber(text, allowsLeadingZeros: true) == number)
    }

    @Test func `a lifetime has no leading zeros`() {
        #expect(HeaderNumber("0", allowsLeadingZeros: false) == .value(0))
        #expect(HeaderNumber("00", allowsLeadingZeros: false) == .malformed)
        #expect(HeaderNumber("01", allowsLeadingZeros: false) == .malformed)
    }

    @Test(arguments: [
        ("true", true), ("True", true), ("TRUE", true), ("", false), ("1", false), ("yes", false), ("truee", false),
        ("false", false), ("\u{14}RUE", false),
    ])
    func `only true closes`(value: String, closes: Bool) {
        #expect(request([("Stream-Closed", value)]).closes == closes)
    }

    @Test func `identity is no content coding`() {
        #expect(!request([("Content-Encoding", "Identity")]).hasContentCoding)
        #expect(!request([("Content-Encoding", "")]).hasContentCoding)
        #expect(request([("Content-Encoding", "gzip")]).hasContentCoding)
        #expect(request([("Content-Encoding", "identity, gzip")]).hasContentCoding)
    }
}
