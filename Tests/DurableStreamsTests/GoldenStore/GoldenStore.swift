import SegmentedLog
import SimulatedDisk

@testable import DurableStreams

/// How the store in `Golden/version-1` was written, and what it must hold for ever: streams with everything that records
/// and rows can say, most of it in sealed segments, the end in the journal.
///
/// The files are those of version 1 when it was new. A change that makes ``written()`` write other files is no reason to
/// make them anew: stores of that version are out there.
enum GoldenStore {
    /// What a stream must be.
    struct Expectation {
        var path: String
        var contentType: String
        var text: String
        var earliest = 0
        var isClosed = false
        var lifetime: Lifetime?
    }

    static let sliding = Lifetime.sliding(seconds: 3_600_000_000)
    static let until = Lifetime.until(
        WallClockTime(rfc3339: "2199-12-31T23:59:59.5+01:00")!, text: "2199-12-31T23:59:59.5+01:00")

    static let expectations = [
        Expectation(path: "plain", contentType: "application/octet-stream", text: filled("plain", 0..<60)),
        Expectation(
            path: "chats/42", contentType: "application/json", text: #"{"n":1},"two",[3],"late","#, isClosed: true,
            lifetime: sliding),
        Expectation(path: "produced", contentType: "text/plain; charset=utf-8", text: filled("produced", 0..<60)),
        Expectation(path: "sequenced", contentType: "text/plain", text: filled("sequenced", 0..<60)),
        Expectation(path: "until", contentType: "text/plain", text: "here till then", lifetime: until),
        Expectation(path: "fork", contentType: "text/plain", text: "what the source had and the fork's own"),
        Expectation(path: "fork of the fork", contentType: "text/plain", text: "what the source had and its own"),
        Expectation(path: "trimmed", contentType: "text/plain", text: filled("trimmed", 0..<60), earliest: 20_000),
        Expectation(path: "empty", contentType: "text/event-stream", text: ""),
    ]
    /// Deleted, but kept for its forks.
    static let softlyDeletedPath = "source"
    static let deletedPath = "deleted"
    static let lastStamps = [
        ProducerStamp(identifier: "p", epoch: 2, sequence: 14), ProducerStamp(identifier: "ü", epoch: 0, sequence: 29),
    ]
    static let lastSequence = "59"

    static func open(_ disk: SimulatedDisk = SimulatedDisk(seed: 1, recordsTrace: false)) throws -> ManualStore {
        try ManualStore(disk) { $0.mergedSegmentCount = 3 }
    }

    private static func filled(_ name: String, _ rounds: Range<Int>) -> String {
        let filler = String(repeating: "the same words again, and ", count: 40)
        return rounds.map { "\(name) \($0): \(filler)\n" }.joined()
    }

    // MARK: How it was written

    static func written() throws -> ManualStore {
        let store = try open()
        try store.create(request("plain"))
        try store.create(request("chats/42", "application/json", sliding), #"[{"n":1},"two",[3]]"#)
        try store.create(request("produced", "text/plain; charset=utf-8"))
        try store.create(request("sequenced", "text/plain"))
        try store.create(request("until", "text/plain", until), "here till then")
        try store.create(request("source", "text/plain"), "what the source had and kept for itself")
        try store.create(request("fork", "text/plain", fork: ("source", 24, 0)), "the fork's own")
        try store.create(request("fork of the fork", fork: ("fork", 0, 24)), "its own")
        try store.create(request("trimmed", "text/plain"))
        try store.create(request("deleted"), "not for long")
        for round in 0..<60 {
            for name in ["plain", "produced", "sequenced", "trimmed"] {
                var request = AppendRequest()
                if name == "produced" { request.producer = stamp(round) }
                if name == "sequenced" { request.sequence = round < 10 ? "0\(round)" : "\(round)" }
                try store.append(filled(name, round..<round + 1), to: StreamPath(name), request)
            }
            switch round {
            case 20: try store.delete(StreamPath(softlyDeletedPath))
            case 25: try store.delete(StreamPath(deletedPath))
            case 40: try store.trim(StreamPath("trimmed"), upTo: 20_000)
            default: break
            }
        }
        try store.append(#""late""#, to: StreamPath("chats/42"), AppendRequest(closes: true))
        try store.create(request("empty", "text/event-stream"))
        store.store.close()
        return store
    }

    private static func request(
        _ path: String, _ contentType: String? = nil, _ lifetime: Lifetime? = nil,
        fork: (source: String, offset: UInt64, subOffset: UInt64)? = nil
    ) throws -> CreateRequest {
        CreateRequest(
            path: try StreamPath(path), contentType: contentType.flatMap { ContentType($0) }, lifetime: lifetime,
            fork: try fork.map {
                ForkRequest(
                    source: try StreamPath($0.source), offset: StreamPosition(rawValue: $0.offset),
                    subOffset: $0.subOffset)
            })
    }

    private static func stamp(_ round: Int) -> ProducerStamp {
        let number = UInt64(round / 2)
        if round % 2 == 1 { return ProducerStamp(identifier: "ü", epoch: 0, sequence: number) }
        return ProducerStamp(identifier: "p", epoch: round < 30 ? 1 : 2, sequence: round < 30 ? number : number - 15)
    }
}
