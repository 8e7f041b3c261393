extension WallClockTime {
    /// The longest accepted RFC 3339 text, in bytes. It leaves room for nearly a thousand digits of a second's fraction.
    public static let rfc3339ByteCountLimit = 1_024

    /// The instant that an RFC 3339 `date-time` (section 5.6) names, or nil if the text is not exactly one.
    ///
    /// The letters `T` and `Z` may be in lower case. The day must exist in its month. Second 60 is accepted where a
    /// leap second can be, at the end of the last day of a month in UTC (section 5.7), and is the second after it.
    /// A fraction finer than a millisecond is rounded up, so that a lifetime never ends earlier than it was promised.
    public init?(rfc3339 text: String) {
        var text = text
        guard let time = text.withUTF8({ bytes in RFC3339Reader.read(bytes) }) else { return nil }
        self = time
    }
}

/// Reads one `date-time`; the pieces are consumed in order.
private struct RFC3339Reader: ~Copyable {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var offset = 0

    private init(bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
    }

    static func read(_ bytes: UnsafeBufferPointer<UInt8>) -> WallClockTime? {
        guard bytes.count <= WallClockTime.rfc3339ByteCountLimit else { return nil }
        var reader = RFC3339Reader(bytes: bytes)
        return reader.readDateTime()
    }

    private mutating func readDateTime() -> WallClockTime? {
        guard
            let year = readNumber(digitCount: 4), skip("-"),
            let month = readNumber(digitCount: 2), (1...12).contains(month), skip("-"),
            let day = readNumber(digitCount: 2), (1...Calendar.dayCount(month: month, year: year)).contains(day),
            skip("T") || skip("t"),
            let hour = readNumber(digitCount: 2), hour < 24, skip(":"),
            let minute = readNumber(digitCount: 2), minute < 60, skip(":"),
            let second = readNumber(digitCount: 2), second <= 60,
            let fractionMilliseconds = readFraction(),
            let offsetMinutes = readOffset(),
            offset == bytes.count
        else { return nil }

        let minutes =
            Calendar.daysSince1970(year: year, month: month, day: day) * 1_440
            + hour * 60 + minute - offsetMinutes
        if second == 60 {
            // The next minute must begin a month in UTC: this one or, as seen from the local date, the one after it.
            let monthStart = Calendar.daysSince1970(year: year, month: month, day: 1) * 1_440
            let nextMonthStart = monthStart + Calendar.dayCount(month: month, year: year) * 1_440
            guard minutes + 1 == monthStart || minutes + 1 == nextMonthStart else { return nil }
        }
        return WallClockTime(millisecondsSince1970: Int64(minutes * 60 + second) * 1_000 + Int64(fractionMilliseconds))
    }

    /// `[ "." 1*DIGIT ]`: 0 to 1,000 milliseconds, rounded up. Nil: a point without digits.
    private mutating func readFraction() -> Int? {
        guard skip(".") else { return 0 }
        let start = offset
        var milliseconds = 0
        var hasFinerPart = false
        while offset < bytes.count, let digit = digitValue(bytes[offset]) {
            switch offset - start {
            case 0: milliseconds += 100 * digit
            case 1: milliseconds += 10 * digit
            case 2: milliseconds += digit
            default: hasFinerPart = hasFinerPart || digit != 0
            }
            offset += 1
        }
        guard offset > start else { return nil }
        return hasFinerPart ? milliseconds + 1 : milliseconds
    }

    /// `Z` or `+hh:mm` or `-hh:mm`: how many minutes the local time is ahead of UTC.
    private mutating func readOffset() -> Int? {
        if skip("Z") || skip("z") { return 0 }
        let isAhead = skip("+")
        guard
            isAhead || skip("-"),
            let hour = readNumber(digitCount: 2), hour < 24, skip(":"),
            let minute = readNumber(digitCount: 2), minute < 60
        else { return nil }
        let minutes = hour * 60 + minute
        return isAhead ? minutes : -minutes
    }

    private mutating func readNumber(digitCount: Int) -> Int? {
        guard bytes.count - offset >= digitCount else { return nil }
        var number = 0
        for _ in 0..<digitCount {
            guard let digit = digitValue(bytes[offset]) else { return nil }
            number = number * 10 + digit
            offset += 1
        }
        return number
    }

    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: character) else { return false }
        offset += 1
        return true
    }

    private func digitValue(_ byte: UInt8) -> Int? {
        let value = byte &- UInt8(ascii: "0")
        return value < 10 ? Int(value) : nil
    }
}

/// The proleptic Gregorian calendar, by the 400-year arithmetic that begins years in March.
private enum Calendar {
    static func daysSince1970(year: Int, month: Int, day: Int) -> Int {
        // 400 years later, so that nothing below is negative.
        let yearFromMarch = (month <= 2 ? year - 1 : year) + 400
        let (era, yearOfEra) = yearFromMarch.quotientAndRemainder(dividingBy: 400)
        let monthFromMarch = month > 2 ? month - 3 : month + 9
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return (era - 1) * dayCountOf400Years + dayOfEra - daysFromEraTo1970
    }

    static func dayCount(month: Int, year: Int) -> Int {
        switch month {
        case 2: year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400)) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private static let dayCountOf400Years = 146_097
    /// Days from 0000-03-01 to 1970-01-01.
    private static let daysFromEraTo1970 = 719_468
}
