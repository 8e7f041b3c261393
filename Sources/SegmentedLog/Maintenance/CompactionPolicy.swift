/// Which sealed segments to write anew, as one: a pure decision about their sizes.
///
/// Two reasons. Half of a segment is dead: it is written anew alone, which gives its space back. Or many neighbours are of
/// like size: they are merged, so that the number of segments, and with it the cost of opening and of reading a stream
/// that is in all of them, grows with the logarithm of the data. Each byte is rewritten once for each tier that it rises.
struct CompactionPolicy {
    struct Candidate {
        var byteCount: Int
        var deadByteCount: Int
        var isDamaged = false
    }

    /// So many neighbours of a tier become one of the next. At least 2.
    var fanIn: Int
    /// Segments of at most this size are of the lowest tier.
    var smallestTierByteCount: Int
    /// Nothing is merged into more than this.
    var byteCountLimit: Int

    func choose(_ candidates: [Candidate]) -> Range<Int>? {
        if let wasteful = candidates.firstIndex(where: { !$0.isDamaged && $0.deadByteCount * 2 >= $0.byteCount }) {
            return wasteful..<(wasteful + 1)
        }
        let tiers = candidates.map { tier(of: $0.byteCount - $0.deadByteCount) }
        for tier in Set(tiers).sorted() {
            if let range = run(of: tier, tiers, candidates) { return range }
        }
        return nil
    }

    /// The first run of neighbours with enough of this tier. Those below it that lie between them come along; they do not
    /// count, or a large segment would be written anew for every few small ones.
    private func run(of tier: Int, _ tiers: [Int], _ candidates: [Candidate]) -> Range<Int>? {
        var start = 0
        while start < candidates.count {
            var end = start
            var (byteCount, count) = (0, 0)
            while end < candidates.count, tiers[end] <= tier, !candidates[end].isDamaged,
                byteCount + candidates[end].byteCount - candidates[end].deadByteCount <= byteCountLimit
            {
                byteCount += candidates[end].byteCount - candidates[end].deadByteCount
                if tiers[end] == tier { count += 1 }
                end += 1
            }
            if count >= fanIn { return start..<end }
            start = max(end, start + 1)
        }
        return nil
    }

    private func tier(of byteCount: Int) -> Int {
        var tier = 0
        var limit = smallestTierByteCount
        while byteCount > limit, limit <= byteCountLimit {
            tier += 1
            limit = limit.multipliedReportingOverflow(by: fanIn).partialValue
        }
        return tier
    }
}
