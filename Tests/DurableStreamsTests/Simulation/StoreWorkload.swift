import SegmentedLog
import SimulatedDisk

@testable import DurableStreams

/// What clients may want of a store, at random. Everything follows from the seed.
struct StoreWorkload {
    static let paths = ["a", "b", "c", "d", "e", "f"].map { try! StreamPath($0) }
    static let producers = ["p0", "p1"]

    var random: SeededGenerator
    var largestByteCount: Int
    private var creationCount: Int64 = 0

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed, purpose: "workload")
        // The larger the payloads, the more segments are filled by as many operations.
        largestByteCount = [300, 10_000, 30_000, 50_000][random.integer(below: 4)]
    }

    enum Choice {
        case operation(StoreModel.Operation)
        case read(StreamPath)
        /// Of both clocks, in milliseconds.
        case wait(Int64)
        /// Somebody sets the wall clock.
        case setWallClock(Int64)
        case work
    }

    mutating func next(_ model: StoreModel, wall: Int64) -> Choice {
        let path = randomPath()
        let existing = randomPath(of: model)
        switch random.integer(below: 60) {
        case 0...5: return .operation(create(at: path, fork: nil, model, wall))
        case 6...10: return .operation(create(at: path, fork: randomFork(model), model, wall))
        case 11...12: return .operation(.delete(existing))
        case 13...15: return .operation(.trim(existing, trimPosition(model.node(at: existing))))
        case 16: return .wait([1_000, 5_000, 15_000, 70_000, 400_000][random.integer(below: 5)])
        case 17 where random.chance(1, outOf: 3):
            return .setWallClock([-500_000, -40_000, -1_000, 20_000, 40_000, 500_000][random.integer(below: 6)])
        case 18...19: return .read(existing)
        case 20...24: return .work
        default: return .operation(append(to: existing, model.node(at: existing)))
        }
    }

    private mutating func randomPath() -> StreamPath { Self.paths[random.integer(below: Self.paths.count)] }

    /// Mostly one at which there is something that can be used.
    private mutating func randomPath(of model: StoreModel) -> StreamPath {
        let paths = Self.paths.filter { path in
            model.node(at: path).map { !$0.isDeletedSoftly && (!$0.isClosed || path == Self.paths[0]) } ?? false
        }
        return paths.isEmpty || random.chance(1, outOf: 10) ? randomPath() : paths[random.integer(below: paths.count)]
    }

    private mutating func create(
        at path: StreamPath, fork: ForkRequest?, _ model: StoreModel, _ wall: Int64
    ) -> StoreModel.Operation {
        // Often what is there already, so that it is found there once more.
        creationCount += 1
        let createdAt = WallClockTime(millisecondsSince1970: creationCount)
        if var request = model.node(at: path)?.request, random.chance(1, outOf: 3) {
            request.createdAt = createdAt
            return .create(request, [])
        }
        let isJSON = fork.flatMap { model.node(at: $0.source) }?.isJSON ?? random.chance(1, outOf: 3)
        var request = CreateRequest(path: path, closed: random.chance(1, outOf: 10), fork: fork)
        if fork == nil || random.chance(1, outOf: 3) { request.contentType = isJSON ? .json : .octetStream }
        switch random.integer(below: 6) {
        case 0...1: request.lifetime = .sliding(seconds: [10, 60, 300, 5_000][random.integer(below: 4)])
        case 2:
            let end = wall + [2_000, 60_000, 1_000_000][random.integer(below: 3)]
            request.lifetime = .until(WallClockTime(millisecondsSince1970: end), text: "then")
        default: break
        }
        request.createdAt = createdAt
        return .create(request, content(isJSON: isJSON))
    }

    private mutating func randomFork(_ model: StoreModel) -> ForkRequest {
        let path = randomPath(of: model)
        guard let source = model.node(at: path), random.chance(2, outOf: 3) else { return ForkRequest(source: path) }
        let boundaries = source.boundaries.filter { $0 >= source.earliest }
        let place = random.integer(below: boundaries.count)
        var offset = boundaries.isEmpty ? source.earliest : boundaries[place]
        if !source.isJSON, random.chance(1, outOf: 2) {
            offset = source.earliest + random.integer(below: source.bytes.count - source.earliest + 1)
        }
        var subOffset = 0
        if random.chance(1, outOf: 3) {
            let next = source.boundaries.first { $0 > offset } ?? offset
            subOffset = source.isJSON ? 1 : random.integer(below: next - offset + 2)
        }
        return ForkRequest(
            source: path, offset: StreamPosition(rawValue: UInt64(offset)), subOffset: UInt64(subOffset))
    }

    private mutating func trimPosition(_ node: StoreModel.Node?) -> Int {
        guard let node else { return 0 }
        if node.isJSON { return node.boundaries[random.integer(below: node.boundaries.count)] }
        return random.integer(below: node.bytes.count + 1)
    }

    private mutating func append(to path: StreamPath, _ node: StoreModel.Node?) -> StoreModel.Operation {
        var request = AppendRequest(closes: random.chance(1, outOf: 20))
        if random.chance(1, outOf: 6) {
            let last = node?.lastSequence.flatMap { Int($0) } ?? 100
            request.sequence = "\(last + random.integer(below: 5) - 1)"
        }
        if random.chance(1, outOf: 2) { request.producer = stamp(node) }
        return .append(path, content(isJSON: node?.isJSON ?? false), request)
    }

    /// Mostly the number that comes next; also one that was there before, and anything.
    private mutating func stamp(_ node: StoreModel.Node?) -> ProducerStamp {
        let identifier = Self.producers[random.integer(below: Self.producers.count)]
        let known = node?.producers[identifier]
        let (epoch, sequence): (UInt64, UInt64)
        switch random.integer(below: 8) {
        case 0: (epoch, sequence) = (UInt64(random.integer(below: 3)), UInt64(random.integer(below: 4)))
        case 1: (epoch, sequence) = ((known?.epoch ?? 0) + 1, 0)
        case 2...3: (epoch, sequence) = (known?.epoch ?? 0, known?.sequence ?? 0)
        default: (epoch, sequence) = (known?.epoch ?? 0, known.map { $0.sequence + 1 } ?? 0)
        }
        return ProducerStamp(identifier: identifier, epoch: epoch, sequence: sequence)
    }

    private mutating func content(isJSON: Bool) -> [UInt8] {
        let count = [random.integer(below: 2), 3, 40, 1 + random.integer(below: largestByteCount)][random.integer(below: 4)]
        let digit = UInt8(ascii: "1") + UInt8(random.integer(below: 9))
        // What cannot be compressed fills sealed segments, too.
        return isJSON || random.chance(1, outOf: 2) ? Array(repeating: digit, count: count) : random.bytes(count: count)
    }
}

extension StoreModel.Operation: CustomStringConvertible {
    var description: String {
        switch self {
        case .create(let request, let content):
            let fork = request.fork.map { " from \($0.source.text) at \($0.offset?.rawValue ?? 999)+\($0.subOffset)" } ?? ""
            let lifetime = request.lifetime.map { " for \($0)" } ?? ""
            return "create \(request.path.text)\(fork)\(lifetime) closed \(request.closed) +\(content.count)"
        case .append(let path, let content, let request):
            let stamp = request.producer.map { "\($0.identifier)/\($0.epoch)/\($0.sequence)" } ?? "-"
            return "append \(path.text) +\(content.count) \(stamp) \(request.sequence ?? "-") closes \(request.closes)"
        case .delete(let path): return "delete \(path.text)"
        case .trim(let path, let position): return "trim \(path.text) to \(position)"
        }
    }

    /// Gives a store what is asked for. Nothing is waited for.
    func start(on store: StreamStore) -> OperationAnswer {
        let answer = OperationAnswer()
        let lane = DeliveryLane(direct: ())
        switch self {
        case .create(let request, let content):
            content.withUnsafeBytes {
                store.create(request, payload: $0, on: lane) { result in
                    answer.set(result) { $0.isNew ? .changed(Int($0.tail.rawValue)) : .unchanged(Int($0.tail.rawValue)) }
                }
            }
        case .append(let path, let content, let request):
            content.withUnsafeBytes {
                store.append(request, payload: $0, to: path, on: lane) { result in
                    answer.set(result) { receipt in
                        switch receipt.kind {
                        case .appended, .closed: .changed(Int(receipt.tail.rawValue))
                        case .alreadyClosed, .duplicate: .unchanged(Int(receipt.tail.rawValue))
                        }
                    }
                }
            }
        case .delete(let path):
            store.delete(path, on: lane) { answer.set($0) { .changed(0) } }
        case .trim(let path, let position):
            guard let stream = store.stream(at: path) else {
                answer.set(Result<Void, StreamError>.failure(.notFound)) { .changed(0) }
                break
            }
            let earliest = Int(stream.earliest.rawValue)
            // Not by way of the store, which looks for boundaries on other threads.
            let attempt = stream.attemptTrim(upTo: StreamPosition(rawValue: UInt64(position)), on: lane) { result in
                answer.set(result) { Int($0.rawValue) == earliest ? .unchanged(earliest) : .changed(Int($0.rawValue)) }
            }
            if case .mustWait = attempt {
                answer.set(Result<Void, StreamError>.failure(.unavailable(reason: "no room"))) { .changed(0) }
            }
        }
        return answer
    }
}
