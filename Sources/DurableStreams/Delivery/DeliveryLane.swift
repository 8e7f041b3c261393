internal import Synchronization

/// The way from the store's threads back to one serial executor, such as an event loop.
///
/// Answers and wake-ups that one commit causes are collected and handed over together: one hop for each lane and commit,
/// however many there are. Everything that is delivered on a lane runs on its executor, in order.
///
/// ``run(_:)`` may be called from any thread; ``drain()``, ``tick()`` and ``after(milliseconds:_:)`` only on the executor.
public final class DeliveryLane: Sendable {
    private let queue = Mutex(Queue())
    private let scheduleDrain: (@Sendable () -> Void)?
    /// Confined to the executor.
    private let timers: LaneTimers

    private struct Queue {
        var items: [any LaneItem] = []
        var isScheduled = false
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
        let items = queue.withLock { queue in
            queue.isScheduled = false
            defer { queue.items = [] }
            return queue.items
        }
        for item in items { item.deliver() }
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

    func schedule() { scheduleDrain?() }
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

/// What one commit hands over, lane by lane. Owned by the writer's thread, which flushes it when everybody has been
/// told of the commit.
final class CommitDeliveries: @unchecked Sendable {
    private var lanes: [DeliveryLane] = []
    private var groups: [WatcherGroup] = []

    func add(_ item: any LaneItem, on lane: DeliveryLane) {
        if lane.add(item) { lanes.append(lane) }
    }

    /// Behind all answers of the commit: there may be thousands in the group, and whoever has appended waits for one.
    func addLast(_ group: WatcherGroup) { groups.append(group) }

    func flush() {
        for group in groups { add(group, on: group.lane) }
        groups.removeAll(keepingCapacity: true)
        for lane in lanes { lane.schedule() }
        lanes.removeAll(keepingCapacity: true)
    }
}
