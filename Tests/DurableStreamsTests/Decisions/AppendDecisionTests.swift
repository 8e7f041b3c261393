import SegmentedLog
import Testing

@testable import DurableStreams

@Suite struct AppendDecisionTests {
    private let text = ContentType("text/plain")!
    private let other = ContentType("application/json")!

    private func state(_ records: (AppendRecord, Int)...) -> WriterState {
        var state = WriterState()
        for (record, byteCount) in records { state.apply(record, byteCount: byteCount) }
        return state
    }

    private func decide(_ request: AppendRequest, byteCount: Int = 1, _ state: WriterState) -> String {
        switch AppendDecision.decide(request, byteCount: byteCount, contentType: text, state: state) {
        case .accept(_, let receipt): "accept \(receipt.kind) \(receipt.tail.rawValue) \(receipt.isClosed)"
        case .answer(let receipt):
            "answer \(receipt.kind) \(receipt.isClosed) \(receipt.producer.map { "\($0.epoch)/\($0.sequence)" } ?? "-")"
        case .refuse(let error): "refuse \(error)"
        }
    }

    private func stamp(_ epoch: UInt64, _ sequence: UInt64) -> ProducerStamp {
        ProducerStamp(identifier: "p", epoch: epoch, sequence: sequence)
    }

    @Test func `Bytes go behind the pending tail`() {
        #expect(decide(AppendRequest(), byteCount: 5, state((AppendRecord(), 7))) == "accept appended 12 false")
    }

    @Test func `An append may close, and a close may come alone`() {
        #expect(decide(AppendRequest(closes: true), byteCount: 5, state()) == "accept appended 5 true")
        #expect(decide(AppendRequest(closes: true), byteCount: 0, state((AppendRecord(), 7))) == "accept closed 7 true")
    }

    @Test func `Nothing to append and nothing to close is refused`() {
        #expect(decide(AppendRequest(), byteCount: 0, state()) == "refuse emptyAppend")
    }

    @Test func `Closed comes before content type, producer and sequence`() {
        let closed = state((AppendRecord(closes: true, sequence: "b"), 3))
        let request = AppendRequest(contentType: other, sequence: "a", producer: stamp(0, 9))
        #expect(decide(request, closed).hasPrefix("refuse closed"))
        #expect(decide(AppendRequest(closes: true), byteCount: 0, closed) == "answer alreadyClosed true -")
        #expect(decide(AppendRequest(closes: true), byteCount: 1, closed).hasPrefix("refuse closed"))
    }

    @Test func `Content type comes before producer, producer before sequence`() {
        let open = state((AppendRecord(sequence: "b"), 3))
        #expect(
            decide(AppendRequest(contentType: other, sequence: "a", producer: stamp(0, 9)), open)
                .hasPrefix("refuse contentTypeMismatch"))
        #expect(decide(AppendRequest(sequence: "a", producer: stamp(0, 9)), open).hasPrefix("refuse producerGap"))
        #expect(decide(AppendRequest(sequence: "a", producer: stamp(0, 0)), open) == "refuse sequenceNotGreater")
    }

    @Test(arguments: [("b", "b", false), ("b", "a", false), ("10", "2", true), ("2", "10", false), ("B", "a", true), ("a", "B", false), ("a", "aa", true)])
    func `Sequences are compared byte by byte`(last: String, next: String, isAccepted: Bool) {
        let result = decide(AppendRequest(sequence: next), state((AppendRecord(sequence: last), 1)))
        #expect(result == (isAccepted ? "accept appended 2 false" : "refuse sequenceNotGreater"))
    }

    @Test(arguments: [
        (0, 0, "answer duplicate false 1/5"), (1, 0, "answer duplicate false 1/5"), (1, 5, "answer duplicate false 1/5"),
        (1, 6, "accept appended 2 false"), (1, 7, "refuse producerGap(expected: 6, received: 7"), (2, 0, "accept appended 2 false"),
        (2, 1, "refuse producerEpochMustStartAtZero"), (9, 0, "accept appended 2 false"),
    ])
    func `A known producer's numbers`(epoch: UInt64, sequence: UInt64, expected: String) {
        let known = state((AppendRecord(producer: stamp(1, 5)), 1))
        let result = decide(AppendRequest(producer: stamp(epoch, sequence)), known)
        #expect(epoch < 1 ? result.hasPrefix("refuse producerEpochStale(current: 1") : result.hasPrefix(expected))
    }

    @Test func `A new producer begins with 0, in any epoch`() {
        #expect(decide(AppendRequest(producer: stamp(7, 0)), state()) == "accept appended 1 false")
        #expect(decide(AppendRequest(producer: stamp(0, 1)), state()).hasPrefix("refuse producerGap(expected: 0, received: 1"))
    }

    @Test func `Only the exact closing append of a producer is repeated on a closed stream`() {
        let closed = state((AppendRecord(producer: stamp(1, 0)), 1), (AppendRecord(closes: true, producer: stamp(1, 1)), 1))
        #expect(decide(AppendRequest(closes: true, producer: stamp(1, 1)), closed) == "answer duplicate true 1/1")
        for other in [stamp(1, 0), stamp(1, 2), stamp(0, 1), stamp(2, 0)] {
            #expect(decide(AppendRequest(closes: true, producer: other), closed).hasPrefix("refuse closed"))
        }
    }

    @Test func `A duplicate is answered before the sequence is looked at, and does not close`() {
        let open = state((AppendRecord(sequence: "z", producer: stamp(0, 0)), 1))
        #expect(
            decide(AppendRequest(closes: true, sequence: "a", producer: stamp(0, 0)), open) == "answer duplicate false 0/0")
    }
}
