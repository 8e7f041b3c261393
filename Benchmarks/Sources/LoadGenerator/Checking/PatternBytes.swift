internal import Glibc

/// The content of large streams: bytes of a prime period, so that no block of a power of two can stand in another's
/// place without being noticed, and so that comparing needs no more memory than a processor's cache has.
enum PatternBytes {
    static let period = 65_521

    /// Two periods: from any position within the first one a whole period lies in one piece.
    private static let twoPeriods: [UInt8] = {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        // Printable, so that the stream may be of a text type too.
        let one = (0..<period).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return UInt8(0x23 + state % 90)
        }
        return one + one
    }()

    static func bytes(from position: Int, count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            let start = (position + bytes.count) % period
            bytes += twoPeriods[start..<(start + min(period, count - bytes.count))]
        }
        return bytes
    }

    /// Whether these are the bytes from this position on.
    static func matches(_ bytes: UnsafeRawBufferPointer, from position: Int) -> Bool {
        twoPeriods.withUnsafeBytes { pattern in
            var done = 0
            while done < bytes.count {
                let count = min(period, bytes.count - done)
                let start = (position + done) % period
                guard memcmp(bytes.baseAddress! + done, pattern.baseAddress! + start, count) == 0 else { return false }
                done += count
            }
            return true
        }
    }
}
