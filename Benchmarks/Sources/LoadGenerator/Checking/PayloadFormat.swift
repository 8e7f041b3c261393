internal import Glibc

/// The payload of one append, which tells who wrote it, which of his it is, and when it was due.
///
///     <writer: 6 hexadecimal digits><number: 10><nanoseconds on the monotonic clock: 16><filler>
///
/// Text without line ends, quotes or backslashes, so that it is itself in an event stream and in a JSON string. The
/// filler differs from writer to writer, and has a period of 62: a payload that was cut, shifted or mixed with another
/// is noticed.
struct PayloadFormat: Sendable {
    static let writerDigitCount = 6
    static let numberDigitCount = 10
    static let timeDigitCount = 16
    static let headerByteCount = writerDigitCount + numberDigitCount + timeDigitCount

    let byteCount: Int
    private let filler: [UInt8]

    init(byteCount: Int) {
        precondition(byteCount >= Self.headerByteCount)
        self.byteCount = byteCount
        filler = (0..<(byteCount - Self.headerByteCount + 62)).map { Self.alphabet[$0 % 62] }
    }

    /// Everything but number and time, which ``stamp(_:number:time:)`` fills in for each append.
    func makePayload(writer: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: UInt8(ascii: "0"), count: byteCount)
        bytes.withUnsafeMutableBytes { bytes in
            let digits = UnsafeMutableRawBufferPointer(rebasing: bytes[..<Self.writerDigitCount])
            HexadecimalDigits.write(UInt64(writer), to: digits)
            let start = writer % 62
            let rest = byteCount - Self.headerByteCount
            for index in 0..<rest { bytes[Self.headerByteCount + index] = filler[start + index] }
        }
        return bytes
    }

    static func stamp(_ payload: UnsafeMutableRawPointer, number: Int, time: UInt64) {
        HexadecimalDigits.write(
            UInt64(number),
            to: UnsafeMutableRawBufferPointer(start: payload + writerDigitCount, count: numberDigitCount))
        HexadecimalDigits.write(
            time,
            to: UnsafeMutableRawBufferPointer(
                start: payload + writerDigitCount + numberDigitCount, count: timeDigitCount))
    }

    /// Nil if these bytes are not exactly one payload of this format.
    func read(_ bytes: UnsafeRawBufferPointer) -> Payload? {
        let numberEnd = Self.writerDigitCount + Self.numberDigitCount
        guard bytes.count == byteCount,
            let writer = HexadecimalDigits.read(UnsafeRawBufferPointer(rebasing: bytes[..<Self.writerDigitCount])),
            let number = HexadecimalDigits.read(
                UnsafeRawBufferPointer(rebasing: bytes[Self.writerDigitCount..<numberEnd])),
            let time = HexadecimalDigits.read(UnsafeRawBufferPointer(rebasing: bytes[numberEnd..<Self.headerByteCount]))
        else { return nil }
        let isWhole = filler.withUnsafeBytes { filler in
            memcmp(
                bytes.baseAddress! + Self.headerByteCount, filler.baseAddress! + Int(writer % 62),
                byteCount - Self.headerByteCount) == 0
        }
        return isWhole ? Payload(writer: Int(writer), number: Int(number), time: time) : nil
    }

    private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
}

struct Payload: Equatable {
    var writer: Int
    var number: Int
    /// When the append was due, in nanoseconds on the monotonic clock.
    var time: UInt64
}

/// Holds the content of one stream, read in pieces, to what its writers have sent: each payload once, whole, and each
/// writer's in order.
struct PayloadChecker {
    private let format: PayloadFormat
    /// Whether the first payload of a writer may be any one, because reading begins somewhere in the stream.
    private let startsAnywhere: Bool
    /// The number that comes next, for each writer that has been seen or was announced.
    private(set) var nextNumbers: [Int: Int] = [:]
    private(set) var payloadCount = 0
    private var incomplete: [UInt8] = []

    init(format: PayloadFormat, startsAnywhere: Bool = false) {
        self.format = format
        self.startsAnywhere = startsAnywhere
    }

    /// Whether a payload has come in part.
    var isWithinPayload: Bool { !incomplete.isEmpty }

    /// What is wrong is told in words and does not stop the rest from being looked at.
    mutating func check(
        _ bytes: UnsafeRawBufferPointer, each: (Payload) -> Void = { _ in }, failed: (String) -> Void
    ) {
        var rest = bytes
        if !incomplete.isEmpty {
            let missing = rest.prefix(format.byteCount - incomplete.count)
            incomplete.append(contentsOf: missing)
            rest = UnsafeRawBufferPointer(rebasing: rest[missing.count...])
            guard incomplete.count == format.byteCount else { return }
            let whole = incomplete
            incomplete = []
            whole.withUnsafeBytes { take($0, each, failed) }
        }
        while rest.count >= format.byteCount {
            take(UnsafeRawBufferPointer(rebasing: rest[..<format.byteCount]), each, failed)
            rest = UnsafeRawBufferPointer(rebasing: rest[format.byteCount...])
        }
        if !rest.isEmpty { incomplete = Array(rest) }
    }

    private mutating func take(_ bytes: UnsafeRawBufferPointer, _ each: (Payload) -> Void, _ failed: (String) -> Void) {
        guard let payload = format.read(bytes) else {
            failed("payload \(payloadCount) of a stream is not what anybody wrote: \(Self.excerpt(bytes))")
            payloadCount += 1
            return
        }
        payloadCount += 1
        let expected = nextNumbers[payload.writer] ?? (startsAnywhere ? payload.number : 0)
        if payload.number != expected {
            failed("number \(payload.number) of writer \(payload.writer) where \(expected) was due")
        }
        nextNumbers[payload.writer] = payload.number + 1
        each(payload)
    }

    private static func excerpt(_ bytes: UnsafeRawBufferPointer) -> String {
        let shown = bytes.prefix(48).map { (0x20..<0x7F).contains($0) ? $0 : UInt8(ascii: "?") }
        return "'" + String(decoding: shown, as: UTF8.self) + "'"
    }
}
