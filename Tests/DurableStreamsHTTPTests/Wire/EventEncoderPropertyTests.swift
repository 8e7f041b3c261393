@testable import DurableStreamsWire
import Testing

/// Random texts, cut at every place, must come out of a client's parser as they would uncut.
@Suite struct EventEncoderPropertyTests {
    /// What a client gets that puts the data of all events together: line ends are LF, and what is no character is
    /// U+FFFD. Swift's decoder replaces by maximal subparts, as the protocol does.
    private static func expected(_ bytes: [UInt8]) -> String {
        var result = String.UnicodeScalarView()
        var previous: Unicode.Scalar?
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
            if scalar == "\n", previous == "\r" {
                // The CR has been taken for the line end already.
            } else {
                result.append(scalar == "\r" ? "\n" : scalar)
            }
            previous = scalar
        }
        return String(result)
    }

    /// Sends the text as a stream that grows to each of the cuts and is closed at the end.
    private static func received(_ bytes: [UInt8], cuts: [Int]) -> String {
        var sent: [UInt8] = []
        var position = 0
        for (index, cut) in (cuts + [bytes.count]).enumerated() {
            let isFinal = index == cuts.count
            bytes[position..<cut].withUnsafeBytes { payload in
                let event = DataEvent(payload, form: .text, isFinal: isFinal)
                var encoded = [UInt8](repeating: 0, count: event.byteCount)
                encoded.withUnsafeMutableBytes { memory in
                    var writer = RawByteWriter(memory)
                    event.write(into: &writer)
                    precondition(writer.count == memory.count)
                }
                sent += encoded
                position += event.consumedByteCount
            }
        }
        precondition(position == bytes.count)
        return EventStreamParser.parse(sent).map(\.data).joined()
    }

    private static let pieces: [[UInt8]] =
        ["a", " ", "\n", "\r", "\r\n", ":", "é", "€", "😀", "\u{0}", "\u{2028}", "data:", "event: control"]
        .map { Array($0.utf8) }
        + [
            [0x80], [0xC0], [0xC2], [0xE0], [0xE0, 0x80], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xF0, 0x9F],
            [0xF0, 0x9F, 0x98], [0xF4, 0x90, 0x80, 0x80], [0xF5], [0xFF], [0xFE], [0xF0, 0x80], [0xBF],
        ]

    private static func randomText(_ generator: inout SeededGenerator) -> [UInt8] {
        var text: [UInt8] = []
        for _ in 0..<Int.random(in: 1...14, using: &generator) {
            text += pieces.randomElement(using: &generator) ?? []
        }
        return text
    }

    @Test func `a text that is cut once, anywhere, arrives unchanged`() {
        var generator = SeededGenerator(seed: 2024)
        for _ in 0..<1_500 {
            let text = Self.randomText(&generator)
            for cut in 0...text.count where Self.received(text, cuts: [cut]) != Self.expected(text) {
                Issue.record("\(text) cut at \(cut)")
                return
            }
        }
    }

    @Test func `a text that is cut into single bytes arrives unchanged`() {
        var generator = SeededGenerator(seed: 99)
        for _ in 0..<1_500 {
            let text = Self.randomText(&generator)
            #expect(Self.received(text, cuts: Array(0...text.count)) == Self.expected(text), "\(text)")
        }
    }

    @Test func `long runs without line ends are found at every alignment`() {
        for length in 0..<40 {
            for lineEnd in ["\n", "\r", "\r\n", "é", "\u{8}", "\u{B}", "\u{E}", "\u{8A}"] {
                let text = String(repeating: "x", count: length) + lineEnd + String(repeating: "y", count: 40 - length)
                let bytes = Array(text.utf8)
                #expect(Self.received(bytes, cuts: []) == Self.expected(bytes))
            }
        }
    }

    @Test func `random bytes arrive as Swift decodes them`() {
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<3_000 {
            let bytes = (0..<Int.random(in: 1...24, using: &generator)).map { _ in
                // Mostly lead and continuation bytes.
                UInt8.random(in: Bool.random(using: &generator) ? 0x80...0xFF : 0...0xFF, using: &generator)
            }
            #expect(Self.received(bytes, cuts: []) == Self.expected(bytes), "\(bytes)")
        }
    }
}
