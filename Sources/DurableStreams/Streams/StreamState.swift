internal import SegmentedLog

extension Stream {
    /// What changes about a stream, under its lock.
    struct State: Sendable {
        /// Accepted, durable or not. Decisions are made on this.
        var writer = WriterState()
        var deletionIsPending = false
        // Durable facts. They change together, so that nobody sees part of an append, or its data without its end.
        private(set) var isCreated = false
        private(set) var isClosed = false
        private(set) var isDeleted = false
        /// Accepted and not durable yet.
        var pendingEntryCount: UInt32 = 0
        private(set) var tail = StreamPosition.start
        /// When the stream was last used, on the wall clock, in milliseconds since 1970.
        var lastUse: Int64
        /// Nil as long as there is nothing in it, as for nearly all streams.
        private var extras: Extras?

        init(lastUse: Int64) { self.lastUse = lastUse }

        // MARK: What few streams have

        /// Only ever touched under the lock of its stream.
        private final class Extras: @unchecked Sendable {
            var watchers: [WatcherGroup] = []
            /// What was at the path before and is visible until this stream is durable.
            var predecessor: Stream?

            var isEmpty: Bool { watchers.isEmpty && predecessor == nil }
        }

        private mutating func withExtras<Result>(_ body: (Extras) -> Result) -> Result {
            let extras = extras ?? Extras()
            let result = body(extras)
            self.extras = extras.isEmpty ? nil : extras
            return result
        }

        var watchers: [WatcherGroup] { extras?.watchers ?? [] }
        var isWatched: Bool { extras.map { !$0.watchers.isEmpty } ?? false }
        var predecessor: Stream? { extras?.predecessor }

        mutating func setPredecessor(_ stream: Stream?) {
            guard stream != nil || extras != nil else { return }
            withExtras { $0.predecessor = stream }
        }

        /// Those on this lane who follow the stream; a new group if there are none yet.
        mutating func watcherGroup(on lane: DeliveryLane) -> WatcherGroup {
            withExtras { extras in
                if let group = extras.watchers.first(where: { $0.lane === lane }) { return group }
                let group = WatcherGroup(lane)
                extras.watchers.append(group)
                return group
            }
        }

        mutating func removeIfEmpty(_ group: WatcherGroup) {
            guard extras != nil, group.isEmpty else { return }
            withExtras { $0.watchers.removeAll { $0 === group } }
        }

        // MARK: Becoming durable

        mutating func didCommit(_ entry: CommittedEntry) {
            let tag = EntryTag(rawValue: entry.tag)
            // The parts of an append before the last show nothing.
            guard tag.contains(.isLast) else { return }
            pendingEntryCount -= 1
            tail = entry.end
            if tag.contains(.creates) {
                isCreated = true
                setPredecessor(nil)
            }
            if tag.contains(.closes) { isClosed = true }
            if entry.kind == .delete { isDeleted = true }
        }

        /// Everything that was accepted is durable: it was read back from the log.
        mutating func didRecover(lastUse: Int64) {
            isCreated = true
            tail = writer.tail
            isClosed = writer.isClosed
            self.lastUse = lastUse
        }
    }
}

/// What a stream puts with its entries, to be told when they are durable. Not stored.
struct EntryTag: OptionSet {
    var rawValue: UInt64
    /// The last entry of what was accepted in one piece.
    static let isLast = EntryTag(rawValue: 1)
    static let closes = EntryTag(rawValue: 2)
    static let creates = EntryTag(rawValue: 4)
}
