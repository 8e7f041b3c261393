import Synchronization
import Testing

@testable import DurableStreams

/// Who is told of a commit when.
@Suite struct WatcherGroupTests {
    /// A lane that is drained by hand.
    private final class Executor: Sendable {
        let drainsWanted = Atomic(0)
        let notes = Mutex<[String]>([])

        func note(_ text: String) { notes.withLock { $0.append(text) } }
    }

    private final class Answer: LaneItem {
        private let executor: Executor
        init(_ executor: Executor) { self.executor = executor }
        func deliver() { executor.note("answer") }
    }

    private let executor = Executor()
    private let lane: DeliveryLane
    private let group: WatcherGroup
    private let deliveries = CommitDeliveries()

    init() {
        let executor = executor
        lane = DeliveryLane(
            scheduleDrain: { executor.drainsWanted.add(1, ordering: .relaxed) }, scheduleTick: { _ in })
        group = WatcherGroup(lane)
    }

    private func addWatchers(_ count: Int) -> [Watcher] {
        (0..<count).map { number in group.add { [executor] in executor.note("\(number)") } }
    }

    /// Drains as often as the lane asks for it. Returns how often that was.
    private func drain() -> Int {
        var count = 0
        while executor.drainsWanted.load(ordering: .relaxed) > 0 {
            executor.drainsWanted.subtract(1, ordering: .relaxed)
            lane.drain()
            count += 1
        }
        return count
    }

    private func takeNotes() -> [String] { executor.notes.withLock { notes in defer { notes = [] }; return notes } }

    @Test func `Whoever has appended is answered before those who follow are told`() {
        _ = addWatchers(2)
        group.wake(deliveries)
        deliveries.add(Answer(executor), on: lane)
        deliveries.flush()
        #expect(drain() == 1)
        #expect(takeNotes() == ["answer", "0", "1"])
    }

    @Test func `A commit while nobody follows does not keep those who come later from being told`() {
        group.wake(deliveries)
        deliveries.flush()
        _ = addWatchers(1)
        group.wake(deliveries)
        deliveries.flush()
        #expect(drain() == 1)
        #expect(takeNotes() == ["0"])
    }

    @Test func `Many are told in turns, each once`() {
        _ = addWatchers(1_000)
        group.wake(deliveries)
        deliveries.flush()
        #expect(drain() > 10)
        #expect(takeNotes() == (0..<1_000).map { "\($0)" })
    }

    @Test func `What happens between two turns is told as well`() {
        let watchers = addWatchers(200)
        group.wake(deliveries)
        deliveries.flush()
        lane.drain()
        let early = takeNotes()
        #expect(early.count < 200)
        // The next commit, and one who leaves before its turn.
        group.wake(deliveries)
        deliveries.flush()
        #expect(group.remove(watchers[199]))
        _ = drain()
        let late = takeNotes()
        #expect(early + late.prefix(199 - early.count) == (0..<199).map { "\($0)" })
        #expect(Set(late.suffix(199)) == Set((0..<199).map { "\($0)" }))
        #expect(late.count == 199 - early.count + 199)
    }
}
