import Testing

@testable import DurableStreams

@Suite struct JSONBatchTests {
    @Test(arguments: [
        ("1", "1,"), (" {\"a\" : 1} \n", "{\"a\" : 1},"), ("\"[1,2]\"", "\"[1,2]\","), ("null", "null,"),
        ("[]", ""), (" [ ] ", ""), ("[[]]", "[],"), ("[1,2]", "1,2,"), ("[ 1 , 2 ]", "1,2,"), ("[1, 2,3]", "1,2,3,"),
        ("[[1,2]]", "[1,2],"), ("[[1, 2], [3]]", "[1, 2],[3],"), ("[[[1]]]", "[[1]],"),
        ("[1.0,1.00,1e0]", "1.0,1.00,1e0,"), ("{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2},"),
        ("[\"\\u0041\", \"A\"]", "\"\\u0041\",\"A\","), ("[{\"b\":1,\"a\":[ 2 ]}]", "{\"b\":1,\"a\":[ 2 ]},"),
        ("[\n  1,\n  2\n]", "1,2,"), ("[-0,\t-0.0]", "-0,-0.0,"),
    ])
    func `an array is flattened by one level and messages keep their bytes`(body: String, stored: String) {
        #expect(JSONBatch.stored(body) == stored)
    }

    @Test(arguments: [
        ("[]", 0), ("7", 1), ("[7]", 1), ("[[7,8]]", 1), ("[7,8]", 2), ("[\",\",[1,2],{\"a\":[1,2]}]", 3),
    ])
    func `messages are counted`(body: String, messageCount: Int) throws {
        #expect(try JSONBatch.parse(Array(body.utf8)).messageCount == messageCount)
    }

    @Test func `an empty array has no parts`() throws {
        let batch = try JSONBatch.parse(Array(" [\n] ".utf8))
        #expect(batch.parts == [])
        #expect(batch.storedByteCount == 0)
    }

    @Test func `a small body is one part`() throws {
        let batch = try JSONBatch.parse(Array("[1, 22, 333]".utf8))
        #expect(batch.parts == [9])
        #expect(batch.storedByteCount == 9)
    }

    @Test(arguments: ["", " "])
    func `a part ends with the message that brings it to 65,536 bytes`(space: String) throws {
        // 16 bytes stored each, so 4,096 of them are exactly a part.
        let message = "\"abcdefghijklm\""
        func parts(_ messageCount: Int) throws -> [Int] {
            let body = "[" + Array(repeating: message, count: messageCount).joined(separator: "," + space) + "]"
            return try JSONBatch.parse(Array(body.utf8)).parts
        }
        #expect(try parts(4_095) == [65_520])
        #expect(try parts(4_096) == [65_536])
        #expect(try parts(4_097) == [65_536, 65_552])
        #expect(try parts(8_192) == [65_536, 131_072])
        #expect(try parts(10_000) == [65_536, 131_072, 160_000])
    }

    @Test func `a long message is not cut and has a part of its own`() throws {
        let long = "\"" + String(repeating: "x", count: 200_000) + "\""
        let batch = try JSONBatch.parse(Array("[1,\(long),2,\(long)]".utf8))
        #expect(batch.parts == [2, 200_005, 200_007, 400_010])
        #expect(try JSONBatch.parse(Array(long.utf8)).parts == [200_003])
    }

    @Test(arguments: [11, 12] as [UInt64])
    func `parts end where messages end and cover everything`(seed: UInt64) throws {
        var random = RandomJSON(seed: seed)
        let pieces = (0..<40).map { _ in random.value(depth: 3, density: 10) }
        let messages = (0..<4_000).map { _ in pieces[random.below(pieces.count)] }
        let body = Array(random.array(of: messages, density: 30).utf8)
        let batch = try JSONBatch.parse(body)

        var expected: [Int] = []
        var partStart = 0
        var end = 0
        for message in messages {
            let byteCount = message.utf8.count + 1
            if end > partStart, end + byteCount - partStart > 65_536 {
                expected.append(end)
                partStart = end
            }
            end += byteCount
        }
        if partStart < end { expected.append(end) }
        #expect(batch.parts == expected)
        #expect(batch.storedByteCount == end)
        #expect(expected.count > 1)
    }

    @Test func `white space between messages may be long or short`() {
        for count in [1, 2, 126, 127, 128, 129, 16_383, 16_384, 20_000] {
            let gap = String(repeating: "\n", count: count)
            let text = "\"" + String(repeating: "x", count: count) + "\""
            #expect(
                JSONBatch.stored("\(gap)[\(gap)\(text)\(gap),\(text),\(text),\(gap)\(text)\(gap),1]")
                    == "\(text),\(text),\(text),\(text),1,")
        }
    }

    @Test func `where the messages are takes less memory than the body`() {
        var ranges = JSONMessageRanges()
        for index in 0..<1_000 {
            ranges.add(3 * index..<3 * index + 1)
        }
        ranges.finish()
        var count = 0
        ranges.forEach { range in
            #expect(range == 3 * count..<3 * count + 1)
            count += 1
        }
        #expect(count == 1_000)
        #expect(ranges.encodedByteCount <= 2_000)
    }

    @Test func `bytes that do not begin on a word boundary are read right`() {
        let text = #"[ {"name":"äöü","list":[1, 2,3]},"0123456789012345", "\"" ]"#
        let stored = #"{"name":"äöü","list":[1, 2,3]},"0123456789012345","\"","#
        for shift in 0..<9 {
            let shifted = [UInt8](repeating: 0xFF, count: shift) + Array(text.utf8) + [0xFF]
            shifted.withUnsafeBytes { bytes in
                let body = UnsafeRawBufferPointer(rebasing: bytes[shift..<bytes.count - 1])
                let batch = try? JSONBatch.parse(body)
                #expect(batch.map { String(decoding: $0.stored(from: body), as: UTF8.self) } == stored)
            }
        }
    }

    @Test func `no bytes at all are no body`() {
        #expect(throws: JSONSyntaxError(byteOffset: 0, reason: .unexpectedEnd)) {
            try JSONBatch.parse(UnsafeRawBufferPointer(start: nil, count: 0))
        }
    }
}
