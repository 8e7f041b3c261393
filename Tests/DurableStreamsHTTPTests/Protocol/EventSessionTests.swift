import DurableStreams
@testable import DurableStreamsHTTP
import DurableStreamsWire
import NIOCore
import Synchronization
import Testing

/// Event streams over time: keep-alive, duration, sharing, back-pressure, shutting down.
@Suite struct EventSessionTests {
    @Test func `an idle stream repeats its control event`() async throws {
        let driver = try ProtocolDriver { $0.eventStreamKeepAliveMilliseconds = 60 }
        try await driver.create("a", text: "abc")
        let reader = try await driver.events("a?offset=now&live=sse")
        try await reader.until("three control events") { $0.controls.count >= 3 }
        #expect(reader.controls.allSatisfy { $0.upToDate == true })
        #expect(reader.data == "")
        await reader.cancel()
    }

    @Test func `after its time a response ends between two events`() async throws {
        let driver = try ProtocolDriver { $0.eventStreamDurationMilliseconds = 10 }
        try await driver.create("a", text: "abc")
        let clock = ContinuousClock()
        let begin = clock.now
        let reader = try await driver.events("a?offset=-1&live=sse")
        try await reader.until("the end") { $0.hasEnded }
        // Clients take shorter responses for a broken proxy.
        #expect(clock.now - begin >= .seconds(1))
        #expect(reader.events.count == 2)
        let readers = driver.service.readers(of: driver.lane.lane)
        #expect(await driver.lane.run { readers.isEmpty })
    }

    @Test func `the time of a response varies by a tenth, and is never less than a second`() throws {
        let generator = Mutex(SeededGenerator(seed: 5))
        var environment = ProtocolEnvironment()
        environment.random = { range in generator.withLock { Int.random(in: range, using: &$0) } }
        for (duration, bounds) in [
            (60_000, 54_000...66_000), (3_000, 2_700...3_300), (1_200, 1_080...1_320), (1_000, 1_000...1_300),
            (10, 1_000...1_300),
        ] {
            let driver = try ProtocolDriver({ $0.eventStreamDurationMilliseconds = duration }, environment: environment)
            let times = try (0..<1_000).map { _ in try #require(driver.service.eventStreamDurationMilliseconds()) }
            #expect(times.allSatisfy { bounds.contains($0) && $0 > 1_000 })
            guard duration >= 3_000 else { continue }
            // All of the range is used, or readers that came together would come back together.
            let tenth = duration / 50
            #expect(times.min().map { $0 < bounds.lowerBound + tenth } == true)
            #expect(times.max().map { $0 > bounds.upperBound - tenth } == true)
            #expect(Set(times).count > 300)
        }
        let endless = try ProtocolDriver { $0.eventStreamDurationMilliseconds = 0 }
        #expect(endless.service.eventStreamDurationMilliseconds() == nil)
    }

    @Test func `readers that come together do not leave together`() async throws {
        let draws = Mutex([0, 150, 300].map { $0 - 150 })
        var environment = ProtocolEnvironment()
        environment.random = { range in
            draws.withLock { min(range.upperBound, max(range.lowerBound, $0.isEmpty ? 0 : $0.removeFirst())) }
        }
        let driver = try ProtocolDriver({ $0.eventStreamDurationMilliseconds = 1_500 }, environment: environment)
        try await driver.create("a", text: "abc")
        let begin = ContinuousClock.now
        let readers = [
            try await driver.events("a?offset=now&live=sse"), try await driver.events("a?offset=now&live=sse"),
            try await driver.events("a?offset=now&live=sse"),
        ]
        for (number, reader) in readers.enumerated() {
            try await reader.until("the end") { $0.hasEnded }
            #expect(ContinuousClock.now - begin >= .milliseconds(1_350 + number * 150))
        }
    }

    @Test func `a reader that does not read costs nothing and misses nothing`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a", text: "0")
        let reader = try await driver.events("a?offset=-1&live=sse")
        try await reader.until("data") { $0.data == "0" }
        await reader.pause()
        for number in 1..<10 { try await driver.append("a", text: "\(number)") }
        #expect(reader.data == "0")
        await reader.resume()
        try await reader.until("all") { $0.data == "0123456789" }
        // What came meanwhile comes in one piece.
        #expect(reader.stepCount == 2)
        await reader.cancel()
    }

    @Test func `readers at one position share one encoding`() async throws {
        var environment = ProtocolEnvironment()
        environment.now = { WallClockTime(millisecondsSince1970: 1_800_000_000_000) }
        let driver = try ProtocolDriver(environment: environment)
        try await driver.create("a", text: "abc")
        let path = try StreamPath("a")
        let sessions = await driver.lane.run { [driver] in
            let stream = driver.store.stream(at: path)
            return (0..<3).compactMap { index in
                stream.map {
                    EventSession(
                        service: driver.service, stream: $0, form: .text, position: .start,
                        cursor: index < 2 ? 0 : 99_999_999, lane: driver.lane.lane)
                }
            }
        }
        let (addresses, texts) = await driver.lane.run {
            var addresses: [UInt] = []
            var texts: [String] = []
            for session in sessions {
                guard case .send(let events) = session.next() else { continue }
                addresses.append(events.plain.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) })
                texts.append(String(buffer: events.plain))
            }
            return (addresses, texts)
        }
        try #require(addresses.count == 3)
        #expect(addresses[0] == addresses[1])
        #expect(texts[0] == texts[1])
        // A cursor of its own makes a control event of its own, behind the same data.
        #expect(texts[2].hasPrefix("event: data\ndata:abc\n\nevent: control\n"))
        #expect(texts[2].contains("\"streamCursor\":\"99999999\""))
        #expect(!texts[0].contains("99999999"))
    }

    @Test func `a cursor that is not in the past is answered with a later one`() async throws {
        var environment = ProtocolEnvironment()
        environment.now = { WallClockTime(millisecondsSince1970: 1_728_432_000_000 + 20_000 * 50) }
        environment.random = { $0.lowerBound }
        let driver = try ProtocolDriver(environment: environment)
        try await driver.create("a", text: "abc")
        for (query, cursor) in [("", "50"), ("&cursor=49", "50"), ("&cursor=50", "51"), ("&cursor=77", "78")] {
            for offset in ["-1", "now"] {
                let reader = try await driver.events("a?offset=\(offset)&live=sse" + query)
                try await reader.until("a control event") { !$0.controls.isEmpty }
                #expect(reader.controls.first?.streamCursor == cursor)
                await reader.cancel()
            }
        }
    }

    @Test func `shutting down ends those who wait, and those who come after one event`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a", text: "abc")
        let waiting = try await driver.events("a?offset=-1&live=sse")
        try await waiting.until("data") { $0.data == "abc" }
        driver.service.shutDown()
        try await waiting.until("the end") { $0.hasEnded }
        #expect(waiting.controls.count == 1)
        for offset in ["-1", "now"] {
            let late = try await driver.events("a?offset=\(offset)&live=sse")
            try await late.until("the end") { $0.hasEnded }
            #expect(late.controls.count == 1)
        }
    }

    @Test func `a thousand readers get every append once`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("j", type: "application/json")
        var readers: [TestEventReader] = []
        for _ in 0..<1_000 { readers.append(try await driver.events("j?offset=-1&live=sse")) }
        for number in 0..<5 { try await driver.append("j", type: "application/json", text: "\(number)") }
        for reader in readers {
            try await reader.until("all") { $0.data.contains("4") }
            #expect(reader.data.filter(\.isNumber) == "01234")
            await reader.cancel()
        }
    }

    @Test func `a reader that resumes at any control offset has the whole text`() async throws {
        let driver = try ProtocolDriver { $0.chunkByteCountLimit = 16 }
        var generator = SeededGenerator(seed: 3)
        let pieces = ["a", "é", "€", "😀", "\n", "\r\n", " "]
        let text = (0..<200).map { _ in pieces.randomElement(using: &generator) ?? "" }.joined()
        _ = try await driver.send(.put, "a", [("Content-Type", "text/plain"), ("Stream-Closed", "true")], text: text)
        let expected = text.replacing("\r\n", with: "\n")
        let all = try await driver.events("a?offset=-1&live=sse")
        try await all.until("the end") { $0.hasEnded }
        #expect(all.data == expected)
        var before = ""
        for event in all.events {
            if event.name == "data" {
                before += event.data
                continue
            }
            let offset = String(event.data.dropFirst(#"{"streamNextOffset":""#.count).prefix(OffsetToken.byteCount))
            let resumed = try await driver.events("a?offset=\(offset)&live=sse")
            try await resumed.until("the end") { $0.hasEnded }
            #expect(before + resumed.data == expected)
        }
    }
}
