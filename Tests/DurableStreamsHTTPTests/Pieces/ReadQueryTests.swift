@testable import DurableStreamsHTTP
import DurableStreamsWire
import Testing

@Suite struct ReadQueryTests {
    private static let token = "0000000000000000_0000000000000042"

    private func parse(_ text: String) throws(Refusal) -> ReadQuery {
        try ReadQuery(Substring(text))
    }

    @Test func `without a query nothing is asked for`() throws {
        #expect(try ReadQuery(nil) == ReadQuery())
        #expect(try parse("") == ReadQuery())
        #expect(try parse("&&a=b&offsets=1&Offset=x&=&x=%zz") == ReadQuery())
    }

    @Test func `an offset is the start, the tail or a token`() throws {
        #expect(try parse("offset=-1").offset == .start)
        #expect(try parse("offset=now").offset == .now)
        #expect(try parse("offset=\(Self.token)").offset == .token(OffsetToken(position: 42)))
        #expect(try parse("a=1&offset=%2D1&b").offset == .start)
        #expect(try parse("%6Fffset=0000000000000000%5F0000000000000042").offset == .token(OffsetToken(position: 42)))
    }

    @Test(arguments: [
        "offset", "offset=", "offset=0", "offset=-2", "offset=NOW", "offset=1,2", "offset=../x", "offset=%00",
        "offset=%0A",
        "offset=-1&offset=-1", "offset=-1&%6Fffset=now", "offset=+-1", "offset=%2", "offset=-1%20",
        "offset=\(Self.token)0", "offset=%30\(Self.token)", "offset=" + String(repeating: "0", count: 100_000),
        "offset=0000000000000000%2F0000000000000042", "live", "live=", "live=true", "live=SSE", "live=long_poll",
        "live=sse&live=sse", "cursor=1&cursor=2",
    ])
    func `another value, or two, are refused`(query: String) {
        #expect(throws: Refusal.self) { try parse(query) }
    }

    @Test func `a refusal does not repeat what was sent`() {
        let error = #expect(throws: Refusal.self) { try parse("offset=<script>") }
        #expect(error?.status == 400)
        #expect(error?.message.contains("script") == false)
    }

    @Test func `live reads are long polls or event streams`() throws {
        #expect(try parse("live=long-poll").live == .longPoll)
        #expect(try parse("live=s%73e").live == .eventStream)
    }

    @Test func `a cursor that is no number is none`() throws {
        #expect(try parse("cursor=123").cursor == 123)
        #expect(try parse("cursor=").cursor == nil)
        #expect(try parse("cursor=abc").cursor == nil)
        #expect(try parse("cursor=1234567890123456").cursor == nil)
        #expect(try parse("cursor=%zz").cursor == nil)
    }
}
