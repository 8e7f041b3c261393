/// Streams and their forks as the protocol page has them: which URL holds what, what is soft-deleted, and what each
/// stream contains. Pure: no sockets, no time.
struct TreeModel: Sendable {
    struct Node: Sendable {
        let type: String
        /// Messages of a JSON stream, single bytes of any other one.
        var units: [[UInt8]] = []
        /// How many units there are at the end of each append, also of the inherited ones.
        var appendEnds: [Int] = []
        /// How many units come before each offset that the server has handed out.
        var unitCounts: [String: Int] = [TestStream.start: 0]
        var tail = TestStream.start
        var isClosed = false
        /// The stream that this one is a fork of, and how the fork was asked for.
        var source: Int?
        var forkRequest: ForkRequest?
        var forkCount = 0
        var isSoftDeleted = false

        var isJSON: Bool { type == "application/json" }

        func content(from unitCount: Int = 0) -> [UInt8] {
            let rest = units[unitCount...]
            guard isJSON else { return Array(rest.joined()) }
            return Array("[".utf8) + Array(rest.joined(separator: [UInt8(ascii: ",")])) + Array("]".utf8)
        }

        mutating func append(_ added: [[UInt8]], tail newTail: String) {
            units += added
            if !added.isEmpty { appendEnds.append(units.count) }
            tail = newTail
            unitCounts[newTail] = units.count
        }
    }

    struct ForkRequest: Sendable, Equatable {
        var offset: String?
        /// 0 is as if absent.
        var count = 0
    }

    /// All streams that there are, by identity.
    private(set) var nodes: [Int: Node] = [:]
    /// Which of them has a URL.
    private(set) var identities: [String: Int] = [:]
    private var lastIdentity = 0

    func node(at name: String) -> Node? { identities[name].flatMap { nodes[$0] } }

    /// The status of a request other than a create, where the stream decides it alone.
    func refusal(at name: String) -> Int? {
        guard let node = node(at: name) else { return 404 }
        return node.isSoftDeleted ? 410 : nil
    }

    mutating func change(_ name: String, _ change: (inout Node) -> Void) {
        guard let identity = identities[name], var node = nodes[identity] else { return }
        change(&node)
        nodes[identity] = node
    }

    mutating func create(_ name: String, _ node: Node) {
        lastIdentity += 1
        nodes[lastIdentity] = node
        identities[name] = lastIdentity
        if let source = node.source { nodes[source]?.forkCount += 1 }
    }

    /// The status of a fork request to a URL that is free, and how many units the fork inherits.
    func decideFork(of source: String, _ request: ForkRequest) -> (status: Int, unitCount: Int) {
        if let refusal = refusal(at: source) { return (refusal == 410 ? 409 : 404, 0) }
        guard let node = node(at: source) else { return (404, 0) }
        guard let offset = request.offset else { return (request.count == 0 ? 201 : 400, node.units.count) }
        guard let start = node.unitCounts[offset] else { return (400, 0) }
        if request.count == 0 { return (201, start) }
        guard let end = node.appendEnds.first(where: { $0 > start }), start + request.count <= end else {
            return (400, 0)
        }
        return (201, start + request.count)
    }

    /// What a fork has of its source.
    func inherited(from source: String, _ unitCount: Int) -> Node? {
        guard let identity = identities[source], let node = nodes[identity] else { return nil }
        var fork = Node(type: node.type)
        fork.units = Array(node.units.prefix(unitCount))
        fork.appendEnds = node.appendEnds.filter { $0 < unitCount } + (unitCount > 0 ? [unitCount] : [])
        fork.unitCounts = node.unitCounts.filter { $0.value <= unitCount }
        fork.source = identity
        return fork
    }

    /// The status of a delete, and its effect.
    mutating func delete(_ name: String) -> Int {
        if let refusal = refusal(at: name) { return refusal }
        guard let identity = identities[name] else { return 404 }
        nodes[identity]?.isSoftDeleted = true
        removeUnheld(identity)
        return 204
    }

    /// Removes what is deleted and has no forks, and then so on up the chain.
    private mutating func removeUnheld(_ identity: Int) {
        guard let node = nodes[identity], node.isSoftDeleted, node.forkCount == 0 else { return }
        nodes[identity] = nil
        for (name, other) in identities where other == identity { identities[name] = nil }
        guard let source = node.source else { return }
        nodes[source]?.forkCount -= 1
        removeUnheld(source)
    }
}
