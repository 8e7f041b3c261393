internal import Synchronization

/// Those on one lane who follow one stream: a commit wakes the group once, and the lane wakes its members.
final class WatcherGroup: LaneItem {
    let lane: DeliveryLane
    private let state = Mutex(State())

    /// So many are woken before it is others' turn on the executor.
    private static let turnCount = 64

    private struct State {
        var members: [Watcher] = []
        var isQueued = false
        /// Those who are still to be woken.
        var waking: ArraySlice<Watcher> = []
        /// There was another commit since the first of those was woken.
        var mustWakeAgain = false
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
            // Whoever joins an empty group later looks at the stream after that.
            guard !state.isQueued, !state.members.isEmpty else { return false }
            state.isQueued = true
            return true
        }
        if mustQueue { deliveries.addLast(self) }
    }

    func deliver() {
        let isWaking = state.withLock { state in
            state.isQueued = false
            guard state.waking.isEmpty else {
                state.mustWakeAgain = true
                return true
            }
            state.waking = state.members[...]
            return false
        }
        // Those who are at it go on.
        if !isWaking { wakeSome() }
    }

    private func wakeSome() {
        let turn = state.withLock { state in
            let turn = state.waking.prefix(Self.turnCount)
            // An empty slice would keep all members, those who have left included.
            state.waking = turn.count < state.waking.count ? state.waking.dropFirst(Self.turnCount) : []
            return turn
        }
        for member in turn where member.index.load(ordering: .relaxed) >= 0 { member.onChange() }
        let isDone = state.withLock { state in
            if state.waking.isEmpty, state.mustWakeAgain {
                state.mustWakeAgain = false
                state.waking = state.members[...]
            }
            return state.waking.isEmpty
        }
        if !isDone { lane.run { [self] in wakeSome() } }
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
