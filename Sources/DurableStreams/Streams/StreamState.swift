internal import SegmentedLog

extension Stream {
    /// What changes about a stream, under its lock.
    struct State: Sendable {
        /// Accepted, durable or not. Decisions are made on this.
        var writer = WriterState()
        private var facts: Facts = []
        /// Accepted and not durable yet.
        private(set) var pendingEntryCount: UInt32 = 0
        /// The durable end.
        private(set) var tail = StreamPosition.start
        /// When the stream was last used, on the steady clock.
        private(set) var lastUse: Int64
        /// Nil as long as there is nothing in it, as for nearly all streams.
        private var extras: Extras?

        /// In one byte, because there may be a million of these.
        private struct Facts: OptionSet {
            var rawValue: UInt8
            static let deletionIsPending = Facts(rawValue: 1)
            // Durable facts. They and the tail change together, so that nobody sees part of an append, or its data
            // without its end.
            static let isCreated = Facts(rawValue: 2)
            static let isClosed = Facts(rawValue: 4)
            static let isDeleted = Facts(rawValue: 8)
            /// Whether the last use would not be found after a restart.
            static let lastUseIsUnsaved = Facts(rawValue: 16)
        }

        init(lastUse: Int64) { self.lastUse = lastUse }

        var deletionIsPending: Bool { facts.contains(.deletionIsPending) }
        var isCreated: Bool { facts.contains(.isCreated) }
        var isClosed: Bool { facts.contains(.isClosed) }
        var isDeleted: Bool { facts.contains(.isDeleted) }
        var lastUseIsUnsaved: Bool { facts.contains(.lastUseIsUnsaved) }
        var hasPendingEntries: Bool { pendingEntryCount > 0 }

        // MARK: Use

        /// - Parameter isSaved: Whether an entry that goes into the log at about this time tells of the use.
        mutating func use(at time: Int64, isSaved: Bool) {
            lastUse = max(lastUse, time)
            if isSaved { facts.remove(.lastUseIsUnsaved) } else { facts.insert(.lastUseIsUnsaved) }
        }

        // MARK: Accepting

        mutating func didPut() { pendingEntryCount += 1 }

        mutating func didPutDeletion() {
            facts.insert(.deletionIsPending)
            pendingEntryCount += 1
        }

        mutating func didPutTrim(to position: StreamPosition) {
            withExtras { $0.pendingStart = position }
            pendingEntryCount += 1
        }

        /// Where the stream begins once everything is durable that is pending, if that is to change.
        var pendingStart: StreamPosition? { extras?.pendingStart }

        // MARK: Becoming durable

        /// Whether followers want to know of it.
        mutating func didCommit(_ entry: CommittedEntry) -> Bool {
            let tag = EntryTag(rawValue: entry.tag)
            // The parts of an append before the last show nothing.
            guard tag.contains(.isLast) else { return false }
            pendingEntryCount -= 1
            if entry.kind == .trim {
                didTrim(to: entry.end)
                return false
            }
            let isNews = tail != entry.end || tag.contains(.closes) || entry.kind == .delete
            tail = entry.end
            if tag.contains(.creates) {
                facts.insert(.isCreated)
                setPredecessor(nil)
            }
            if tag.contains(.closes) { facts.insert(.isClosed) }
            if entry.kind == .delete { facts.insert(.isDeleted) }
            return isNews
        }

        private mutating func didTrim(to position: StreamPosition) {
            guard pendingStart == position else { return }
            withExtras { $0.pendingStart = nil }
        }

        /// Everything that was accepted is durable: it was read back from the log.
        mutating func didRecover(lastUse: Int64) {
            facts.insert(.isCreated)
            tail = writer.tail
            if writer.isClosed { facts.insert(.isClosed) }
            self.lastUse = lastUse
        }

        // MARK: What few streams have

        /// Only ever touched under the lock of its stream.
        private final class Extras: @unchecked Sendable {
            var watchers: [WatcherGroup] = []
            /// What was at the path before and is visible until this stream is durable.
            var predecessor: Stream?
            var pendingStart: StreamPosition?

            var isEmpty: Bool { watchers.isEmpty && predecessor == nil && pendingStart == nil }
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
