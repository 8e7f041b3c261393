import Synchronization

/// The value of `Date`: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7).
enum HTTPDate {
    static let byteCount = 29

    static func text(secondsSince1970 seconds: Int64) -> [UInt8] {
        let (day, second) = floorDivided(seconds, by: 86_400)
        let (year, month, dayOfMonth) = civilDate(daysSince1970: day)
        // 1970-01-01 was a Thursday.
        let weekday = Int(floorDivided(day + 4, by: 7).remainder)
        var text: [UInt8] = []
        text.reserveCapacity(byteCount)
        text += weekdays[weekday].utf8
        text += ", ".utf8
        appendTwoDigits(dayOfMonth, to: &text)
        text.append(UInt8(ascii: " "))
        text += months[month - 1].utf8
        text.append(UInt8(ascii: " "))
        appendTwoDigits(year / 100 % 100, to: &text)
        appendTwoDigits(year % 100, to: &text)
        text.append(UInt8(ascii: " "))
        appendTwoDigits(Int(second / 3_600), to: &text)
        text.append(UInt8(ascii: ":"))
        appendTwoDigits(Int(second / 60 % 60), to: &text)
        text.append(UInt8(ascii: ":"))
        appendTwoDigits(Int(second % 60), to: &text)
        text += " GMT".utf8
        return text
    }

    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    private static func appendTwoDigits(_ value: Int, to text: inout [UInt8]) {
        text.append(UInt8(ascii: "0") + UInt8(value / 10))
        text.append(UInt8(ascii: "0") + UInt8(value % 10))
    }

    private static func floorDivided(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    /// Counts in eras of 400 years that begin on 1 March, so that a leap day is the last of its year.
    private static func civilDate(daysSince1970 days: Int64) -> (year: Int, month: Int, day: Int) {
        let (era, dayOfEra) = floorDivided(days + 719_468, by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (Int(year), Int(month), Int(day))
    }
}

/// The text of the current second, made once per second.
final class HTTPDateCache: Sendable {
    private struct Entry {
        var second = Int64.min
        var text: [UInt8] = []
    }

    private let entry = Mutex(Entry())

    func text(secondsSince1970 second: Int64) -> [UInt8] {
        entry.withLock { entry in
            if entry.second != second {
                entry = Entry(second: second, text: HTTPDate.text(secondsSince1970: second))
            }
            return entry.text
        }
    }
}
