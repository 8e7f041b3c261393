import Testing

extension BlackBox {
    /// Section 4, `Stream-Seq` and the order of refusals.
    @Suite struct `Stream-Seq` {
        @Test(arguments: [
            ("1", "2"), ("10", "2"), ("a", "aa"), ("B", "a"), ("Z", "a"), ("09", "1"), ("0000000001", "0000000002"),
            ("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"), ("z", "é"), ("a b", "a!"), ("-", "0"),
        ])
        func `It must be greater byte by byte`(low: String, high: String) async throws {
            let stream = try await TestStream.create()
            try await stream.appendSuccessfully("a", ["Stream-Seq": low])
            let tail = try await stream.appendSuccessfully("b", ["Stream-Seq": high])
            for refused in [low, high] {
                let response = try await stream.append("x", ["Stream-Seq": refused])
                expectStatus(response, 409, refused)
                expectHeader(response, "Stream-Closed", nil)
            }
            let read = try await stream.read()
            #expect(read.text == "ab")
            expectHeader(read, "Stream-Next-Offset", tail)
        }

        @Test func `Appends without it do not change it`() async throws {
            let stream = try await TestStream.create()
            try await stream.appendSuccessfully("a", ["Stream-Seq": "5"])
            try await stream.appendSuccessfully("b")
            expectStatus(try await stream.append("x", ["Stream-Seq": "5"]), 409)
            expectStatus(try await stream.append("x", ["Stream-Seq": "4"]), 409)
            try await stream.appendSuccessfully("c", ["Stream-Seq": "6"])
            #expect(try await stream.read().text == "abc")
        }

        @Test func `Its scope is the stream`() async throws {
            let first = try await TestStream.create()
            let second = try await TestStream.create()
            try await first.appendSuccessfully("a", ["Stream-Seq": "9"])
            try await second.appendSuccessfully("a", ["Stream-Seq": "1"])
        }

        @Test func `A rejected append does not advance it`() async throws {
            let stream = try await TestStream.create("application/json")
            try await stream.appendSuccessfully("1", ["Stream-Seq": "1"])
            expectStatus(try await stream.append("{", ["Stream-Seq": "5"]), 400)
            expectStatus(try await stream.append("[]", ["Stream-Seq": "5"]), 400)
            expectStatus(try await stream.post("1", ["Stream-Seq": "5", "Content-Type": "text/plain"]), 409)
            try await stream.appendSuccessfully("2", ["Stream-Seq": "2"])
            #expect(try await stream.read().text == "[1,2]")
        }

        @Test func `A stale one does not close the stream`() async throws {
            let stream = try await TestStream.create()
            try await stream.appendSuccessfully("a", ["Stream-Seq": "5"])
            expectStatus(try await stream.append("x", ["Stream-Seq": "5", "Stream-Closed": "true"]), 409)
            expectHeader(try await stream.head(), "Stream-Closed", nil)
            expectStatus(try await stream.append("b", ["Stream-Seq": "6", "Stream-Closed": "true"]), 204)
        }

        @Test func `Of concurrent appends the accepted ones are stored in rising order`() async throws {
            let stream = try await TestStream.create("application/json")
            let accepted = try await withThrowingTaskGroup(of: [Int].self) { group in
                for writer in 0..<8 {
                    group.addTask {
                        var accepted: [Int] = []
                        for number in stride(from: 100 + writer, to: 300, by: 8) {
                            let response = try await stream.append(.text("\(number)"), ["Stream-Seq": "\(number)"])
                            try #require([204, 409].contains(response.status), "\(response)")
                            if response.status == 204 { accepted.append(number) }
                        }
                        return accepted
                    }
                }
                return try await group.reduce(into: [Int]()) { $0 += $1 }
            }
            let stored = try await stream.readMessages().compactMap { Int(String(decoding: $0, as: UTF8.self)) }
            #expect(stored == accepted.sorted())
        }

        /// What is wrong with a request, and which refusal wins.
        @Test func `Refused is first what is closed, then the type, the producer and the sequence`() async throws {
            let stream = try await TestStream.create()
            try await stream.appendSuccessfully("a", ["Stream-Seq": "5"])
            let gap: HeaderList = ["Producer-Id": "p", "Producer-Epoch": "0", "Producer-Seq": "3"]
            let stale: HeaderList = ["Stream-Seq": "1"]
            let otherType: HeaderList = ["Content-Type": "image/png"]

            let producerFirst = try await stream.append("x", gap + stale)
            expectStatus(producerFirst, 409)
            expectHeader(producerFirst, "Producer-Expected-Seq", "0")
            let typeFirst = try await stream.post("x", otherType + gap + stale)
            expectStatus(typeFirst, 409)
            expectHeader(typeFirst, "Producer-Expected-Seq", nil)
            expectHeader(typeFirst, "Stream-Closed", nil)

            _ = try await stream.closeStream()
            let sameType: HeaderList = ["Content-Type": "text/plain"]
            for headers in [otherType + gap + stale, otherType, sameType + gap, sameType + stale] {
                let closedFirst = try await stream.post("x", headers)
                expectStatus(closedFirst, 409)
                expectHeader(closedFirst, "Stream-Closed", "true")
                expectHeader(closedFirst, "Producer-Expected-Seq", nil)
            }
        }
    }
}
