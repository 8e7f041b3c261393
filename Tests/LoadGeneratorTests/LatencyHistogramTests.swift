import Testing

@testable import LoadGenerator

@Suite struct LatencyHistogramTests {
    static let shares = [0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1]

    /// The same quantile of the values themselves.
    static func quantile(_ sorted: [UInt64], _ share: Double) -> UInt64 {
        sorted[max(0, Int((share * Double(sorted.count)).rounded(.up)) - 1)]
    }

    @Test(arguments: [1, 2, 100, 10_000])
    func `Quantiles are those of the sorted values, and less than one percent above them`(count: Int) {
        var random = SystemRandomNumberGenerator()
        for bits in [3, 8, 12, 20, 30, 39] {
            var histogram = LatencyHistogram()
            var values: [UInt64] = []
            for _ in 0..<count {
                let value = UInt64.random(in: 0..<(1 << bits), using: &random)
                values.append(value)
                histogram.record(value)
            }
            values.sort()
            #expect(histogram.count == UInt64(count))
            #expect(histogram.maximum == values.last)
            for share in Self.shares {
                let (exact, given) = (Self.quantile(values, share), histogram.quantile(share))
                #expect(given >= exact && Double(given) <= Double(exact) * 1.008 + 1, "\(share) of \(bits) bits")
            }
        }
    }

    @Test func `Merging is the same as recording in one`() {
        var (first, second, both) = (LatencyHistogram(), LatencyHistogram(), LatencyHistogram())
        for value in UInt64(0)..<5_000 {
            if value % 3 == 0 { first.record(value * value) } else { second.record(value * value) }
            both.record(value * value)
        }
        first.merge(second)
        #expect(first.count == both.count && first.maximum == both.maximum && first.mean == both.mean)
        for share in Self.shares { #expect(first.quantile(share) == both.quantile(share)) }
    }

    @Test func `Each bucket begins where the one before ends`() {
        var value: UInt64 = 0
        var bucket = 0
        while value < LatencyHistogram.limit {
            #expect(LatencyHistogram.bucket(of: value) == bucket)
            let highest = LatencyHistogram.highestValue(of: bucket)
            #expect(LatencyHistogram.bucket(of: highest) == bucket)
            value = highest + 1
            bucket += 1
        }
    }

    @Test func `What is beyond the limit is counted at the limit, and kept as the maximum`() {
        var histogram = LatencyHistogram()
        histogram.record(.max / 2)
        #expect(histogram.count == 1 && histogram.maximum == .max / 2)
        #expect(histogram.quantile(0.5) <= .max / 2)
    }

    @Test func `Nothing has the quantile zero`() { #expect(LatencyHistogram().quantile(0.5) == 0) }
}
