internal import Synchronization

/// The way from the store's threads back to one serial executor, such as an event loop.
///
/// Answers and wake-ups that one commit causes are collected and handed over together: one hop for each lane and commit,
/// however many there are. Everything that is delivered on a lane runs on its executor, in order.
///
/// ``run(_:)`` may be called from any thread; ``drain()``, ``tick()`` and ``after(milliseconds:_:)`` only on the executor.
public final class DeliveryLane: Sendable {
    private let queue = Mutex(Queue())
    private let draining = Draining()
    private let scheduleDrain: (@Sendable () -> Void)?
    /// Confined to the executor.
    private let timers: LaneTimers

    private struct Queue {
        var items: [any LaneItem] = []
        var isScheduled = false
    }

    /// What is being delivered, in memory that takes turns with that of the queue. Confined to the executor.
    private final class Draining: @unchecked Sendable {
        var items: [any LaneItem] = []
        static let keptCapacity = 4_096
    }

    /// - Parameters:
    ///   - scheduleDrain: Asks the executor to call ``drain()`` soon. Called from any thread.
    ///   - scheduleTick: Asks the executor to call ``tick()`` after so many milliseconds. Called on the executor.
    public init(
        scheduleDrain: @escaping @Sendable () -> Void, scheduleTick: @escaping @Sendable (Int) -> Void
    ) {
        self.scheduleDrain = scheduleDrain
        timers = LaneTimers(scheduleTick: scheduleTick)
    }

    /// A lane without an executor: everything runs at once on the thread that causes it. For tasks, whose
    /// continuations may be resumed anywhere.
    init(direct: Void) {
        scheduleDrain = nil
        timers = LaneTimers(scheduleTick: { _ in preconditionFailure("a direct lane has no timers") })
    }

    /// Runs work on the executor at the next drain.
    public func run(_ work: @escaping @Sendable () -> Void) {
        guard let scheduleDrain else { return work() }
        if add(LaneWork(work)) { scheduleDrain() }
    }

    /// Runs what has been handed over.
    public func drain() {
        queue.withLock { queue in
            queue.isScheduled = false
            swap(&queue.items, &draining.items)
        }
        for item in draining.items { item.deliver() }
        draining.items.removeAll(keepingCapacity: draining.items.capacity <= Draining.keptCapacity)
    }

    /// Runs work on the executor after a while, to within about 50 ms. Setting and cancelling take constant time, so
    /// that every waiting reader can have a timer.
    public func after(milliseconds: Int, _ work: @escaping @Sendable () -> Void) -> LaneTimer {
        timers.set(milliseconds: milliseconds, work)
    }

    /// Fires the timers that are due.
    public func tick() { timers.tick() }

    /// Adds an item; true if the executor has to be asked to drain because of it.
    func add(_ item: any LaneItem) -> Bool {
        guard scheduleDrain != nil else {
            item.deliver()
            return false
        }
        return queue.withLock { queue in
            queue.items.append(item)
            defer { queue.isScheduled = true }
            return !queue.isScheduled
        }
    }

    /// Whether items wait for an executor; else they are delivered where they come from.
    var hasExecutor: Bool { scheduleDrain != nil }

    /// Hands over items that belong together. Only with an executor.
    func add(_ items: [any LaneItem]) {
        let mustSchedule = queue.withLock { queue in
            queue.items.append(contentsOf: items)
            defer { queue.isScheduled = true }
            return !queue.isScheduled
        }
        if mustSchedule { scheduleDrain?() }
    }
}

/// Something to be done on a lane's executor.
protocol LaneItem: AnyObject, Sendable {
    func deliver()
}

private final class LaneWork: LaneItem {
    private let work: @Sendable () -> Void
    init(_ work: @escaping @Sendable () -> Void) { self.work = work }
    func deliver() { work() }
}

/// What one commit hands over, lane by lane, with one look at each lane's lock. Owned by the writer's thread, which flushes
/// it when everybody has been told of the commit.
final class CommitDeliveries: @unchecked Sendable {
    private var shares: [Share] = []
    private var groups: [WatcherGroup] = []
    /// Lanes that are kept from one commit to the next. A process has few.
    private static let keptLaneCount = 16
    private static let keptItemCount = 4_096

    private struct Share {
        let lane: DeliveryLane
        var items: [any LaneItem]
    }

    func add(_ item: any LaneItem, on lane: DeliveryLane) {
        guard lane.hasExecutor else { return item.deliver() }
        if let index = shares.firstIndex(where: { $0.lane === lane }) {
            shares[index].items.append(item)
        } else {
            shares.append(Share(lane: lane, items: [item]))
        }
    }

    /// Behind all answers of the commit: there may be thousands in the group, and whoever has appended waits for one.
    func addLast(_ group: WatcherGroup) { groups.append(group) }

    func flush() {
        for group in groups { add(group, on: group.lane) }
        groups.removeAll(keepingCapacity: true)
        for index in shares.indices where !shares[index].items.isEmpty {
            shares[index].lane.add(shares[index].items)
            shares[index].items.removeAll(keepingCapacity: shares[index].items.count <= Self.keptItemCount)
        }
        if shares.count > Self.keptLaneCount { shares.removeAll() }
    }
}
