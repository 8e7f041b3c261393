internal import SegmentedLog

extension Stream {
    /// What changes about a stream, under its lock. Positions are the stream's own; for a fork the engine's are lower by
    /// the divergence.
    struct State: Sendable {
        /// Accepted, durable or not. Decisions are made on this.
        var writer: WriterState
        private var facts: Facts = []
        /// Accepted and not durable yet.
        private(set) var pendingEntryCount: UInt32 = 0
        /// The durable end.
        private(set) var tail: StreamPosition
        /// When the stream was last used, on the steady clock.
        private(set) var lastUse: Int64
        /// Nil as long as there is nothing in it, as for nearly all streams.
        private var extras: Extras?

        /// In one byte, because there may be a million of these.
        private struct Facts: OptionSet {
            var rawValue: UInt8
            static let deletionIsPending = Facts(rawValue: 1)
            static let softDeletionIsPending = Facts(rawValue: 2)
            // Durable facts. They and the tail change together, so that nobody sees part of an append, or its data
            // without its end.
            static let isCreated = Facts(rawValue: 4)
            static let isClosed = Facts(rawValue: 8)
            static let isDeleted = Facts(rawValue: 16)
            static let isDeletedSoftly = Facts(rawValue: 32)
            /// Whether the last use would not be found after a restart.
            static let lastUseIsUnsaved = Facts(rawValue: 64)
            /// Whether the sweeper has it in its round.
            static let isSwept = Facts(rawValue: 128)
        }

        /// - Parameter base: Where the stream's own bytes begin.
        init(base: StreamPosition, lastUse: Int64) {
            writer = WriterState()
            writer.tail = base
            tail = base
            self.lastUse = lastUse
        }

        /// Whether the stream is being deleted, or is deleted, for good.
        var deletionIsPending: Bool { facts.contains(.deletionIsPending) }
        /// Whether the stream is being deleted, or is deleted, for everybody but its forks.
        var softDeletionIsPending: Bool { !facts.isDisjoint(with: [.softDeletionIsPending, .isDeletedSoftly]) }
        var isCreated: Bool { facts.contains(.isCreated) }
        var isClosed: Bool { facts.contains(.isClosed) }
        var isDeleted: Bool { facts.contains(.isDeleted) }
        var isDeletedSoftly: Bool { facts.contains(.isDeletedSoftly) }
        var lastUseIsUnsaved: Bool { facts.contains(.lastUseIsUnsaved) }
        var hasPendingEntries: Bool { pendingEntryCount > 0 }
        var hasForks: Bool { (extras?.forkCount ?? 0) > 0 }
        /// Whether the stream was only kept for forks, and there are none any more.
        var isAbandoned: Bool { softDeletionIsPending && !hasForks && !deletionIsPending }

        /// False if the sweeper had the stream before.
        mutating func becomeSwept() -> Bool { facts.insert(.isSwept).inserted }

        // MARK: Use

        /// - Parameter isSaved: Whether an entry that goes into the log at about this time tells of the use.
        mutating func use(at time: Int64, isSaved: Bool) {
            lastUse = max(lastUse, time)
            if isSaved { facts.remove(.lastUseIsUnsaved) } else { facts.insert(.lastUseIsUnsaved) }
        }

        // MARK: Accepting

        mutating func didPut(_ record: AppendRecord, byteCount: Int) {
            writer.apply(record, byteCount: byteCount)
            if record.deletesSoftly { facts.insert(.softDeletionIsPending) }
            if let start = record.start { withExtras { $0.pendingStarts.append(start) } }
            pendingEntryCount += 1
        }

        mutating func didPutDeletion() {
            facts.insert(.deletionIsPending)
            pendingEntryCount += 1
        }

        /// A trim of which the engine was told.
        mutating func didPutTrim(to position: StreamPosition) {
            withExtras { $0.pendingStarts.append(position) }
            pendingEntryCount += 1
        }

        /// Where the stream begins once everything is durable that is pending, if that is to change.
        var pendingStart: StreamPosition? { extras?.pendingStarts.last }

        /// Where the stream begins as far as the engine does not know of it: durable.
        var start: StreamPosition { extras?.start ?? .start }

        // MARK: Forks

        mutating func addFork() { withExtras { $0.forkCount += 1 } }
        mutating func removeFork() { withExtras { $0.forkCount -= 1 } }

        // MARK: Becoming durable

        /// Whether followers want to know of it.
        /// - Parameter base: Where the stream's own bytes begin.
        mutating func didCommit(_ entry: CommittedEntry, base: StreamPosition) -> Bool {
            let tag = EntryTag(rawValue: entry.tag)
            // The parts of an append before the last show nothing.
            guard tag.contains(.isLast) else { return false }
            pendingEntryCount -= 1
            if tag.contains(.trims) { takePendingStart(inEngine: entry.kind == .trim) }
            guard entry.kind != .trim else { return false }
            let end = base.advanced(by: entry.end.distance(from: .start))
            let isNews = tail != end || !tag.isDisjoint(with: [.closes, .deletesSoftly]) || entry.kind == .delete
            tail = end
            if tag.contains(.creates) {
                facts.insert(.isCreated)
                setPredecessor(nil)
            }
            if tag.contains(.closes) { facts.insert(.isClosed) }
            if tag.contains(.deletesSoftly) { facts.insert(.isDeletedSoftly) }
            if entry.kind == .delete { facts.insert(.isDeleted) }
            return isNews
        }

        private mutating func takePendingStart(inEngine: Bool) {
            withExtras { extras in
                let position = extras.pendingStarts.removeFirst()
                if !inEngine { extras.start = max(extras.start, position) }
            }
        }

        // MARK: For the opening

        mutating func recover(_ row: StreamStateRow, tail: StreamPosition) {
            writer = row.writer
            writer.tail = tail
            if row.isDeletedSoftly { facts.insert(.isDeletedSoftly) }
            if let start = row.start { withExtras { $0.start = start } }
        }

        mutating func recover(_ record: AppendRecord, byteCount: Int) {
            writer.apply(record, byteCount: byteCount)
            if record.deletesSoftly { facts.insert(.isDeletedSoftly) }
            if let start = record.start { withExtras { $0.start = max($0.start, start) } }
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
            /// Forks that are not deleted, pending ones included.
            var forkCount: UInt32 = 0
            var start = StreamPosition.start
            /// Of trims that are not durable yet, oldest first.
            var pendingStarts: [StreamPosition] = []

            var isEmpty: Bool {
                watchers.isEmpty && predecessor == nil && forkCount == 0 && start == .start && pendingStarts.isEmpty
            }
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
    static let trims = EntryTag(rawValue: 8)
    static let deletesSoftly = EntryTag(rawValue: 16)

    init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Of an entry with this record.
    init(_ record: AppendRecord) {
        self = .isLast
        if record.closes { insert(.closes) }
        if record.start != nil { insert(.trims) }
        if record.deletesSoftly { insert(.deletesSoftly) }
    }
}
