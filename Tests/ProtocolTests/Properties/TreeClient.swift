import Testing

/// A client that creates, forks, appends to, closes, deletes and reads streams of its own at random, and compares
/// every answer with the model.
struct TreeClient {
    private var streams: [TestStream]
    private var model = TreeModel()
    private var random: SeededGenerator
    private var connection: Connection
    /// What was done, for the report of a failure.
    private(set) var history: [String] = []

    init(seed: UInt64, type: String) async throws {
        random = SeededGenerator(seed: seed)
        var streams: [TestStream] = []
        // Few URLs, so that they are soon forks of each other, and taken again.
        for _ in 0..<5 { streams.append(try TestStream.unused(type)) }
        self.streams = streams
        connection = try await Connection(to: .current)
    }

    /// Goes on at a server that has taken over what the last one had.
    mutating func move(to endpoint: Endpoint) async throws {
        streams = streams.map { $0.moved(to: endpoint) }
        connection = try await Connection(to: endpoint)
        history.append("RESTART")
    }

    mutating func run(stepCount: Int) async throws {
        for _ in 0..<stepCount {
            let stream = try #require(streams.randomElement(using: &random))
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<8: try await create(stream)
            case 8..<30: try await fork(to: stream)
            case 30..<60: try await append(to: stream)
            case 60..<63: try await close(stream)
            case 63..<75: try await delete(stream)
            case 75..<95: try await read(stream)
            default: try await head(stream)
            }
        }
        for stream in streams {
            guard let node = model.node(at: stream.name), !node.isSoftDeleted else { continue }
            for (offset, count) in node.unitCounts { try await check(stream, offset, count, node) }
        }
    }

    private mutating func exchange(_ request: Request) async throws -> Response {
        history.append("\(request.method) \(request.target) \(request.headers) \(request.body)")
        let response = try await connection.exchange(request)
        history.append(" -> \(response.status) \(response.nextOffset ?? "")")
        return response
    }

    /// A body with the units that it adds.
    private mutating func content(_ type: String) -> (body: [UInt8], units: [[UInt8]]) {
        let number = Int.random(in: 0..<1_000, using: &random)
        let count = Int.random(in: 1...4, using: &random)
        guard type == "application/json" else {
            let bytes = random.bytes(count * 3)
            return (bytes, bytes.map { [$0] })
        }
        let messages = (0..<count).map { Array("{\"n\":\(number).\($0)e0}".utf8) }
        return (Array("[".utf8) + Array(messages.joined(separator: Array(" ,".utf8))) + Array("]".utf8), messages)
    }

    private mutating func create(_ stream: TestStream) async throws {
        let headers: HeaderList = ["Content-Type": stream.contentType ?? ""]
        let response = try await exchange(stream.request("PUT", headers))
        guard let node = model.node(at: stream.name) else {
            try #require(response.status == 201, "\(response)")
            return model.create(stream.name, TreeModel.Node(type: stream.contentType ?? ""))
        }
        // An open stream without forking is the same again; what is soft-deleted or a fork is not.
        let isSame = !node.isSoftDeleted && node.source == nil
        try #require(response.status == (isSame ? 200 : 409), "\(response)")
    }

    private mutating func randomForkRequest(of source: TestStream) -> TreeModel.ForkRequest {
        var request = TreeModel.ForkRequest()
        guard let node = model.node(at: source.name), random.chance(70) else { return request }
        let offsets = node.unitCounts.keys.sorted()
        request.offset = offsets.randomElement(using: &random)
        if !node.isJSON, random.chance(50) {
            // Sometimes beyond the tail; a fork knows only what was handed out, the source every position.
            request.offset = TestStream.offset(Int.random(in: 0...(node.units.count + 2), using: &random))
        }
        if random.chance(40) { request.count = Int.random(in: 0...4, using: &random) }
        return request
    }

    private mutating func fork(to stream: TestStream) async throws {
        let source = try #require(streams.randomElement(using: &random))
        let request = randomForkRequest(of: source)
        if let node = model.node(at: source.name), !node.isJSON, let position = request.offset?.dropFirst(17) {
            let position = try #require(Int(position))
            if position <= node.units.count {
                model.change(source.name) { $0.unitCounts[TestStream.offset(position)] = position }
            }
        }
        var headers: HeaderList = ["Stream-Forked-From": source.target]
        if let offset = request.offset { headers.append("Stream-Fork-Offset", offset) }
        if request.count > 0 { headers.append("Stream-Fork-Sub-Offset", "\(request.count)") }
        let decision = model.decideFork(of: source.name, request)
        if let existing = model.node(at: stream.name) {
            // Which refusal comes first is left open; nothing may change, and what is the same again is 200.
            let response = try await exchange(stream.request("PUT", headers))
            let isSame =
                !existing.isSoftDeleted && existing.source != nil && existing.forkRequest == request
                && existing.source == model.identities[source.name] && decision.status == 201
            let allowed = isSame ? [200] : [200, 400, 404, 409]
            try #require(allowed.contains(response.status), "\(response)")
            if existing.source == nil || existing.source != model.identities[source.name] {
                try #require(response.status != 200, "\(response)")
            }
            return
        }
        var own: (body: [UInt8], units: [[UInt8]]) = ([], [])
        if random.chance(60) { own = content(stream.contentType ?? "") }
        let body: RequestBody = own.body.isEmpty ? .none : .bytes(own.body)
        let response = try await exchange(stream.request("PUT", headers, body: body))
        try #require(response.status == decision.status, "\(response)")
        guard response.status == 201, var node = model.inherited(from: source.name, decision.unitCount) else { return }
        node.forkRequest = request
        let tail = try #require(response.nextOffset)
        if own.units.isEmpty {
            node.tail = tail
            node.unitCounts[tail] = node.units.count
        } else {
            node.append(own.units, tail: tail)
        }
        model.create(stream.name, node)
    }

    private mutating func append(to stream: TestStream) async throws {
        let added = content(stream.contentType ?? "")
        let headers: HeaderList = ["Content-Type": stream.contentType ?? ""]
        let response = try await exchange(stream.request("POST", headers, body: .bytes(added.body)))
        if let refusal = model.refusal(at: stream.name) {
            try #require(response.status == refusal, "\(response)")
        } else if model.node(at: stream.name)?.isClosed == true {
            try #require(response.status == 409 && response.isClosed, "\(response)")
        } else {
            try #require(response.status == 204, "\(response)")
            let tail = try #require(response.nextOffset)
            try #require(tail > model.node(at: stream.name)?.tail ?? "", "offsets must rise")
            model.change(stream.name) { $0.append(added.units, tail: tail) }
        }
    }

    private mutating func close(_ stream: TestStream) async throws {
        let response = try await exchange(stream.request("POST", ["Stream-Closed": "true"], body: .bytes([])))
        try #require(response.status == model.refusal(at: stream.name) ?? 204, "\(response)")
        model.change(stream.name) { $0.isClosed = true }
    }

    private mutating func delete(_ stream: TestStream) async throws {
        let response = try await exchange(stream.request("DELETE"))
        try #require(response.status == model.delete(stream.name), "\(response)")
    }

    private mutating func head(_ stream: TestStream) async throws {
        let response = try await exchange(stream.request("HEAD"))
        try #require(response.status == model.refusal(at: stream.name) ?? 200, "\(response)")
        guard let node = model.node(at: stream.name), !node.isSoftDeleted else { return }
        try #require(response.nextOffset == node.tail && response.isClosed == node.isClosed, "\(response)")
    }

    private mutating func read(_ stream: TestStream) async throws {
        guard let node = model.node(at: stream.name), !node.isSoftDeleted else {
            let response = try await exchange(stream.request("GET"))
            try #require(response.status == model.refusal(at: stream.name), "\(response)")
            return
        }
        let offsets = node.unitCounts.sorted { $0.key < $1.key }
        let known = try #require(offsets.randomElement(using: &random))
        try await check(stream, known.key, known.value, node)
    }

    private mutating func check(
        _ stream: TestStream, _ offset: String, _ unitCount: Int, _ node: TreeModel.Node
    ) async throws {
        let response = try await exchange(stream.request("GET", query: "offset=\(offset)"))
        try #require(response.status == 200 && response.isUpToDate, "\(response)")
        try #require(response.body == node.content(from: unitCount), "\(response)")
        try #require(response.nextOffset == node.tail && response.isClosed == node.isClosed, "\(response)")
    }
}
