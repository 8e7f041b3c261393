import Testing

@testable import DurableStreams

@Suite struct LifetimeTests {
    let noon = WallClockTime(millisecondsSince1970: 43_200_000)

    @Test func `absolute ends are equal if the instants are, however they are written`() {
        let end = Lifetime.until(noon, text: "1970-01-01T12:00:00Z")
        #expect(end == .until(noon, text: "1970-01-01T13:00:00+01:00"))
        #expect(end != .until(noon.adding(seconds: 1), text: "1970-01-01T12:00:00Z"))
    }

    @Test func `sliding lifetimes are equal if the seconds are`() {
        #expect(Lifetime.sliding(seconds: 5) == .sliding(seconds: 5))
        #expect(Lifetime.sliding(seconds: 5) != .sliding(seconds: 6))
        #expect(Lifetime.sliding(seconds: 43_200) != .until(noon, text: "1970-01-01T12:00:00Z"))
    }

    @Test func `a sliding lifetime ends that long after the last use, an absolute one at its instant`() {
        #expect(Lifetime.sliding(seconds: 5).end(lastUse: noon) == WallClockTime(millisecondsSince1970: 43_205_000))
        #expect(Lifetime.sliding(seconds: 0).end(lastUse: noon) == noon)
        #expect(Lifetime.until(noon, text: "").end(lastUse: noon.adding(seconds: 9)) == noon)
    }
}
