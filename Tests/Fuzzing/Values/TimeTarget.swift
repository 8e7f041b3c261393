/// Times as RFC 3339 writes them.
enum TimeTarget: FuzzTarget {
    static let name = "time"

    static func seeds() -> [[UInt8]] {
        ["2023-11-14T22:13:20Z", "2024-02-29t00:00:00.123456789+14:00", "0000-01-01T00:00:00-23:59", "9999-12-31T23:59:60z"]
            .map { Array($0.utf8) }
    }

    static func run(_ bytes: UnsafeRawBufferPointer) {
        guard let time = WallClockTime(rfc3339: bytes.text) else { return }
        // Years 0 to 9999, and a day for offsets.
        let range: ClosedRange<Int64> = -62_167_305_600_000...253_402_387_200_000
        expect(range.contains(time.millisecondsSince1970), "a time is out of range")
        _ = time.adding(seconds: .max)
    }
}
