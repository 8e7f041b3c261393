/// What a store with forks should hold: every stream with all of its bytes, those that it inherited copied.
struct ForkModel: Equatable {
    struct Node: Equatable {
        var bytes: [UInt8]
        var earliest: Int
        var source: Int?
        var isDeletedSoftly = false
    }

    /// By a number that is never used again.
    var nodes: [Int: Node] = [:]
    var paths: [String: Int] = [:]
    private var nextNumber = 0

    enum Operation {
        case create(path: String, content: [UInt8])
        /// The offset is this part of the source; nil for its tail.
        case fork(path: String, source: String, fraction: Double?, content: [UInt8])
        case append(path: String, content: [UInt8])
        case trim(path: String, fraction: Double)
        case delete(path: String)
    }

    /// What is at a path, and can be used.
    func node(_ path: String) -> Node? {
        paths[path].flatMap { nodes[$0] }.flatMap { $0.isDeletedSoftly ? nil : $0 }
    }

    /// A position from a stream's beginning to its end.
    func position(_ path: String, _ fraction: Double) -> Int {
        guard let node = node(path) else { return 0 }
        return node.earliest + Int(Double(node.bytes.count - node.earliest) * fraction)
    }

    /// Whether something has changed.
    mutating func apply(_ operation: Operation) -> Bool {
        switch operation {
        case .create(let path, let content):
            guard paths[path] == nil else { return false }
            add(Node(bytes: content, earliest: 0, source: nil), at: path)
        case .fork(let path, let sourcePath, let fraction, let content):
            guard paths[path] == nil, let source = node(sourcePath) else { return false }
            let end = fraction.map { position(sourcePath, $0) } ?? source.bytes.count
            let bytes = Array(source.bytes[..<end]) + content
            add(Node(bytes: bytes, earliest: source.earliest, source: paths[sourcePath]), at: path)
        case .append(let path, let content):
            guard node(path) != nil, !content.isEmpty else { return false }
            nodes[paths[path]!]!.bytes += content
        case .trim(let path, let fraction):
            let position = position(path, fraction)
            guard let node = node(path), position > node.earliest else { return false }
            nodes[paths[path]!]!.earliest = position
        case .delete(let path):
            guard node(path) != nil else { return false }
            delete(paths[path]!)
        }
        return true
    }

    private mutating func add(_ node: Node, at path: String) {
        nodes[nextNumber] = node
        paths[path] = nextNumber
        nextNumber += 1
    }

    private mutating func delete(_ number: Int) {
        guard !nodes.values.contains(where: { $0.source == number }) else {
            nodes[number]!.isDeletedSoftly = true
            return
        }
        let source = nodes[number]!.source
        nodes[number] = nil
        paths = paths.filter { $0.value != number }
        if let source, nodes[source]!.isDeletedSoftly { delete(source) }
    }

    /// What a store shows at its paths.
    enum Sight: Equatable {
        case gone
        case stream(earliest: Int, bytes: [UInt8])
    }

    var sights: [String: Sight] {
        paths.mapValues { number in
            let node = nodes[number]!
            return node.isDeletedSoftly ? .gone : .stream(earliest: node.earliest, bytes: Array(node.bytes[node.earliest...]))
        }
    }
}
