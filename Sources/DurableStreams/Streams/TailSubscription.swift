internal import Synchronization

/// Those on one lane who follow one stream: a commit wakes the group once, and the lane wakes its members.
final class WatcherGroup: LaneItem {
    let lane: DeliveryLane
    private let state = Mutex(State())

    private struct State {
        var members: [Watcher] = []
        var isQueued = false
    }

    init(_ lane: DeliveryLane) { self.lane = lane }

    var isEmpty: Bool { state.withLock { $0.members.isEmpty } }

    func add(_ onChange: @escaping @Sendable () -> Void) -> Watcher {
        state.withLock { state in
            let watcher = Watcher(onChange, index: state.members.count)
            state.members.append(watcher)
            return watcher
        }
    }

    /// False if it had been removed before.
    func remove(_ watcher: Watcher) -> Bool {
        state.withLock { state in
            let index = watcher.index.load(ordering: .relaxed)
            guard index >= 0 else { return false }
            state.members.swapAt(index, state.members.count - 1)
            state.members[index].index.store(index, ordering: .relaxed)
            watcher.index.store(-1, ordering: .relaxed)
            state.members.removeLast()
            return true
        }
    }

    /// Called on the writer's thread.
    func wake(_ deliveries: CommitDeliveries) {
        let mustQueue = state.withLock { state in
            defer { state.isQueued = true }
            return !state.isQueued && !state.members.isEmpty
        }
        if mustQueue { deliveries.add(self, on: lane) }
    }

    func deliver() {
        let members = state.withLock { state in
            state.isQueued = false
            return state.members
        }
        for member in members where member.index.load(ordering: .relaxed) >= 0 { member.onChange() }
    }
}

final class Watcher: Sendable {
    let onChange: @Sendable () -> Void
    /// Its place in the group, -1 when it is in none. Changed under the group's lock.
    let index: Atomic<Int>

    init(_ onChange: @escaping @Sendable () -> Void, index: Int) {
        self.onChange = onChange
        self.index = Atomic(index)
    }
}

/// Somebody's following of a stream. While it exists the stream does not expire.
public final class TailSubscription: Sendable {
    private let watcher: Watcher
    private let group: WatcherGroup
    private let stream: Stream

    init(_ watcher: Watcher, _ group: WatcherGroup, _ stream: Stream) {
        self.watcher = watcher
        self.group = group
        self.stream = stream
    }

    deinit { cancel() }

    /// Ends the following. From any thread; a call that is being delivered on another thread may still arrive.
    public func cancel() {
        if group.remove(watcher), group.isEmpty { stream.removeIfEmpty(group) }
    }
}
