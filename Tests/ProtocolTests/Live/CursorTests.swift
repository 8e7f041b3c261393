import Foundation
import Testing

extension BlackBox {
    /// Section 7.4.
    @Suite struct `Cursors` {
        /// 2024-10-09T00:00:00Z.
        static let epoch = 1_728_432_000.0
        /// 3,600 s in intervals of 20 s.
        static let largestStep = 180

        static func currentInterval() -> Int {
            Int(((Date().timeIntervalSince1970 - epoch) / 20).rounded(.down))
        }

        /// The cursors that a long-poll with data, one without, and an event stream answer.
        static func answers(to cursor: String?) async throws -> [Int] {
            let stream = try await TestStream.create(body: "abc")
            let query = cursor.map { "&cursor=\($0)" } ?? ""
            let data = try await stream.read("offset=-1&live=long-poll\(query)")
            expectStatus(data, 200)
            let timeout = try await stream.read("offset=now&live=long-poll\(query)")
            expectStatus(timeout, 204)
            let source = try await stream.events("-1", cursor: cursor)
            let batch = try #require(try await source.nextBatch())
            await source.close()
            let texts = [data.headers["Stream-Cursor"], timeout.headers["Stream-Cursor"], batch.control.cursor]
            return try texts.map { text in
                let digits = try #require(text)
                #expect(digits.allSatisfy { ("0"..."9").contains($0) })
                return try #require(Int(digits))
            }
        }

        static let withoutEffect: [String?] = [
            nil, "", "abc", "0", "1", "-5", "1.5", "1e9", "%20", "0x7fffffff", "9999999999999999",
            "99999999999999999999999",
        ]

        @Test(arguments: withoutEffect)
        func `Without a cursor at or after the current interval the answer is the current interval`(
            cursor: String?
        ) async throws {
            let before = Self.currentInterval()
            let answers = try await Self.answers(to: cursor)
            let after = Self.currentInterval()
            for answer in answers {
                #expect((before...after).contains(answer), "cursor \(cursor ?? "absent")")
            }
        }

        @Test(arguments: [0, 1, 5, 1_000, 1_000_000])
        func `A cursor at or after the current interval is advanced by at most an hour`(ahead: Int) async throws {
            // One interval further on, so that it is not in the past when the server sees it.
            let cursor = Self.currentInterval() + ahead + 1
            for answer in try await Self.answers(to: "\(cursor)") {
                #expect((cursor + 1...cursor + Self.largestStep).contains(answer))
            }
        }

        @Test func `The greatest cursor of 15 digits is advanced too`() async throws {
            for answer in try await Self.answers(to: "999999999999999") {
                #expect((1_000_000_000_000_000...1_000_000_000_000_179).contains(answer))
            }
        }

        @Test func `The advance is random`() async throws {
            let cursor = Self.currentInterval() + 100
            var answers: Set<Int> = []
            for _ in 0..<10 {
                answers.formUnion(try await Self.answers(to: "\(cursor)"))
            }
            #expect(answers.count > 1)
        }

        @Test func `A client that repeats its cursor never goes back`() async throws {
            let stream = try await TestStream.create(body: "abc")
            var last = -1
            for _ in 0..<10 {
                let response = try await stream.longPoll("-1", cursor: last < 0 ? nil : "\(last)")
                let cursor = try #require(response.headers["Stream-Cursor"].flatMap { Int($0) })
                #expect(cursor > last)
                last = cursor
            }
        }
    }

    @Suite(.server(ServerSettings { $0.cursorIntervalSeconds = 600 }), .ownServerOnly)
    struct `Cursors with a longer interval` {
        @Test func `The interval is configurable`() async throws {
            let stream = try await TestStream.create(body: "abc")
            let interval = { Int(((Date().timeIntervalSince1970 - Cursors.epoch) / 600).rounded(.down)) }
            let before = interval()
            let response = try await stream.longPoll("-1")
            let cursor = try #require(response.headers["Stream-Cursor"].flatMap { Int($0) })
            #expect((before...interval()).contains(cursor))
            let advanced = try await stream.longPoll("-1", cursor: "\(cursor + 1)")
            let next = try #require(advanced.headers["Stream-Cursor"].flatMap { Int($0) })
            #expect((cursor + 2...cursor + 7).contains(next))
        }
    }
}
