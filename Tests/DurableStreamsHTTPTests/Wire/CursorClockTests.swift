import DurableStreamsWire
import Testing

@Suite struct CursorClockTests {
    private let clock = CursorClock(intervalSeconds: 20)

    @Test func `intervals are counted from 9 October 2024`() {
        #expect(clock.interval(atMillisecondsSince1970: 1_728_432_000_000) == 0)
        #expect(clock.interval(atMillisecondsSince1970: 1_728_432_019_999) == 0)
        #expect(clock.interval(atMillisecondsSince1970: 1_728_432_020_000) == 1)
        #expect(clock.interval(atMillisecondsSince1970: 1_728_432_000_000 + 86_400_000) == 4_320)
    }

    @Test func `a wall clock before that gives 0`() {
        #expect(clock.interval(atMillisecondsSince1970: 0) == 0)
    }

    @Test func `a cursor of the past is answered with the current interval`() {
        #expect(clock.answer(to: nil, currentInterval: 100, jitterSeconds: 3_600) == 100)
        #expect(clock.answer(to: 99, currentInterval: 100, jitterSeconds: 3_600) == 100)
    }

    @Test func `a cursor that is not in the past is answered with a later one`() {
        #expect(clock.answer(to: 100, currentInterval: 100, jitterSeconds: 1) == 101)
        #expect(clock.answer(to: 100, currentInterval: 100, jitterSeconds: 3_600) == 280)
        #expect(clock.answer(to: 999_999_999_999_999, currentInterval: 100, jitterSeconds: 40) == 1_000_000_000_000_001)
    }

    @Test(arguments: [
        ("0", 0), ("007", 7), ("999999999999999", 999_999_999_999_999), ("1000000000000000", nil), ("", nil),
        ("-1", nil), ("1.5", nil), ("abc", nil), (" 1", nil),
    ] as [(String, UInt64?)])
    func `a number has one to fifteen digits`(text: String, value: UInt64?) {
        let parsed = Array(text.utf8).withUnsafeBytes { CursorClock.parse($0) }
        #expect(parsed == value)
    }
}
