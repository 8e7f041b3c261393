@testable import DurableStreamsHTTP
import Foundation
import Testing

@Suite struct HTTPDateTests {
    @Test(arguments: [
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"), (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
    ] as [(Int64, String)])
    func `a second is written as RFC 9110 says`(seconds: Int64, text: String) {
        #expect(String(decoding: HTTPDate.text(secondsSince1970: seconds), as: UTF8.self) == text)
    }

    @Test func `dates are those of Foundation`() {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "GMT")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<500 {
            let seconds = Int64.random(in: 0...253_402_300_799, using: &generator)
            let expected = formatter.string(from: Date(timeIntervalSince1970: TimeInterval(seconds)))
            #expect(String(decoding: HTTPDate.text(secondsSince1970: seconds), as: UTF8.self) == expected)
        }
    }

    @Test func `the cache follows the clock, also backwards`() {
        let cache = HTTPDateCache()
        for second: Int64 in [5, 5, 6, 4, 4] {
            #expect(cache.text(secondsSince1970: second) == HTTPDate.text(secondsSince1970: second))
        }
    }
}
