import SegmentedLog

@testable import DurableStreams

/// When the streams of a simulation were used, and what that promises them. Times are those of the store's steady clock.
struct LifetimeModel {
    let wallClock = TestClock()
    let steadyClock = TestClock(0)
    /// By the numbers of the model.
    private var uses: [Int: Int64] = [:]
    /// The last uses that a restart has to know of, if the store has had the time to save them.
    private var promises: [Int: Int64] = [:]
    /// What makes the steady clock agree with that of the store.
    private var offset: Int64 = 0

    /// What a store knows of a stream when it is opened.
    struct Found {
        var createdAt: WallClockTime
        var lastUse: Int64
        var isExpired: Bool
        var isDeletedSoftly: Bool
    }

    private var now: Int64 { steadyClock.now + offset }

    func isExpired(_ number: Int, _ model: StoreModel) -> Bool { isExpired(model.nodes[number]!, lastUse: uses[number] ?? now) }

    private func isExpired(_ node: StoreModel.Node, lastUse: Int64) -> Bool {
        switch node.lifetime {
        case nil: false
        case .sliding(let seconds): lastUse + Int64(seconds) * 1_000 <= now
        case .until(let end, _): end.millisecondsSince1970 <= wallClock.now
        }
    }

    // MARK: Time

    func pass(milliseconds: Int64) {
        wallClock.advance(milliseconds: milliseconds)
        steadyClock.advance(milliseconds: milliseconds)
    }

    /// The entries in the log look older or younger from now on, until the store has noticed.
    mutating func setWallClock(milliseconds: Int64) {
        wallClock.advance(milliseconds: milliseconds)
        if milliseconds > 0 { promises = [:] }
    }

    // MARK: Use

    mutating func use(_ number: Int) { uses[number] = now }

    mutating func use(_ path: StreamPath, _ outcome: StoreModel.Outcome, _ operation: StoreModel.Operation, _ model: StoreModel) {
        guard let number = model.paths[path] else { return }
        switch (operation, outcome) {
        case (.create, .changed), (.create, .unchanged), (.append, .changed), (.append, .unchanged): use(number)
        default: break
        }
    }

    /// The store has done everything that there was to do, and all of it is durable.
    mutating func promise(_ model: StoreModel) {
        promises = uses.filter { model.nodes[$0.key] != nil }
    }

    mutating func forgetPromises() { promises = [:] }

    // MARK: A new life

    /// What may be missing of a use that the store was to keep.
    private static let slackMilliseconds: Int64 = 0

    /// Whether the store may have ended a stream in a life in which nobody looked.
    func mayHaveEnded(_ number: Int, _ model: StoreModel) -> Bool {
        isExpired(model.nodes[number]!, lastUse: promises[number].map { $0 - Self.slackMilliseconds } ?? .min / 2)
    }

    /// - Parameter steady: What the new store's steady clock says.
    mutating func begin(steady: Int64) {
        let shift = steady - now
        offset += shift
        promises = promises.mapValues { $0 + shift }
        uses = uses.mapValues { $0 + shift }
    }

    /// Nothing has ended before its time, and what has not is known.
    /// - Parameter model: As it was before the store was opened.
    mutating func check(_ model: StoreModel, _ found: [StreamPath: Found]) throws {
        for (path, number) in model.paths {
            guard let node = model.nodes[number], !node.isDeletedSoftly, node.lifetime != nil else { continue }
            // What ended in a life that nobody saw was looked at before.
            guard let stream = found[path], stream.createdAt == node.createdAt, !stream.isDeletedSoftly else { continue }
            guard stream.lastUse <= now else { throw StoreSimulation.Failure("\(path.text) is used in the future") }
            // An instant comes whatever is read.
            if case .sliding = node.lifetime, let promise = promises[number],
                stream.lastUse < min(promise, now) - Self.slackMilliseconds
            {
                throw StoreSimulation.Failure("\(path.text) was used \(promise - stream.lastUse) ms later than the store knows")
            }
            guard stream.isExpired == isExpired(node, lastUse: stream.lastUse) else {
                throw StoreSimulation.Failure("\(path.text) expired: \(stream.isExpired)")
            }
            uses[number] = stream.lastUse
        }
        promises = promises.filter { model.nodes[$0.key] != nil }
    }
}
