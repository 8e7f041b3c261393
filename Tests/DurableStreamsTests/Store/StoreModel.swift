@testable import DurableStreams

/// What a store should hold: a dictionary of arrays, with the rules written down a second time, as plainly as can be.
struct StoreModel: Equatable {
    struct ModelStream: Equatable {
        var isJSON: Bool
        var stored: [UInt8] = []
        /// Positions at which an append begins or ends: where a JSON stream, of one message for each append, can be cut.
        var boundaries = [0]
        var earliest = 0
        var isClosed = false
        var lastSequence: String?
        var producers: [String: ProducerState] = [:]
        var closedBy: ProducerStamp?
    }

    var streams: [String: ModelStream] = [:]

    enum Operation: Sendable {
        case create(path: String, isJSON: Bool, content: [UInt8], closes: Bool)
        case append(path: String, content: [UInt8], closes: Bool, sequence: String?, producer: ProducerStamp?)
        case delete(path: String)
        /// To the boundary, or for a byte stream also the position, that is this part of all there are.
        case trim(path: String, fraction: Double)

        var path: String {
            switch self {
            case .create(let path, _, _, _), .append(let path, _, _, _, _), .delete(let path), .trim(let path, _): path
            }
        }
    }

    enum Outcome: Equatable { case changed, unchanged, refused }

    /// Content is stored as it is, in JSON streams (where it is a number) with a comma behind it.
    private func stored(_ content: [UInt8], isJSON: Bool) -> [UInt8] {
        content.isEmpty ? [] : isJSON ? content + [UInt8(ascii: ",")] : content
    }

    mutating func apply(_ operation: Operation) -> Outcome {
        switch operation {
        case .create(let path, let isJSON, let content, let closes):
            if let existing = streams[path] {
                return existing.isJSON == isJSON && closes == createdClosed.contains(path) ? .unchanged : .refused
            }
            var stream = ModelStream(isJSON: isJSON, isClosed: closes)
            stream.add(stored(content, isJSON: isJSON))
            streams[path] = stream
            if closes { createdClosed.insert(path) }
            return .changed
        case .append(let path, let content, let closes, let sequence, let producer):
            guard var stream = streams[path] else { return .refused }
            if stream.isClosed {
                if let producer { return stream.closedBy == producer ? .unchanged : .refused }
                return content.isEmpty && closes ? .unchanged : .refused
            }
            guard !content.isEmpty || closes else { return .refused }
            if let producer {
                if let known = stream.producers[producer.identifier] {
                    if producer.epoch < known.epoch { return .refused }
                    if producer.epoch == known.epoch, producer.sequence <= known.sequence { return .unchanged }
                    let next = producer.epoch == known.epoch ? known.sequence + 1 : 0
                    if producer.sequence != next { return .refused }
                } else if producer.sequence != 0 {
                    return .refused
                }
            }
            if let sequence, let last = stream.lastSequence, Array(sequence.utf8).lexicographicallyPrecedes(Array(last.utf8)) || sequence == last {
                return .refused
            }
            stream.add(stored(content, isJSON: stream.isJSON))
            stream.isClosed = closes
            stream.closedBy = closes ? producer : nil
            stream.lastSequence = sequence ?? stream.lastSequence
            if let producer {
                stream.producers[producer.identifier] = ProducerState(epoch: producer.epoch, sequence: producer.sequence)
            }
            streams[path] = stream
            return .changed
        case .delete(let path):
            createdClosed.remove(path)
            return streams.removeValue(forKey: path) == nil ? .refused : .changed
        case .trim(let path, let fraction):
            guard var stream = streams[path] else { return .refused }
            let position = stream.position(at: fraction)
            guard position > stream.earliest else { return .unchanged }
            stream.earliest = position
            streams[path] = stream
            return .changed
        }
    }

    /// Where a trim of this part of a stream cuts.
    func position(of path: String, at fraction: Double) -> Int { streams[path]?.position(at: fraction) ?? 0 }

    private var createdClosed: Set<String> = []
}

extension StoreModel.ModelStream {
    fileprivate mutating func add(_ bytes: [UInt8]) {
        stored += bytes
        if !bytes.isEmpty { boundaries.append(stored.count) }
    }

    fileprivate func position(at fraction: Double) -> Int {
        if isJSON { return boundaries[min(boundaries.count - 1, Int(Double(boundaries.count) * fraction))] }
        return Int(Double(stored.count) * fraction)
    }
}
