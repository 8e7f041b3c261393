import Testing

/// A client that does random things to streams of its own and compares every answer with the model.
struct ModelClient {
    private let streams: [String: [TestStream]]
    private var models: [String: StreamModel] = [:]
    private var random: SeededGenerator
    private let connection: Connection
    /// What was done, for the report of a failure.
    private(set) var history: [String] = []

    private static let types = ["text/plain", "application/json", "application/octet-stream"]

    init(seed: UInt64) async throws {
        random = SeededGenerator(seed: seed)
        var streams: [String: [TestStream]] = [:]
        for _ in 0..<3 {
            // One URL may hold streams of several types, one after the other.
            let base = try TestStream.unused()
            streams[base.name] = Self.types.map { type in
                TestStream(endpoint: base.endpoint, name: base.name, contentType: type)
            }
        }
        self.streams = streams
        connection = try await Connection(to: .current)
    }

    mutating func run(stepCount: Int) async throws {
        let names = streams.keys.sorted()
        for _ in 0..<stepCount {
            guard let name = names.randomElement(using: &random), let stream = streams[name]?.first else { continue }
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<15: try await create(name)
            case 15..<60: try await append(to: stream)
            case 60..<80: try await read(stream)
            case 80..<85: try await readEvents(stream)
            case 85..<92: try await head(stream)
            case 92..<97: try await longPoll(stream)
            default: try await delete(stream)
            }
        }
        for name in names {
            guard let stream = streams[name]?.first, let model = models[name] else { continue }
            for (offset, count) in model.unitCounts {
                try await checkRead(stream, query: "offset=\(offset)", unitCount: count, model: model)
            }
        }
    }

    private mutating func exchange(_ request: Request) async throws -> Response {
        history.append("\(request.method) \(request.target) \(request.headers) \(request.body)")
        let response = try await connection.exchange(request)
        history.append(" -> \(response.status) \(response.nextOffset ?? "") closed \(response.isClosed)")
        return response
    }

    private mutating func create(_ name: String) async throws {
        guard let stream = streams[name]?.randomElement(using: &random), let type = stream.contentType else { return }
        let closes = random.chance(10)
        let content = random.chance(50) ? randomAppend(type: type, isValid: random.chance(90)) : nil
        var headers: HeaderList = ["Content-Type": type]
        if closes { headers.append("Stream-Closed", "true") }
        if let existing = models[name] {
            // Invalid bodies are not sent to what exists: which refusal comes first is left open.
            let response = try await exchange(stream.request("PUT", headers, body: .none))
            let isSame = existing.type == type && existing.wasCreatedClosed == closes
            try #require(response.status == (isSame ? 200 : 409))
            if isSame { try #require(response.nextOffset == existing.tail && response.isClosed == existing.isClosed) }
            return
        }
        let body = content.map { RequestBody.bytes($0.body) } ?? .none
        let response = try await exchange(stream.request("PUT", headers, body: body))
        var model = StreamModel(type: type, isClosed: closes)
        if let content {
            if model.isJSON, content.messages == nil, !content.body.isEmpty {
                try #require(response.status == 400)
                return
            }
            model.add(content)
        }
        try #require(response.status == 201)
        model.tail = try #require(response.nextOffset)
        try #require((model.tail == TestStream.start) == model.units.isEmpty)
        try #require(response.isClosed == closes)
        model.unitCounts[model.tail] = model.units.count
        models[name] = model
    }

    private mutating func append(to stream: TestStream) async throws {
        let type = models[stream.name]?.type ?? "text/plain"
        var append = randomAppend(type: type, isValid: random.chance(92))
        if random.chance(5) { append.type = Self.types.randomElement(using: &random) ?? type }
        if random.chance(5) { append.body = [] }
        append.closes = random.chance(6)
        if random.chance(20) { append.sequence = "\(Int.random(in: 0..<60, using: &random))" }
        if random.chance(30) {
            append.producer = StreamModel.Producer(
                id: random.chance(50) ? "p" : "q",
                epoch: Int.random(in: 0...2, using: &random),
                sequence: Int.random(in: 0...3, using: &random)
            )
        }
        let isMalformedJSON = type == "application/json" && append.messages?.isEmpty ?? true
        if append.body.isEmpty ? !append.closes : isMalformedJSON {
            // Which of two refusals comes first is only decided among those that are 409.
            if models[stream.name]?.isClosed == true { return }
            append.sequence = nil
            append.producer = nil
        }
        if append.body.isEmpty { append.sequence = nil }
        var headers: HeaderList = ["Content-Type": append.type]
        if append.closes { headers.append("Stream-Closed", "true") }
        if let sequence = append.sequence { headers.append("Stream-Seq", sequence) }
        if let producer = append.producer {
            headers.append("Producer-Id", producer.id)
            headers.append("Producer-Epoch", "\(producer.epoch)")
            headers.append("Producer-Seq", "\(producer.sequence)")
        }
        let isChunked = random.chance(30)
        let body: RequestBody = isChunked ? .chunked([append.body]) : .bytes(append.body)
        let response = try await exchange(stream.request("POST", headers, body: body))
        guard var model = models[stream.name] else {
            try #require(response.status == 404)
            return
        }
        let answer = model.apply(append)
        try check(response, answer, of: &model)
        models[stream.name] = model
    }

    private func check(_ response: Response, _ answer: StreamModel.Answer, of model: inout StreamModel) throws {
        switch answer {
        case .accepted(let status):
            try #require(response.status == status, "\(response)")
            let tail = try #require(response.nextOffset)
            let hadCount = model.unitCounts[model.tail] ?? 0
            try #require(model.units.count == hadCount ? tail == model.tail : tail > model.tail, "\(response)")
            try #require(response.isClosed == model.isClosed, "\(response)")
            model.tail = tail
            model.unitCounts[tail] = model.units.count
        case .duplicate(let sequence):
            try #require(response.status == 204, "\(response)")
            try #require(response.headers["Producer-Seq"] == "\(sequence)", "\(response)")
            try #require(response.nextOffset == model.tail && response.isClosed == model.isClosed, "\(response)")
        case .refused(let status):
            try #require(response.status == status && !response.isClosed, "\(response)")
        case .refusedBecauseClosed:
            try #require(response.status == 409 && response.isClosed, "\(response)")
            try #require(response.nextOffset == model.tail, "\(response)")
        }
    }

    private mutating func read(_ stream: TestStream) async throws {
        guard let model = models[stream.name] else {
            let response = try await exchange(stream.request("GET"))
            try #require(response.status == 404)
            return
        }
        switch Int.random(in: 0..<4, using: &random) {
        case 0: try await checkRead(stream, query: "", unitCount: 0, model: model)
        case 1: try await checkRead(stream, query: "offset=now", unitCount: model.units.count, model: model)
        default:
            let offsets = model.unitCounts.sorted { $0.key < $1.key }
            guard let known = offsets.randomElement(using: &random) else { return }
            try await checkRead(stream, query: "offset=\(known.key)", unitCount: known.value, model: model)
        }
    }

    private mutating func checkRead(
        _ stream: TestStream,
        query: String,
        unitCount: Int,
        model: StreamModel
    ) async throws {
        let response = try await exchange(stream.request("GET", query: query))
        try #require(response.status == 200, "\(response)")
        try #require(response.body == model.content(from: unitCount), "\(response)")
        try #require(response.nextOffset == model.tail && response.isUpToDate, "\(response)")
        try #require(response.isClosed == model.isClosed, "\(response)")
        try #require(response.headers["Content-Type"] == model.type)
    }

    private mutating func readEvents(_ stream: TestStream) async throws {
        guard let model = models[stream.name] else { return }
        history.append("SSE \(stream.target)")
        let source = try await stream.events("-1")
        var transcript = Transcript(nextOffset: "-1")
        while !transcript.isUpToDate { transcript.apply(try #require(try await source.nextBatch())) }
        await source.close()
        try #require(transcript.nextOffset == model.tail && transcript.isClosed == model.isClosed)
        switch model.type {
        case "text/plain": try #require(Array(transcript.text.utf8) == LineEnds.normalized(model.content(from: 0)))
        case "application/json":
            try #require(try transcript.payloads.flatMap { try RawJSON.elements(of: $0.utf8) } == model.units)
        default: try #require(try transcript.payloads.flatMap { try Base64.decode($0) } == model.content(from: 0))
        }
    }

    private mutating func head(_ stream: TestStream) async throws {
        let response = try await exchange(stream.request("HEAD"))
        guard let model = models[stream.name] else {
            try #require(response.status == 404)
            return
        }
        try #require(response.status == 200 && response.nextOffset == model.tail && response.isClosed == model.isClosed)
    }

    private mutating func longPoll(_ stream: TestStream) async throws {
        guard let model = models[stream.name],
            let known = model.unitCounts.sorted(by: { $0.key < $1.key }).randomElement(using: &random)
        else { return }
        let response = try await exchange(stream.request("GET", query: "offset=\(known.key)&live=long-poll"))
        let hasData = known.value < model.units.count
        try #require(response.status == (hasData ? 200 : 204), "\(response)")
        if hasData { try #require(response.body == model.content(from: known.value)) }
        try #require(response.nextOffset == model.tail && response.isUpToDate && response.isClosed == model.isClosed)
    }

    private mutating func delete(_ stream: TestStream) async throws {
        let response = try await exchange(stream.request("DELETE"))
        try #require(response.status == (models[stream.name] == nil ? 404 : 204))
        models[stream.name] = nil
    }

    private mutating func randomAppend(type: String, isValid: Bool) -> StreamModel.Append {
        let number = Int.random(in: 0..<1_000, using: &random)
        guard type == "application/json" else {
            let bytes = random.bytes(Int.random(in: 1...200, using: &random))
            return StreamModel.Append(type: type, body: type == "text/plain" ? Array("\(number) é\r\n".utf8) : bytes)
        }
        if !isValid { return StreamModel.Append(type: type, body: Array("{\"number\":\(number)".utf8)) }
        let count = Int.random(in: 0...4, using: &random)
        let messages = (0..<count).map { Array("{\"number\": \(number), \"item\":\($0)}".utf8) }
        if messages.count == 1 {
            return StreamModel.Append(type: type, body: messages[0] + [0x20], messages: messages)
        }
        let body = Array("[ ".utf8) + Array(messages.joined(separator: Array(" , ".utf8))) + Array("]".utf8)
        return StreamModel.Append(type: type, body: body, messages: messages)
    }
}
