import Testing

@testable import LoadGenerator

@Suite struct PayloadTests {
    static let format = PayloadFormat(byteCount: 50)

    static func payload(_ writer: Int, _ number: Int, time: UInt64 = 7) -> [UInt8] {
        var bytes = format.makePayload(writer: writer)
        bytes.withUnsafeMutableBytes { PayloadFormat.stamp($0.baseAddress!, number: number, time: time) }
        return bytes
    }

    static func check(_ bytes: [UInt8], splitAt place: Int = 0, startsAnywhere: Bool = false) -> (Int, [String]) {
        var checker = PayloadChecker(format: format, startsAnywhere: startsAnywhere)
        var failures: [String] = []
        for piece in [bytes[..<place], bytes[place...]] {
            Array(piece).withUnsafeBytes { checker.check($0, failed: { failures.append($0) }) }
        }
        if checker.isWithinPayload { failures.append("incomplete") }
        return (checker.payloadCount, failures)
    }

    @Test(arguments: [0, 1, 61, 62, 1_000_000])
    func `A payload tells who wrote it, which it is and when it was due`(writer: Int) {
        let bytes = Self.payload(writer, 123_456, time: .max - 5)
        let read = bytes.withUnsafeBytes { Self.format.read($0) }
        #expect(read == Payload(writer: writer, number: 123_456, time: .max - 5))
    }

    @Test func `A payload with any byte changed is noticed`() {
        let whole = Self.payload(3, 0) + Self.payload(3, 1)
        #expect(Self.check(whole) == (2, []))
        // But for the time, which nobody else knows.
        for index in (0..<50) where !(16..<32).contains(index) {
            var changed = whole
            changed[index] ^= 1
            #expect(!Self.check(changed).1.isEmpty, "byte \(index)")
        }
    }

    @Test func `Payloads split at any byte are the same payloads`() {
        let bytes = Self.payload(0, 0) + Self.payload(1, 0) + Self.payload(0, 1)
        for place in 0...bytes.count { #expect(Self.check(bytes, splitAt: place) == (3, [])) }
    }

    @Test func `Missing, repeated, swapped and cut payloads are noticed`() {
        let numbers = { (numbers: [Int]) in Self.check(numbers.flatMap { Self.payload(0, $0) }).1.count }
        #expect(numbers([0, 1, 2]) == 0)
        #expect(numbers([0, 2]) == 1)
        #expect(numbers([0, 1, 1]) == 1)
        #expect(numbers([1, 0]) == 2)
        #expect(numbers([5]) == 1)
        #expect(Self.check(Self.payload(0, 5), startsAnywhere: true).1.isEmpty)
        #expect(Self.check(Self.payload(0, 0).dropLast()).1 == ["incomplete"])
    }

    @Test func `Messages of a JSON array are found, and anything else is a fault`() {
        func messages(_ text: String) -> (Int, Bool) {
            Array(text.utf8).withUnsafeBytes { bytes in
                var messages = JSONMessages(in: bytes, messageByteCount: 4)
                var count = 0
                while messages.next() != nil { count += 1 }
                return (count, messages.fault != nil)
            }
        }
        #expect(messages(#"["ab","cd"]"#) == (2, false))
        #expect(messages("[]") == (0, false))
        for text in [#"["ab""cd"]"#, #"["ab","c"]"#, #"["ab","cd""#, #""ab""#, "", "[", #"["ab"],"#] {
            #expect(messages(text).1, "\(text)")
        }
    }

    @Test func `Pattern bytes match where they are, and nowhere else`() {
        let bytes = PatternBytes.bytes(from: 100_000, count: 200_000)
        bytes.withUnsafeBytes { bytes in
            #expect(PatternBytes.matches(bytes, from: 100_000))
            for shift in [1, 4_096, 65_536, 1 << 20] { #expect(!PatternBytes.matches(bytes, from: 100_000 + shift)) }
        }
        var changed = bytes
        changed[199_999] ^= 1
        changed.withUnsafeBytes { #expect(!PatternBytes.matches($0, from: 100_000)) }
    }
}
