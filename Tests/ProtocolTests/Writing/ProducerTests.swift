import Testing

extension BlackBox {
    /// Section 5.
    @Suite struct `Idempotent producers` {
        static func producer(_ epoch: Int, _ sequence: Int) -> HeaderList {
            producer("p", epoch, sequence)
        }

        static func producer(_ id: String, _ epoch: Int, _ sequence: Int) -> HeaderList {
            ["Producer-Id": id, "Producer-Epoch": "\(epoch)", "Producer-Seq": "\(sequence)"]
        }

        /// Appends made before, the append in question, and what answers it.
        struct Row: Sendable, CustomTestStringConvertible {
            let testDescription: String
            let before: [(epoch: Int, sequence: Int)]
            let request: (epoch: Int, sequence: Int)
            let status: Int
            let headers: [String: String]
        }

        static let rows = [
            Row(
                testDescription: "no state, sequence 0", before: [], request: (0, 0), status: 200,
                headers: ["Producer-Epoch": "0", "Producer-Seq": "0"]
            ),
            Row(
                testDescription: "no state, sequence 0, any epoch", before: [], request: (7, 0), status: 200,
                headers: ["Producer-Epoch": "7", "Producer-Seq": "0"]
            ),
            Row(
                testDescription: "no state, later sequence", before: [], request: (0, 3), status: 409,
                headers: ["Producer-Expected-Seq": "0", "Producer-Received-Seq": "3"]
            ),
            Row(
                testDescription: "lower epoch", before: [(4, 0)], request: (3, 0), status: 403,
                headers: ["Producer-Epoch": "4"]
            ),
            Row(
                testDescription: "lower epoch, next sequence", before: [(4, 0)], request: (2, 1), status: 403,
                headers: ["Producer-Epoch": "4"]
            ),
            Row(
                testDescription: "higher epoch, sequence 0", before: [(1, 0), (1, 1)], request: (5, 0), status: 200,
                headers: ["Producer-Epoch": "5", "Producer-Seq": "0"]
            ),
            Row(
                testDescription: "higher epoch, later sequence", before: [(1, 0), (1, 1)], request: (2, 2), status: 400,
                headers: [:]
            ),
            Row(
                testDescription: "same sequence", before: [(0, 0)], request: (0, 0), status: 204,
                headers: ["Producer-Epoch": "0", "Producer-Seq": "0"]
            ),
            Row(
                testDescription: "earlier sequence", before: [(0, 0), (0, 1), (0, 2)], request: (0, 1), status: 204,
                headers: ["Producer-Epoch": "0", "Producer-Seq": "2"]
            ),
            Row(
                testDescription: "next sequence", before: [(0, 0), (0, 1)], request: (0, 2), status: 200,
                headers: ["Producer-Epoch": "0", "Producer-Seq": "2"]
            ),
            Row(
                testDescription: "gap", before: [(0, 0), (0, 1)], request: (0, 5), status: 409,
                headers: ["Producer-Expected-Seq": "2", "Producer-Received-Seq": "5"]
            ),
        ]

        @Test(arguments: rows)
        func `Each request against each state has its answer`(row: Row) async throws {
            let stream = try await TestStream.create()
            for (epoch, sequence) in row.before {
                expectStatus(try await stream.append("x", Self.producer(epoch, sequence)), 200)
            }
            let tail = try await stream.tail()
            let response = try await stream.append("y", Self.producer(row.request.epoch, row.request.sequence))
            expectStatus(response, row.status)
            for (name, value) in row.headers {
                expectHeader(response, name, value)
            }
            expectHeader(response, "Stream-Closed", nil)
            let after = try await stream.tail()
            expectHeader(response, "Stream-Next-Offset", after)
            #expect((after != tail) == (row.status == 200))
            let content = String(repeating: "x", count: row.before.count) + (row.status == 200 ? "y" : "")
            #expect(try await stream.read().text == content)
        }

        static let incomplete: [HeaderList] = [
            ["Producer-Id": "p"], ["Producer-Epoch": "0"], ["Producer-Seq": "0"],
            ["Producer-Id": "p", "Producer-Epoch": "0"], ["Producer-Id": "p", "Producer-Seq": "0"],
            ["Producer-Epoch": "0", "Producer-Seq": "0"], ["Producer-Id": ""],
            ["Producer-Id": "", "Producer-Epoch": "0", "Producer-Seq": "0"],
        ]

        static let malformedNumbers = [
            "", "-1", "-0", "+1", "1.0", "1e3", "0x1", "a", "1 2", "9007199254740992", "99999999999999999999999",
            "null", "٣",
        ]

        @Test(arguments: incomplete)
        func `All three headers or none, else 400`(headers: HeaderList) async throws {
            let stream = try await TestStream.create()
            expectStatus(try await stream.append("x", headers), 400)
            expectStatus(try await stream.post(.bytes([]), headers + ["Stream-Closed": "true"]), 400)
            let read = try await stream.read()
            #expect(read.text == "")
            expectHeader(read, "Stream-Closed", nil)
        }

        @Test(arguments: malformedNumbers)
        func `A number that is not only digits up to 2^53 - 1 is 400`(number: String) async throws {
            let stream = try await TestStream.create()
            for headers in [
                ["Producer-Id": "p", "Producer-Epoch": number, "Producer-Seq": "0"],
                ["Producer-Id": "p", "Producer-Epoch": "0", "Producer-Seq": number],
            ] as [HeaderList] {
                expectStatus(try await stream.append("x", headers), 400)
            }
            #expect(try await stream.read().text == "")
        }

        @Test func `Leading zeros are accepted, and so are the greatest numbers`() async throws {
            let stream = try await TestStream.create()
            let spelled: HeaderList = ["Producer-Id": "p", "Producer-Epoch": "007", "Producer-Seq": "000"]
            let zeros = try await stream.append("a", spelled)
            expectStatus(zeros, 200)
            expectHeader(zeros, "Producer-Epoch", "7")
            expectHeader(zeros, "Producer-Seq", "0")
            expectStatus(try await stream.append("b", Self.producer(7, 1)), 200)
            let greatest = try await stream.append("c", Self.producer(9_007_199_254_740_991, 0))
            expectStatus(greatest, 200)
            expectHeader(greatest, "Producer-Epoch", "9007199254740991")
            let gap = try await stream.append("d", Self.producer("q", 0, 9_007_199_254_740_991))
            expectStatus(gap, 409)
            expectHeader(gap, "Producer-Received-Seq", "9007199254740991")
            #expect(try await stream.read().text == "abc")
        }

        @Test func `Producers and streams do not affect each other`() async throws {
            let first = try await TestStream.create()
            let second = try await TestStream.create()
            for sequence in 0..<3 {
                for id in ["p", "P", "é", "a b", "0"] {
                    for stream in [first, second] {
                        expectStatus(try await stream.append("x", Self.producer(id, 0, sequence)), 200)
                    }
                }
            }
            #expect(try await first.read().body.count == 15)
        }

        @Test func `A new epoch starts over, and the old one is refused`() async throws {
            let stream = try await TestStream.create()
            expectStatus(try await stream.append("a", Self.producer(0, 0)), 200)
            expectStatus(try await stream.append("b", Self.producer(1, 0)), 200)
            expectStatus(try await stream.append("x", Self.producer(0, 1)), 403)
            expectStatus(try await stream.append("x", Self.producer(1, 0)), 204)
            expectStatus(try await stream.append("c", Self.producer(1, 1)), 200)
            #expect(try await stream.read().text == "abc")
        }

        @Test(arguments: ["last", ""])
        func `The exact closing request again is 204, anything else 409`(body: String) async throws {
            let stream = try await TestStream.create()
            expectStatus(try await stream.append("x", Self.producer(2, 0)), 200)
            let closing = Self.producer(2, 1) + ["Stream-Closed": "true"]
            let first = try await stream.append(.text(body), closing)
            expectStatus(first, body.isEmpty ? 204 : 200)
            let again = try await stream.append(.text(body), closing)
            expectStatus(again, 204)
            for response in [first, again] {
                expectHeader(response, "Stream-Closed", "true")
                expectHeader(response, "Stream-Next-Offset", try await stream.tail())
                expectHeader(response, "Producer-Epoch", "2")
                expectHeader(response, "Producer-Seq", "1")
            }
            let others = [("p", 2, 0), ("p", 2, 2), ("p", 1, 0), ("p", 3, 0), ("p", 3, 1), ("q", 2, 1), ("q", 0, 0)]
            for (id, epoch, sequence) in others {
                let other = Self.producer(id, epoch, sequence) + ["Stream-Closed": "true"]
                let refused = try await stream.append("y", other)
                expectStatus(refused, 409, "\(other)")
                expectHeader(refused, "Stream-Closed", "true")
                expectHeader(refused, "Stream-Next-Offset", try await stream.tail())
            }
            #expect(try await stream.read().text == "x" + body)
        }

        @Test func `A close without a body takes part in the sequence`() async throws {
            let stream = try await TestStream.create()
            let gap = try await stream.append(.bytes([]), Self.producer(0, 1) + ["Stream-Closed": "true"])
            expectStatus(gap, 409)
            expectHeader(gap, "Producer-Expected-Seq", "0")
            expectHeader(try await stream.head(), "Stream-Closed", nil)
            let closed = try await stream.post(.bytes([]), Self.producer(0, 0) + ["Stream-Closed": "true"])
            expectStatus(closed, 204)
            expectHeader(closed, "Stream-Closed", "true")
            expectHeader(closed, "Producer-Seq", "0")
        }

        @Test func `A duplicate that asks for closing leaves the stream open`() async throws {
            let stream = try await TestStream.create()
            expectStatus(try await stream.append("a", Self.producer(0, 0)), 200)
            let duplicate = try await stream.append("a", Self.producer(0, 0) + ["Stream-Closed": "true"])
            expectStatus(duplicate, 204)
            expectHeader(duplicate, "Stream-Closed", nil)
            expectHeader(try await stream.head(), "Stream-Closed", nil)
            expectStatus(try await stream.append("b", Self.producer(0, 1)), 200)
        }

        @Test func `A duplicate is answered before the stream sequence is looked at`() async throws {
            let stream = try await TestStream.create()
            let headers = Self.producer(0, 0) + ["Stream-Seq": "5"]
            expectStatus(try await stream.append("a", headers), 200)
            expectStatus(try await stream.append("a", headers), 204)
            expectStatus(try await stream.append("b", Self.producer(0, 1) + ["Stream-Seq": "5"]), 409)
            expectStatus(try await stream.append("b", Self.producer(0, 1) + ["Stream-Seq": "6"]), 200)
            #expect(try await stream.read().text == "ab")
        }

        @Test func `A rejected append leaves the state as it was`() async throws {
            let stream = try await TestStream.create("application/json")
            try await stream.appendSuccessfully("0", ["Stream-Seq": "5"])
            expectStatus(try await stream.append("{", Self.producer(0, 0)), 400)
            expectStatus(try await stream.append("[]", Self.producer(0, 0)), 400)
            expectStatus(try await stream.post("1", Self.producer(0, 0) + ["Content-Type": "text/plain"]), 409)
            expectStatus(try await stream.append("1", Self.producer(0, 0) + ["Stream-Seq": "4"]), 409)
            expectStatus(try await stream.append("1", Self.producer(0, 0)), 200)
            expectStatus(try await stream.append("{", Self.producer(0, 1)), 400)
            expectStatus(try await stream.append("2", Self.producer(0, 1)), 200)
            #expect(try await stream.read().text == "[0,1,2]")
        }

        @Test func `Of the same append sent many times at once, one is stored`() async throws {
            let stream = try await TestStream.create("application/json")
            for sequence in 0..<5 {
                let responses = try await withThrowingTaskGroup(of: Response.self) { group in
                    for _ in 0..<10 {
                        group.addTask { try await stream.append(.text("\(sequence)"), Self.producer(0, sequence)) }
                    }
                    return try await group.reduce(into: [Response]()) { $0.append($1) }
                }
                #expect(responses.map(\.status).sorted() == [200] + [Int](repeating: 204, count: 9))
                let tail = try await stream.tail()
                for response in responses {
                    expectHeader(response, "Stream-Next-Offset", tail)
                }
            }
            #expect(try await stream.read().text == "[0,1,2,3,4]")
        }
    }
}
