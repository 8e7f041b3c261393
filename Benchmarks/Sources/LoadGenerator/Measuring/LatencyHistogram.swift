/// Counts of latencies in fixed memory: log-linear buckets, each at most 1/128 wide, from 1 ns to 18 minutes.
///
/// Values below 128 have a bucket each; from there every power of two is cut into 128 buckets of one width. A quantile
/// is answered with the highest value of its bucket (or the highest value seen), so it is never too good, and at most
/// 0.8 % too bad.
struct LatencyHistogram: Sendable {
    private static let precisionBitCount = 7
    private static let subBucketCount = 1 << precisionBitCount
    private static let highestBit = 39
    private static let bucketCount = (highestBit - precisionBitCount + 2) * subBucketCount

    /// The highest value that is told apart from higher ones.
    static let limit = (UInt64(1) << (highestBit + 1)) - 1

    private var counts = [UInt64](repeating: 0, count: bucketCount)
    private(set) var count: UInt64 = 0
    private(set) var maximum: UInt64 = 0
    private var sum: UInt64 = 0

    var mean: Double { count == 0 ? 0 : Double(sum) / Double(count) }

    mutating func record(_ nanoseconds: UInt64) {
        counts[Self.bucket(of: min(nanoseconds, Self.limit))] += 1
        count += 1
        sum &+= nanoseconds
        if nanoseconds > maximum { maximum = nanoseconds }
    }

    mutating func merge(_ other: LatencyHistogram) {
        for index in counts.indices { counts[index] += other.counts[index] }
        count += other.count
        sum &+= other.sum
        maximum = max(maximum, other.maximum)
    }

    /// The smallest recorded value (rounded up to the end of its bucket) that at least this share of all values do not
    /// exceed; 0 if there are none. The share is from 0 to 1.
    func quantile(_ share: Double) -> UInt64 {
        guard count > 0 else { return 0 }
        let rank = max(1, UInt64((share * Double(count)).rounded(.up)))
        var seen: UInt64 = 0
        for (index, bucketCount) in counts.enumerated() {
            seen += bucketCount
            if seen >= rank { return min(Self.highestValue(of: index), maximum) }
        }
        return maximum
    }

    static func bucket(of value: UInt64) -> Int {
        guard value >= UInt64(subBucketCount) else { return Int(value) }
        let bit = UInt64.bitWidth - 1 - value.leadingZeroBitCount
        let shift = bit - precisionBitCount
        return (shift + 1) * subBucketCount + Int(value >> UInt64(shift)) - subBucketCount
    }

    static func highestValue(of bucket: Int) -> UInt64 {
        guard bucket >= subBucketCount else { return UInt64(bucket) }
        let shift = UInt64(bucket / subBucketCount - 1)
        let base = UInt64(bucket % subBucketCount + subBucketCount)
        return ((base + 1) << shift) - 1
    }
}
