import Testing

extension BlackBox {
    /// Sections 1 and 4, many clients at once.
    @Suite struct `Concurrent clients` {
        @Test(arguments: ["application/json", "text/plain"])
        func `Sixteen writers of one stream each keep their own order`(type: String) async throws {
            let writerCount = 16
            let appendCount = 25
            let stream = try await TestStream.create(type)
            async let followed = stream.follow { $0.isClosed }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<writerCount {
                    group.addTask {
                        let connection = try await Connection(to: stream.endpoint)
                        var last = ""
                        for number in 0..<appendCount {
                            let body = type == "text/plain" ? "\(writer):\(number)\n" : "\"\(writer):\(number)\""
                            let request = stream.request("POST", ["Content-Type": type], body: .text(body))
                            let response = try await connection.exchange(request)
                            try #require(response.status == 204, "\(response)")
                            let offset = try #require(response.nextOffset)
                            #expect(offset > last)
                            last = offset
                        }
                    }
                }
                try await group.waitForAll()
            }
            expectStatus(try await stream.closeStream(), 204)
            let transcript = try await followed
            let read: [String]
            let tailed: [String]
            if type == "text/plain" {
                let text = try await String(decoding: stream.readBytes(), as: UTF8.self)
                read = text.split(separator: "\n").map(String.init)
                tailed = transcript.text.split(separator: "\n").map(String.init)
            } else {
                let unquoted: ([UInt8]) -> String = { String(decoding: $0.dropFirst().dropLast(), as: UTF8.self) }
                read = try await stream.readMessages().map(unquoted)
                tailed = try transcript.payloads.flatMap { try RawJSON.elements(of: $0.utf8) }.map(unquoted)
            }
            #expect(read.count == writerCount * appendCount)
            #expect(tailed == read)
            for writer in 0..<writerCount {
                let own = read.filter { $0.hasPrefix("\(writer):") }
                #expect(own == (0..<appendCount).map { "\(writer):\($0)" })
            }
        }

        @Test func `Offsets that appends return mark what they appended`() async throws {
            let stream = try await TestStream.create("application/octet-stream")
            let appended = try await withThrowingTaskGroup(of: [(offset: String, body: [UInt8])].self) { group in
                for writer in 0..<8 {
                    group.addTask {
                        var random = SeededGenerator(seed: SeededGenerator.seed &+ UInt64(writer))
                        var appended: [(offset: String, body: [UInt8])] = []
                        for _ in 0..<10 {
                            let body = random.bytes(Int.random(in: 1...50, using: &random))
                            appended.append((try await stream.appendSuccessfully(.bytes(body)), body))
                        }
                        return appended
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            let ordered = appended.sorted { $0.offset < $1.offset }
            #expect(Set(ordered.map(\.offset)).count == 80)
            #expect(try await stream.readBytes() == ordered.flatMap(\.body))
            for (index, append) in ordered.enumerated() {
                #expect(try await stream.readBytes(from: append.offset) == ordered[(index + 1)...].flatMap(\.body))
            }
        }

        @Test func `Streams are independent of each other`() async throws {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<24 {
                    group.addTask {
                        let stream = try await TestStream.create(body: .text("<\(number)>"))
                        for _ in 0..<5 { try await stream.appendSuccessfully(.text("[\(number)]")) }
                        if number % 3 == 0 { _ = try await stream.closeStream() }
                        let read = try await stream.read()
                        #expect(read.text == "<\(number)>" + String(repeating: "[\(number)]", count: 5))
                        #expect(read.isClosed == (number % 3 == 0))
                        if number % 4 == 0 {
                            expectStatus(try await stream.delete(), 204)
                            expectStatus(try await stream.read(), 404)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}
