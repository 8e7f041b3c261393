import Testing

@testable import LoadGenerator

@Suite struct ResponseParserTests {
    /// What came out of a parser.
    struct Parsed: Equatable {
        var status = 0
        var body = ""
        var nextOffset = ""
        var isUpToDate = false
    }

    /// Gives the bytes in pieces that end at these places, and collects whole responses.
    static func parse(
        _ text: String, splitAt places: [Int] = [], answersHead: Bool = false
    ) throws -> [Parsed] {
        let bytes = Array(text.utf8)
        var parser = ResponseParser()
        parser.answersHead = answersHead
        var responses: [Parsed] = []
        var current = Parsed()
        var start = 0
        for end in places + [bytes.count] {
            // In memory of its own that is gone afterwards, so that a borrow that lives too long is noticed.
            let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: end - start, alignment: 1)
            defer {
                for index in piece.indices { piece[index] = 0 }
                piece.deallocate()
            }
            piece.copyBytes(from: bytes[start..<end])
            start = end
            var rest = UnsafeRawBufferPointer(piece)
            if !parser.isInResponse { parser.expectsResponse = true }
            while let event = try parser.next(&rest) {
                switch event {
                case .head:
                    current.status = parser.head.status
                    current.nextOffset = String(decoding: parser.head.nextOffset, as: UTF8.self)
                    current.isUpToDate = parser.head.isUpToDate
                case .body(let body): current.body += String(decoding: body, as: UTF8.self)
                case .end:
                    responses.append(current)
                    current = Parsed()
                    parser.expectsResponse = true
                }
            }
        }
        return responses
    }

    static let fixed = """
        HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nStream-Next-Offset: 0_5\r\n\
        stream-up-to-date:  TRUE \r\nContent-Length: 5\r\nDate: now\r\n\r\nhello
        """
    static let chunked = """
        HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nStream-Next-Offset: 0_5\r\nStream-Up-To-Date: true\r\n\r\n\
        3\r\nhel\r\n002;name=value\r\nlo\r\n0\r\nTrailer: yes\r\n\r\n
        """
    static let empty = "HTTP/1.1 204 No Content\r\nStream-Next-Offset: 0_7\r\n\r\n"
    static let hello = Parsed(status: 200, body: "hello", nextOffset: "0_5", isUpToDate: true)
    static let nothing = Parsed(status: 204, nextOffset: "0_7")

    @Test(arguments: [fixed, chunked])
    func `A response split at any byte is the same response`(text: String) throws {
        let both = text + Self.empty
        for place in 0...both.utf8.count {
            #expect(try Self.parse(both, splitAt: [place]) == [Self.hello, Self.nothing], "split at \(place)")
        }
        #expect(try Self.parse(both, splitAt: Array(1..<both.utf8.count)) == [Self.hello, Self.nothing])
    }

    @Test func `The answer to HEAD has no body whatever it announces`() throws {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
        #expect(try Self.parse(text + text, answersHead: true).map(\.status) == [200, 200])
    }

    @Test func `An interim response is passed over`() throws {
        #expect(try Self.parse("HTTP/1.1 100 Continue\r\n\r\n" + Self.fixed) == [Self.hello])
    }

    @Test func `A body without a length ends with the connection`() throws {
        var parser = ResponseParser()
        parser.expectsResponse = true
        let text = Array("HTTP/1.1 200 OK\r\n\r\nabc".utf8)
        try text.withUnsafeBytes { bytes in
            var rest = bytes
            var count = 0
            while let event = try parser.next(&rest) {
                if case .end = event { Issue.record("it has ended before the connection") }
                count += 1
            }
            #expect(count == 2)
        }
        #expect(try parser.finish())
    }

    @Test(arguments: [fixed, chunked])
    func `A connection that ends within a response is an error`(text: String) throws {
        for count in 1..<text.utf8.count {
            var parser = ResponseParser()
            parser.expectsResponse = true
            try Array(text.utf8.prefix(count)).withUnsafeBytes { bytes in
                var rest = bytes
                while try parser.next(&rest) != nil {}
            }
            #expect(throws: ResponseError.cut) { try parser.finish() }
        }
    }

    @Test(arguments: [
        ("HTTP/1.0 200 OK\r\n\r\n", ResponseError.statusLine),
        ("HTTP/1.1 20x OK\r\n\r\n", .statusLine),
        ("HTTP/1.1 2000 OK\r\n\r\n", .statusLine),
        ("\r\n", .statusLine),
        ("HTTP/1.1 200 OK\nContent-Length: 0\n\n", .lineEnd),
        ("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", .field),
        ("HTTP/1.1 200 OK\r\nName : value\r\n\r\n", .field),
        ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", .contentLength),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", .contentLength),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", .contentLength),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", .transferEncoding),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", .chunkSize),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", .chunkSize),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000000000000\r\n", .chunkSize),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", .chunkEnd),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nbad\n\r\n", .lineEnd),
    ])
    func `What is no response is an error`(text: String, error: ResponseError) {
        #expect(throws: error) { try Self.parse(text) }
        #expect(throws: error) { try Self.parse(text, splitAt: Array(1..<text.utf8.count)) }
    }

    @Test func `A head without an end is given up`() {
        let text = "HTTP/1.1 200 OK\r\n" + String(repeating: "Name: value\r\n", count: 10_000)
        #expect(throws: ResponseError.headTooLong) { try Self.parse(text) }
    }

    @Test func `Bytes that nobody has asked for are an error`() {
        var parser = ResponseParser()
        Array(Self.empty.utf8).withUnsafeBytes { bytes in
            var rest = bytes
            #expect(throws: ResponseError.unexpected) { try parser.next(&rest) }
        }
    }
}
