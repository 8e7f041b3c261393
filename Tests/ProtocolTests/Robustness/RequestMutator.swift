/// Makes requests that are nearly right and then damages them.
enum RequestMutator {
    /// A well-formed request, or several in a row, to one of the streams.
    static func request(to streams: [TestStream], using random: inout SeededGenerator) -> [UInt8] {
        let count = random.chance(80) ? 1 : Int.random(in: 2...4, using: &random)
        return (0..<count).flatMap { _ in single(to: streams, using: &random) }
    }

    private static func single(to streams: [TestStream], using random: inout SeededGenerator) -> [UInt8] {
        guard let stream = streams.randomElement(using: &random) else { return [] }
        let type: HeaderList = ["Content-Type": stream.contentType ?? "text/plain"]
        let bodies: [RequestBody] = [
            "1", "[1,2,{\"a\":[]}]", "some text", .bytes(random.bytes(40)), .chunked([[0x31], [0x32, 0x33]]),
            .bytes([]),
        ]
        let body = bodies.randomElement(using: &random) ?? "1"
        let headers: [HeaderList] = [
            [:], ["Stream-Closed": "true"], ["Stream-Seq": "5"],
            ["Producer-Id": "p", "Producer-Epoch": "0", "Producer-Seq": "0"], ["Stream-TTL": "60"],
            ["Stream-Expires-At": "2099-01-01T00:00:00Z"], ["If-None-Match": "\"a\", *"],
            ["Accept-Encoding": "gzip;q=0.5, *"], ["Expect": "100-continue"], ["Content-Encoding": "gzip"],
            ["Stream-Forked-From": stream.target, "Stream-Fork-Offset": TestStream.start], ["Connection": "close"],
            ["Range": "bytes=0-1"],
        ]
        let extra = headers.randomElement(using: &random) ?? [:]
        let queries = [
            "", "offset=-1", "offset=now", "offset=0000000000000000_0000000000000001", "offset=-1&live=sse",
            "offset=-1&live=long-poll", "offset=now&live=long-poll&cursor=5", "live=sse",
        ]
        let request: Request
        switch Int.random(in: 0..<10, using: &random) {
        case 0...3: request = stream.request("GET", extra, query: queries.randomElement(using: &random) ?? "")
        case 4...6: request = stream.request("POST", type + extra, body: body)
        case 7: request = stream.request("PUT", type + extra, body: body)
        case 8: request = stream.request("HEAD", extra)
        default: request = stream.request(random.chance(30) ? "DELETE" : "OPTIONS", extra)
        }
        return request.bytes(host: "x")
    }

    /// Damages the bytes one to six times.
    static func mutate(_ bytes: inout [UInt8], using random: inout SeededGenerator) {
        for _ in 0..<Int.random(in: 1...6, using: &random) where !bytes.isEmpty {
            mutateOnce(&bytes, using: &random)
        }
    }

    private static func mutateOnce(_ bytes: inout [UInt8], using random: inout SeededGenerator) {
        let index = Int.random(in: 0..<bytes.count, using: &random)
        let end = min(bytes.count, index + Int.random(in: 1...30, using: &random))
        switch Int.random(in: 0..<9, using: &random) {
        case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 2: bytes.removeSubrange(index..<end)
        case 3: bytes.insert(contentsOf: random.bytes(Int.random(in: 1...20, using: &random)), at: index)
        case 4: bytes.insert(contentsOf: Array(bytes[index..<end]), at: index)
        case 5: bytes.removeSubrange(index...)
        case 6:
            let other = Int.random(in: 0..<bytes.count, using: &random)
            bytes.swapAt(index, other)
        default:
            let tokens = [
                "\r\n", "\n", "\r", "\0", " ", ":", ",", "%00", "%2e%2e/", "..", "/", "?", "#", "&", "=", "-1", "now",
                "9999999999999999", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n",
                "Stream-Closed: true\r\n", "\u{feff}", "[", "{", "\"", "\\u", "HTTP/1.1", "HTTP/2.0", "0\r\n\r\n",
                "ffffffff\r\n", "é", "true", ";q=0", "*", "W/",
            ]
            bytes.insert(contentsOf: Array((tokens.randomElement(using: &random) ?? "").utf8), at: index)
        }
    }
}
