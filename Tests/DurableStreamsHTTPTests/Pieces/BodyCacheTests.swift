@testable import DurableStreamsHTTP
import NIOCore
import Testing

@Suite struct BodyCacheTests {
    private static func tag(_ number: UInt64, _ coding: ContentCoding = .identity) -> EntityTag {
        EntityTag(streamNumber: number, createdAtMilliseconds: 0, start: 0, end: 1, isClosedAtEnd: false, coding: coding)
    }

    private static func body(_ byteCount: Int) -> ByteBuffer { ByteBuffer(repeating: 0x61, count: byteCount) }

    @Test func `What is offered once is not kept, what is offered twice is`() {
        let cache = BodyCache(byteCountLimit: 1 << 20)
        cache.offer(Self.body(100_000), Self.tag(1))
        #expect(cache[Self.tag(1)] == nil)
        #expect(cache.byteCount == 0)
        cache.offer(Self.body(100_000), Self.tag(1))
        #expect(cache[Self.tag(1)] == Self.body(100_000))
        #expect(cache[Self.tag(1, .gzip)] == nil)
        #expect((100_000..<101_000).contains(cache.byteCount))
        // By another thread, at the same time.
        cache.offer(Self.body(100_000), Self.tag(1))
        #expect((100_000..<101_000).contains(cache.byteCount))
    }

    @Test func `The bodies together never take more than the limit, and the ones that are used stay`() {
        let cache = BodyCache(byteCountLimit: 1 << 20)
        for number in 0..<100 as Range<UInt64> {
            for _ in 0..<2 { cache.offer(Self.body(100_000), Self.tag(number)) }
            #expect(cache.byteCount <= 1 << 20)
            #expect(cache[Self.tag(0)] != nil)
        }
        #expect((0..<100).count { cache[Self.tag($0)] != nil } == 10)
        #expect(cache[Self.tag(99)] != nil && cache[Self.tag(50)] == nil)
    }

    @Test func `There is a limit to the number of small ones too`() {
        let cache = BodyCache(byteCountLimit: 1 << 30)
        for number in 0..<3_000 as Range<UInt64> {
            for _ in 0..<2 { cache.offer(Self.body(10), Self.tag(number, .gzip)) }
        }
        #expect((0..<3_000).count { cache[Self.tag($0, .gzip)] != nil } == 1_024)
    }

    @Test func `A body that would drive out most others is not kept`() {
        let cache = BodyCache(byteCountLimit: 1 << 20)
        for _ in 0..<3 { cache.offer(Self.body((1 << 18) + 1), Self.tag(1)) }
        #expect(cache.byteCount == 0)
    }

    @Test func `Room that a body does not use is not kept`() throws {
        let cache = BodyCache(byteCountLimit: 1 << 20)
        var body = ByteBufferAllocator().buffer(capacity: 100_000)
        body.writeString("short")
        for _ in 0..<2 { cache.offer(body, Self.tag(1, .deflate)) }
        #expect(cache[Self.tag(1, .deflate)] == ByteBuffer(string: "short"))
        #expect(try #require(cache[Self.tag(1, .deflate)]).storageCapacity < 1_000)
    }

    @Test func `Small bodies are looked for only where they are compressed, and none without memory`() {
        let cache = BodyCache(byteCountLimit: 1 << 20)
        #expect(!cache.mayHold(byteCount: 1_000, coding: .identity))
        #expect(cache.mayHold(byteCount: 1_000, coding: .gzip))
        #expect(cache.mayHold(byteCount: 1 << 16, coding: .identity))
        #expect(!BodyCache(byteCountLimit: 0).mayHold(byteCount: 1 << 20, coding: .gzip))
    }
}
