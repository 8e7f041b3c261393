import Testing

@testable import DurableStreams

@Suite struct WallClockTimeTests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("1970-01-01T00:00:01Z", 1_000), ("1969-12-31T23:59:59Z", -1_000),
            ("2000-02-29T00:00:00Z", 951_782_400_000), ("2024-10-09T00:00:00Z", 1_728_432_000_000),
            ("2038-01-19T03:14:08Z", 2_147_483_648_000), ("9999-12-31T23:59:59Z", 253_402_300_799_000),
            ("0001-01-01T00:00:00Z", -62_135_596_800_000), ("0000-01-01T00:00:00Z", -62_167_219_200_000),
            ("0000-02-29T00:00:00Z", -62_162_121_600_000), ("1900-03-01T00:00:00Z", -2_203_891_200_000),
            // The examples of RFC 3339 section 5.8.
            ("1985-04-12T23:20:50.52Z", 482_196_050_520), ("1996-12-19T16:39:57-08:00", 851_042_397_000),
            ("1990-12-31T23:59:60Z", 662_688_000_000), ("1990-12-31T15:59:60-08:00", 662_688_000_000),
            ("1937-01-01T12:00:27.87+00:20", -1_041_337_172_130),
        ] as [(String, Int64)])
    func `a text names an instant`(text: String, milliseconds: Int64) {
        #expect(WallClockTime(rfc3339: text) == WallClockTime(millisecondsSince1970: milliseconds))
    }

    @Test(
        arguments: [
            ("1970-01-01t00:00:00z", 0), ("1970-01-01T02:00:00+02:00", 0), ("1969-12-31T18:30:00-05:30", 0),
            ("1970-01-01T00:00:00+00:00", 0), ("1970-01-01T00:00:00-00:00", 0), ("1970-01-01T23:59:00+23:59", 0),
            ("1969-12-31T00:01:00-23:59", 0),
        ] as [(String, Int64)])
    func `letter case and offset do not matter to the instant`(text: String, milliseconds: Int64) {
        #expect(WallClockTime(rfc3339: text)?.millisecondsSince1970 == milliseconds)
    }

    @Test(
        arguments: [
            (".0", 0), (".1", 100), (".12", 120), (".123", 123), (".1230", 123), (".1231", 124), (".0001", 1),
            (".999", 999),
            (".9991", 1_000), (".00000000000000000000000000000000000001", 1),
            (".00000000000000000000000000000000000000", 0),
        ] as [(String, Int64)])
    func `a fraction finer than a millisecond is rounded up`(fraction: String, milliseconds: Int64) {
        #expect(WallClockTime(rfc3339: "1970-01-01T00:00:00\(fraction)Z")?.millisecondsSince1970 == milliseconds)
    }

    @Test(arguments: [
        "", "Z", "2024", "2024-01-01", "2024-01-01T00:00:00", "2024-01-01 00:00:00Z", "2024-01-01T00:00Z",
        "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00,5Z", "2024-01-01T00:00:00.5", "2024-1-01T00:00:00Z",
        "24-01-01T00:00:00Z", "02024-01-01T00:00:00Z", "+2024-01-01T00:00:00Z", "-2024-01-01T00:00:00Z",
        "2024/01/01T00:00:00Z", "20240101T000000Z", "2024-01-01T00:00:00+0000", "2024-01-01T00:00:00+00",
        "2024-01-01T00:00:00+0:00", "2024-01-01T00:00:00+24:00", "2024-01-01T00:00:00+00:60", "2024-01-01T00:00:00ZZ",
        "2024-01-01T00:00:00Z ", " 2024-01-01T00:00:00Z", "2024-01-01T00:00:00 Z", "2024-01-01T24:00:00Z",
        "2024-01-01T00:60:00Z", "2024-01-01T00:00:61Z", "2024-01-01T0a:00:00Z", "2024-01-01T00:00:00\u{2212}01:00",
        "２０24-01-01T00:00:00Z", "2024-W01-1T00:00:00Z", "tomorrow", "1700000000", "2024-01-01T-1:00:00Z",
    ])
    func `what is no RFC 3339 date and time is none`(text: String) {
        #expect(WallClockTime(rfc3339: text) == nil)
    }

    @Test func `every prefix and every text with a strange or missing character is refused`() {
        let text = "2024-02-29T12:34:56.7+01:30"
        #expect(WallClockTime(rfc3339: text) != nil)
        for count in 0..<text.utf8.count {
            #expect(WallClockTime(rfc3339: String(text.prefix(count))) == nil)
            for strange in ["/", ":", "-", "x", "\0", "é", ""] {
                let changed = text.prefix(count) + strange + text.dropFirst(count + 1)
                // A minus in place of the plus is the only change that makes sense.
                if changed != text, !changed.hasSuffix("-01:30") {
                    #expect(WallClockTime(rfc3339: String(changed)) == nil, "\(changed)")
                }
            }
        }
    }

    @Test func `a text has at most 1,024 bytes`() {
        let zeros = String(repeating: "0", count: 1_003)
        #expect(WallClockTime(rfc3339: "2024-01-01T00:00:00.\(zeros)Z") != nil)
        #expect(WallClockTime(rfc3339: "2024-01-01T00:00:00.\(zeros)0Z") == nil)
    }

    @Test func `a day must exist in its month, also in leap years`() {
        let dayCounts = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        for year in [0, 1, 4, 100, 400, 1900, 1970, 2000, 2023, 2024, 2100, 2400, 9999] {
            let isLeapYear = year % 400 == 0 || year % 4 == 0 && year % 100 != 0
            for month in 0...13 {
                let isMonth = (1...12).contains(month)
                let dayCount = isMonth ? dayCounts[month - 1] + (month == 2 && isLeapYear ? 1 : 0) : 0
                for day in [0, 1, 28, 29, 30, 31, 32] {
                    let text = "\(digits(year, 4))-\(digits(month, 2))-\(digits(day, 2))T00:00:00Z"
                    let exists = day > 0 && day <= dayCount
                    #expect((WallClockTime(rfc3339: text) != nil) == exists, "\(text)")
                }
            }
        }
    }

    @Test func `days follow each other through 800 years`() {
        let dayCounts = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        var expected: Int64?
        for year in 1_600..<2_400 {
            let isLeapYear = year % 400 == 0 || year % 4 == 0 && year % 100 != 0
            for month in 1...12 {
                let start = WallClockTime(rfc3339: "\(year)-\(digits(month, 2))-01T00:00:00Z")?.millisecondsSince1970
                if let expected, start != expected { Issue.record("\(year)-\(month)") }
                expected = start.map {
                    $0 + Int64(dayCounts[month - 1] + (month == 2 && isLeapYear ? 1 : 0)) * 86_400_000
                }
            }
        }
        #expect(expected == 13_569_465_600_000)
    }

    @Test(arguments: [
        ("2016-12-31T23:59:60Z", true), ("2015-06-30T23:59:60.5Z", true), ("2017-01-01T00:59:60+01:00", true),
        ("2016-12-31T18:59:60-05:00", true), ("2017-01-01T05:29:60+05:30", true), ("2024-02-29T23:59:60Z", true),
        ("2024-02-28T23:59:60Z", false), ("2016-12-30T23:59:60Z", false), ("2016-12-31T23:58:60Z", false),
        ("2016-12-31T22:59:60Z", false), ("2016-12-31T23:59:60+01:00", false), ("2017-01-01T00:59:60Z", false),
        ("2016-12-31T00:00:60Z", false),
    ])
    func `second 60 is accepted at the end of a month in UTC`(text: String, isAccepted: Bool) {
        #expect((WallClockTime(rfc3339: text) != nil) == isAccepted)
    }

    @Test func `a leap second is the second after it`() {
        #expect(WallClockTime(rfc3339: "2016-12-31T23:59:60.25Z") == WallClockTime(rfc3339: "2017-01-01T00:00:00.25Z"))
    }

    @Test func `instants are ordered`() {
        #expect(WallClockTime(millisecondsSince1970: -1) < WallClockTime(millisecondsSince1970: 0))
        #expect(WallClockTime(millisecondsSince1970: 5) == WallClockTime(millisecondsSince1970: 5))
    }

    @Test func `now is between two years that are far apart`() throws {
        let now = WallClockTime.now()
        #expect(try now > #require(WallClockTime(rfc3339: "2025-01-01T00:00:00Z")))
        #expect(try now < #require(WallClockTime(rfc3339: "2200-01-01T00:00:00Z")))
    }

    @Test func `adding seconds ends at the last instant`() {
        let time = WallClockTime(millisecondsSince1970: 1_500)
        #expect(time.adding(seconds: 0) == time)
        #expect(time.adding(seconds: 2) == WallClockTime(millisecondsSince1970: 3_500))
        #expect(time.adding(seconds: 9_007_199_254_740_991).millisecondsSince1970 == 9_007_199_254_740_992_500)
        #expect(time.adding(seconds: .max).millisecondsSince1970 == .max)
        #expect(WallClockTime(millisecondsSince1970: .max - 1).adding(seconds: 1).millisecondsSince1970 == .max)
    }

    private func digits(_ number: Int, _ count: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
    }
}
