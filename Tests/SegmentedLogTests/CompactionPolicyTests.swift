import SimulatedDisk
import Testing

@testable import SegmentedLog

/// The decision which sealed segments to merge, without any.
struct `The choice of segments to merge` {
    private let policy = CompactionPolicy(fanIn: 4, smallestTierByteCount: 100, byteCountLimit: 10_000)

    private func choose(_ byteCounts: [Int], dead: [Int: Int] = [:], damaged: Set<Int> = []) -> Range<Int>? {
        policy.choose(
            byteCounts.enumerated().map { index, byteCount in
                .init(byteCount: byteCount, deadByteCount: dead[index] ?? 0, isDamaged: damaged.contains(index))
            })
    }

    @Test func `Nothing is merged before there are enough neighbours of a size`() {
        #expect(choose([]) == nil)
        #expect(choose([90, 90, 90]) == nil)
        #expect(choose([90, 90, 90, 90]) == 0 ..< 4)
        #expect(choose([90, 90, 90, 90, 90, 90]) == 0 ..< 6)
        #expect(choose([90, 90, 300, 90, 90]) == nil)
    }

    @Test func `Neighbours of the lowest tier go first, and take smaller ones between them along`() {
        #expect(choose([300, 300, 300, 300, 50, 50, 50, 50]) == 4 ..< 8)
        #expect(choose([300, 300, 10, 300, 300]) == 0 ..< 5)
        #expect(choose([1_000, 300, 300, 300, 300, 90]) == 1 ..< 6)
    }

    @Test func `A size above the limit of a tier counts to the next one`() {
        // Tiers end at 100, 400, 1,600 and so on.
        #expect(choose([100, 100, 100, 100]) == 0 ..< 4)
        #expect(choose([100, 100, 100, 101]) == nil)
        #expect(choose([101, 400, 400, 200]) == 0 ..< 4)
        #expect(choose([400, 400, 400, 401]) == nil)
        #expect(choose([2_000, 100, 100, 100]) == nil, "a large one is not written anew for the sake of a few small ones")
        #expect(choose([2_000, 100, 100, 100, 100]) == 1 ..< 5)
    }

    @Test func `Nothing is merged into more than the limit`() {
        #expect(choose([3_000, 3_000, 3_000, 3_000]) == nil)
        #expect(choose([2_500, 2_500, 2_500, 2_500]) == 0 ..< 4)
        #expect(choose([2_500, 2_500, 2_500, 2_500, 2_500]) == 0 ..< 4)
        // The dead bytes do not come along.
        #expect(choose([3_000, 3_000, 3_000, 3_000], dead: [0: 1_000, 1: 1_000]) == 0 ..< 4)
        #expect(choose([20_000, 20_000, 20_000, 20_000, 20_000]) == nil)
    }

    @Test func `A segment that is half dead is written anew before anything else, alone`() {
        #expect(choose([90, 90, 90, 90, 300], dead: [4: 150]) == 4 ..< 5)
        #expect(choose([90, 90, 90, 90, 300], dead: [4: 149]) == 0 ..< 4)
        #expect(choose([20_000], dead: [0: 10_000]) == 0 ..< 1)
        #expect(choose([300, 300], dead: [0: 300, 1: 200]) == 0 ..< 1)
    }

    @Test func `A damaged segment is left alone, and is no neighbour`() {
        #expect(choose([300], dead: [0: 300], damaged: [0]) == nil)
        #expect(choose([90, 90, 90, 90], damaged: [3]) == nil)
        #expect(choose([90, 90, 90, 90, 90], damaged: [0]) == 1 ..< 5)
        #expect(choose([90, 90, 90, 90, 90, 90], damaged: [2]) == nil)
        #expect(choose([90, 90, 90, 90, 90, 90, 300], dead: [6: 200], damaged: [2]) == 6 ..< 7)
    }

    @Test(arguments: [2, 3, 8], 1 ... 20 as ClosedRange<UInt64>)
    func `Merging comes to an end, and leaves few segments behind`(_ fanIn: Int, _ seed: UInt64) {
        let policy = CompactionPolicy(fanIn: fanIn, smallestTierByteCount: 100, byteCountLimit: 1 << 40)
        var generator = SeededGenerator(seed: seed)
        var segments: [CompactionPolicy.Candidate] = []
        var (writtenByteCount, addedByteCount) = (0, 0)
        for _ in 0 ..< 1_000 {
            let byteCount = 20 + generator.integer(below: 80)
            segments.append(.init(byteCount: byteCount, deadByteCount: 0))
            addedByteCount += byteCount
            if generator.chance(1, outOf: 3) {
                let index = generator.integer(below: segments.count)
                segments[index].deadByteCount = generator.integer(below: segments[index].byteCount + 1)
            }
            var stepCount = 0
            while let range = policy.choose(segments) {
                let live = segments[range].reduce(0) { $0 + $1.byteCount - $1.deadByteCount }
                // One that has nothing left goes altogether.
                segments.replaceSubrange(range, with: live == 0 ? [] : [.init(byteCount: live, deadByteCount: 0)])
                writtenByteCount += live
                stepCount += 1
                #expect(stepCount < 100)
                guard stepCount < 100 else { return }
            }
        }
        #expect(segments.count < fanIn * 12, "\(segments.count) segments")
        #expect(writtenByteCount < addedByteCount * 12, "\(writtenByteCount) of \(addedByteCount)")
    }

    @Test(arguments: [(2, 11), (3, 7), (8, 4)])
    func `Each byte is written anew once for each tier that it rises`(_ fanIn: Int, _ tierCount: Int) {
        let policy = CompactionPolicy(fanIn: fanIn, smallestTierByteCount: 100, byteCountLimit: 1 << 40)
        var segments: [CompactionPolicy.Candidate] = []
        var writtenByteCount = 0
        for _ in 0 ..< 1_000 {
            segments.append(.init(byteCount: 100, deadByteCount: 0))
            while let range = policy.choose(segments) {
                let byteCount = segments[range].reduce(0) { $0 + $1.byteCount }
                segments.replaceSubrange(range, with: [.init(byteCount: byteCount, deadByteCount: 0)])
                writtenByteCount += byteCount
            }
            #expect(segments.count <= (fanIn - 1) * tierCount)
        }
        #expect(writtenByteCount <= 100_000 * tierCount, "\(writtenByteCount / 100_000) times")
    }
}
