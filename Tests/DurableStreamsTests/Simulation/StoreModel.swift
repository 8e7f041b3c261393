import SegmentedLog

@testable import DurableStreams

/// What a store should hold: every stream with all of its bytes, those that a fork inherited copied, and the rules
/// written down a second time, as plainly as can be.
struct StoreModel {
    struct Node {
        var path: StreamPath
        var request: CreateRequest
        var isJSON: Bool
        var lifetime: Lifetime?
        var source: Int?
        var forkOffset: Int?
        var bytes: [UInt8] = []
        /// Positions at which an append begins or ends: where a JSON stream, of one message for each append, can be cut.
        var boundaries = [0]
        var earliest = 0
        var isClosed = false
        var lastSequence: String?
        var producers: [String: ProducerState] = [:]
        var closedBy: ProducerStamp?
        var isDeletedSoftly = false

        /// No two streams of a simulation have the same.
        var createdAt: WallClockTime { request.createdAt! }
    }

    /// By a number that is never used again.
    var nodes: [Int: Node] = [:]
    var paths: [StreamPath: Int] = [:]
    private var nextNumber = 0

    enum Operation: Sendable {
        case create(CreateRequest, [UInt8])
        case append(StreamPath, [UInt8], AppendRequest)
        case delete(StreamPath)
        case trim(StreamPath, Int)

        var path: StreamPath {
            switch self {
            case .create(let request, _): request.path
            case .append(let path, _, _), .delete(let path), .trim(let path, _): path
            }
        }
    }

    enum Outcome: Equatable {
        /// With the tail afterwards, or for a trim the beginning.
        case changed(Int)
        case unchanged(Int)
        case refused(String)
    }

    func node(at path: StreamPath) -> Node? { paths[path].flatMap { nodes[$0] } }

    func hasForks(_ number: Int) -> Bool { nodes.values.contains { $0.source == number } }

    // MARK: What the store does by itself, one step each

    /// Deletes a stream, softly if forks need it.
    mutating func end(_ number: Int) {
        if hasForks(number) { nodes[number]!.isDeletedSoftly = true } else { remove(number) }
    }

    /// Streams that were only kept for forks which are gone.
    var abandoned: [Int] { nodes.keys.sorted().filter { nodes[$0]!.isDeletedSoftly && !hasForks($0) } }

    mutating func remove(_ number: Int) {
        guard let node = nodes.removeValue(forKey: number) else { return }
        if paths[node.path] == number { paths[node.path] = nil }
    }

    // MARK: What clients do

    /// - Parameter isExpired: Whether the lifetime of a stream is over, though the store may not have noticed.
    mutating func apply(_ operation: Operation, isExpired: (Int) -> Bool) -> Outcome {
        switch operation {
        case .create(let request, let content): return create(request, content, isExpired)
        case .append(let path, let content, let request):
            return change(path, isExpired) { $0.append(content, request) }
        case .delete(let path):
            guard let number = paths[path], case .success = usable(number, isExpired) else {
                return change(path, isExpired) { _ in .unchanged(0) }
            }
            end(number)
            return .changed(0)
        case .trim(let path, let position):
            return change(path, isExpired) { node in
                guard position > node.earliest else { return .unchanged(node.earliest) }
                node.earliest = position
                return .changed(position)
            }
        }
    }

    private struct Unusable: Error { var reason: String }

    private func usable(_ number: Int, _ isExpired: (Int) -> Bool) -> Result<Node, Unusable> {
        let node = nodes[number]!
        if node.isDeletedSoftly { return .failure(Unusable(reason: "gone")) }
        if isExpired(number) { return .failure(Unusable(reason: hasForks(number) ? "gone" : "notFound")) }
        return .success(node)
    }

    private mutating func change(
        _ path: StreamPath, _ isExpired: (Int) -> Bool, _ body: (inout Node) -> Outcome
    ) -> Outcome {
        guard let number = paths[path] else { return .refused("notFound") }
        switch usable(number, isExpired) {
        case .failure(let error): return .refused(error.reason)
        case .success: return body(&nodes[number]!)
        }
    }

    private mutating func create(
        _ request: CreateRequest, _ content: [UInt8], _ isExpired: (Int) -> Bool
    ) -> Outcome {
        var node = Node(
            path: request.path, request: request, isJSON: request.contentType?.isJSON ?? false, lifetime: request.lifetime,
            isClosed: request.closed)
        if let number = paths[request.path] {
            switch usable(number, isExpired) {
            case .success(let existing):
                return existing.matches(request) ? .unchanged(existing.bytes.count) : .refused("alreadyExists")
            case .failure(let error):
                if error.reason == "gone" { return .refused("gone") }
            }
        }
        if let fork = request.fork {
            switch inherit(fork, request, isExpired) {
            case .success(let inherited): node.inherit(inherited)
            case .failure(let error): return .refused(error.reason)
            }
        }
        node.add(content)
        nodes[nextNumber] = node
        paths[request.path] = nextNumber
        nextNumber += 1
        return .changed(node.bytes.count)
    }

    fileprivate struct Inheritance {
        var number: Int
        var source: Node
        var offset: Int
        var end: Int
    }

    private func inherit(
        _ fork: ForkRequest, _ request: CreateRequest, _ isExpired: (Int) -> Bool
    ) -> Result<Inheritance, Unusable> {
        func refuse(_ reason: String) -> Result<Inheritance, Unusable> { .failure(Unusable(reason: reason)) }
        guard let number = paths[fork.source] else { return refuse("forkSourceNotFound") }
        let source: Node
        switch usable(number, isExpired) {
        case .success(let node): source = node
        case .failure(let error): return refuse(error.reason == "gone" ? "forkSourceGone" : "forkSourceNotFound")
        }
        if let type = request.contentType, type.isJSON != source.isJSON { return refuse("contentTypeMismatch") }
        let offset = fork.offset.map { Int($0.rawValue) } ?? source.bytes.count
        if offset < source.earliest { return refuse("trimmed") }
        guard fork.subOffset > 0 else {
            return .success(Inheritance(number: number, source: source, offset: offset, end: offset))
        }
        guard fork.offset != nil, let next = source.boundaries.first(where: { $0 > offset }),
            fork.subOffset <= UInt64(source.isJSON ? 1 : next - offset)
        else { return refuse("subOffsetBeyondAppend") }
        let end = source.isJSON ? next : offset + Int(fork.subOffset)
        return .success(Inheritance(number: number, source: source, offset: offset, end: end))
    }
}

extension StoreModel.Node {
    fileprivate mutating func inherit(_ inheritance: StoreModel.Inheritance) {
        let source = inheritance.source
        self.source = inheritance.number
        forkOffset = inheritance.offset
        isJSON = source.isJSON
        lifetime = lifetime ?? source.lifetime
        bytes = Array(source.bytes[..<inheritance.end])
        boundaries = source.boundaries.filter { $0 < inheritance.end } + [inheritance.end]
        earliest = source.earliest
    }

    fileprivate func matches(_ other: CreateRequest) -> Bool {
        guard request.lifetime == other.lifetime, request.closed == other.closed else { return false }
        guard let fork = request.fork, let otherFork = other.fork else {
            return request.fork == nil && other.fork == nil && isJSON == other.contentType?.isJSON ?? false
        }
        return fork.source == otherFork.source && fork.subOffset == otherFork.subOffset
            && (otherFork.offset == nil || Int(otherFork.offset!.rawValue) == forkOffset)
            && (other.contentType == nil || isJSON == other.contentType!.isJSON)
    }

    /// Content is stored as it is, in JSON streams (where it is a number) with a comma behind it.
    fileprivate mutating func add(_ content: [UInt8]) {
        guard !content.isEmpty else { return }
        bytes += content
        if isJSON { bytes.append(UInt8(ascii: ",")) }
        boundaries.append(bytes.count)
    }

    fileprivate mutating func append(_ content: [UInt8], _ request: AppendRequest) -> StoreModel.Outcome {
        if isClosed {
            let isKnown = request.producer.map { $0 == closedBy } ?? (content.isEmpty && request.closes)
            return isKnown ? .unchanged(bytes.count) : .refused("closed")
        }
        guard !content.isEmpty || request.closes else { return .refused("emptyAppend") }
        if let stamp = request.producer {
            if let known = producers[stamp.identifier] {
                if stamp.epoch < known.epoch { return .refused("producerEpochStale") }
                if stamp.epoch > known.epoch, stamp.sequence > 0 { return .refused("producerEpochMustStartAtZero") }
                if stamp.epoch == known.epoch, stamp.sequence <= known.sequence { return .unchanged(bytes.count) }
                if stamp.epoch == known.epoch, stamp.sequence > known.sequence + 1 { return .refused("producerGap") }
            } else if stamp.sequence > 0 {
                return .refused("producerGap")
            }
        }
        if let sequence = request.sequence, let last = lastSequence,
            !Array(last.utf8).lexicographicallyPrecedes(Array(sequence.utf8))
        {
            return .refused("sequenceNotGreater")
        }
        add(content)
        isClosed = request.closes
        closedBy = request.closes ? request.producer : nil
        lastSequence = request.sequence ?? lastSequence
        if let stamp = request.producer {
            producers[stamp.identifier] = ProducerState(epoch: stamp.epoch, sequence: stamp.sequence)
        }
        return .changed(bytes.count)
    }
}
