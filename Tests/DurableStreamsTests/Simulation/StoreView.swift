import Glibc
import SegmentedLog

@testable import DurableStreams

/// What a store holds at its paths, seen from inside: nothing is renewed by the look, and nothing settled.
struct StoreView {
    struct Sight {
        var createdAt: WallClockTime
        var isDeletedSoftly: Bool
        var isJSON: Bool
        var lifetime: Lifetime?
        var earliest: Int
        var bytes: [UInt8]
        var isClosed: Bool
        var lastSequence: String?
        var producers: [ProducerState?]
    }

    var sights: [StreamPath: Sight] = [:]

    /// - Throws: If something cannot be read.
    init(_ store: StreamStore, _ paths: [StreamPath]) throws {
        for path in paths {
            guard let stream = store.context.catalog[path], !stream.withState({ $0.isDeleted }) else { continue }
            let snapshot = stream.snapshot
            var bytes: [UInt8] = []
            var position = snapshot.earliest
            while position < snapshot.tail {
                let read = try stream.plan(from: position, upTo: snapshot.tail, byteLimit: 15_000)
                bytes += try read.bytes()
                position = read.end
            }
            sights[path] = stream.withState { state in
                Sight(
                    createdAt: stream.createdAt, isDeletedSoftly: state.isDeletedSoftly, isJSON: stream.contentType.isJSON,
                    lifetime: stream.lifetime, earliest: Int(snapshot.earliest.rawValue), bytes: bytes,
                    isClosed: snapshot.isClosed, lastSequence: state.writer.lastSequence,
                    producers: StoreWorkload.producers.map { state.writer.producerState($0) })
            }
        }
    }

    /// What is different in the model; nil if nothing is.
    func difference(from model: StoreModel) -> String? {
        for path in Set(sights.keys).union(model.paths.keys).sorted(by: { $0.text < $1.text }) {
            guard let node = model.node(at: path) else { return "\(path.text): should not be there" }
            guard let sight = sights[path] else { return "\(path.text): is missing" }
            if let difference = sight.difference(from: node) { return "\(path.text): \(difference)" }
        }
        return nil
    }
}

extension StoreView.Sight {
    fileprivate func difference(from node: StoreModel.Node) -> String? {
        if createdAt != node.createdAt { return "another stream" }
        if isDeletedSoftly != node.isDeletedSoftly { return "deleted softly: \(isDeletedSoftly)" }
        if isJSON != node.isJSON || lifetime != node.lifetime { return "another configuration" }
        if earliest != node.earliest { return "begins at \(earliest), not \(node.earliest)" }
        if earliest + bytes.count != node.bytes.count { return "ends at \(earliest + bytes.count), not \(node.bytes.count)" }
        if isClosed != node.isClosed { return "closed: \(isClosed)" }
        if lastSequence != node.lastSequence { return "sequence \(lastSequence ?? "none")" }
        if producers != StoreWorkload.producers.map({ node.producers[$0] }) { return "other producers" }
        // A comparison of arrays takes long without optimization.
        let isSame = bytes.withUnsafeBytes { found in
            node.bytes.withUnsafeBytes { found.isEmpty || memcmp(found.baseAddress!, $0.baseAddress! + earliest, found.count) == 0 }
        }
        return isSame ? nil : "other bytes"
    }
}
