import Glibc
import SegmentedLog
import SimulatedDisk
import Synchronization
import Testing

@testable import DurableStreams

/// A refusal is an answer too: what it says of a stream has to be durable, so it waits for the commit that it rests on,
/// and if that fails nobody knows whether it was right.
@Suite struct PendingRefusalTests {
    @Test(arguments: Dependence.all)
    func `No answer is given before the commit that it rests on, and the right one with it`(_ dependence: Dependence) throws {
        let store = try ManualStore()
        let (pending, answer) = try begin(dependence, on: store)
        // The commit is not taken by anybody before this.
        #expect(pending.text == nil && answer.text == nil)
        store.store.runPendingWork()
        #expect(pending.text != nil)
        #expect(answer.text == dependence.answer)
    }

    @Test(arguments: Dependence.all, [DiskCall.write, .synchronize])
    func `If the commit fails nobody is refused, because nobody knows`(_ dependence: Dependence, call: DiskCall) throws {
        let store = try ManualStore()
        let (pending, answer) = try begin(dependence, on: store)
        store.disk.inject(DiskFault([call], pathFragment: ".journal", isPermanent: true, errno: EIO))
        store.store.runPendingWork()
        #expect(pending.text?.hasPrefix("unavailable") == true, "\(pending.text ?? "no answer")")
        #expect(answer.text?.hasPrefix("unavailable") == true, "\(answer.text ?? "no answer")")
        // Asked again, the store knows as little.
        let again = dependence.asked.start(on: store.store)
        store.store.runPendingWork()
        #expect(again.text?.hasPrefix("unavailable") == true, "\(again.text ?? "no answer")")
    }

    /// Written, but not synchronized: the store's own thread is in the middle of it.
    @Test(arguments: Dependence.all, [false, true])
    func `No answer is given while the commit is being synchronized`(_ dependence: Dependence, fails: Bool) async throws {
        let disk = SimulatedDisk(seed: 1, recordsTrace: false)
        // Nobody else is to synchronize anything: neither a sealed segment nor a new one.
        let store = try TestStore.open(disk) { $0.segmentByteCount = 1 << 20 }
        defer { store.close() }
        for step in dependence.before {
            let answer = step.start(on: store)
            #expect(await eventually { answer.text != nil })
        }
        if fails { disk.inject(DiskFault([.synchronize], pathFragment: ".journal", isPermanent: true, errno: EIO)) }
        disk.hold([.synchronize])
        let pending = dependence.pending.start(on: store)
        disk.waitUntilHeld()
        let answer = dependence.asked.start(on: store)
        // An answer that is wrong comes at once, on this thread.
        #expect(pending.text == nil && answer.text == nil)
        disk.letThrough()
        #expect(await eventually { answer.text != nil && pending.text != nil })
        if fails {
            #expect(answer.text?.hasPrefix("unavailable") == true, "\(answer.text ?? "no answer")")
        } else {
            #expect(answer.text == dependence.answer)
        }
    }

    @Test(arguments: Dependence.ofForks, [false, true])
    func `A fork is refused together with the commit that took its source`(_ dependence: Dependence, fails: Bool) throws {
        let store = try ManualStore()
        let (pending, answer) = try begin(dependence, on: store)
        #expect(pending.text == nil && answer.text == nil)
        if fails {
            store.disk.inject(DiskFault([.synchronize], pathFragment: ".journal", isPermanent: true, errno: EIO))
        }
        store.store.runPendingWork()
        #expect(fails ? answer.text?.hasPrefix("unavailable") == true : answer.text == dependence.answer)
    }

    private func begin(_ dependence: Dependence, on store: ManualStore) throws -> (pending: Answer, answer: Answer) {
        for step in dependence.before {
            let answer = step.start(on: store.store)
            store.store.runPendingWork()
            try #require(answer.text != nil)
        }
        let pending = dependence.pending.start(on: store.store)
        return (pending, dependence.asked.start(on: store.store))
    }
}

/// What came of something, once it is known, in words.
final class Answer: Sendable {
    private let state = Mutex<String?>(nil)
    var text: String? { state.withLock { $0 } }

    func set<Value>(_ result: Result<Value, StreamError>, _ describe: (Value) -> String) {
        let text =
            switch result {
            case .success(let value): describe(value)
            case .failure(let error): "\(error)"
            }
        state.withLock { state in
            precondition(state == nil, "answered twice")
            state = text
        }
    }
}

/// Something to be asked of a store.
enum Step: Sendable {
    case create(CreateRequest)
    case append(AppendRequest, to: String = "a", _ content: String = "more")
    case delete(String = "a")

    func start(on store: StreamStore) -> Answer {
        let answer = Answer()
        let lane = DeliveryLane(direct: ())
        switch self {
        case .create(let request):
            Array("new".utf8).withUnsafeBytes {
                store.create(request, payload: $0, on: lane) { answer.set($0) { $0.isNew ? "new" : "exists" } }
            }
        case .append(let request, let path, let content):
            Array(content.utf8).withUnsafeBytes {
                store.append(request, payload: $0, to: try! StreamPath(path), on: lane) { answer.set($0) { "\($0.kind)" } }
            }
        case .delete(let path):
            store.delete(try! StreamPath(path), on: lane) { answer.set($0) { _ in "deleted" } }
        }
        return answer
    }
}

/// An answer that rests on something that is not durable yet.
struct Dependence: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// Done, and durable.
    var before: [Step]
    /// Accepted.
    var pending: Step
    var asked: Step
    var answer: String

    init(_ name: String, _ before: [Step], pending: Step, asked: Step, _ answer: String) {
        testDescription = name
        self.before = before
        self.pending = pending
        self.asked = asked
        self.answer = answer
    }

    init(_ name: String, _ before: [Step], pending: Step, asked: Step, _ refusal: StreamError) {
        self.init(name, before, pending: pending, asked: asked, "\(refusal)")
    }

    private static func stamp(_ epoch: UInt64, _ sequence: UInt64, closes: Bool = false) -> AppendRequest {
        AppendRequest(closes: closes, producer: ProducerStamp(identifier: "p", epoch: epoch, sequence: sequence))
    }

    private static let plain = CreateRequest(path: try! StreamPath("a"))
    private static let typed = CreateRequest(path: try! StreamPath("a"), contentType: ContentType("text/plain")!)
    private static let fork = CreateRequest(
        path: try! StreamPath("fork"), fork: ForkRequest(source: try! StreamPath("a")))
    private static let closing = AppendRequest(closes: true)

    static let all = [
        Dependence("closed", [.create(plain)], pending: .append(closing), asked: .append(AppendRequest()),
            .closed(finalPosition: StreamPosition(rawValue: 7))),
        Dependence("closed, asked by a producer", [.create(plain)], pending: .append(closing), asked: .append(stamp(0, 0)),
            .closed(finalPosition: StreamPosition(rawValue: 7))),
        Dependence("closed with its creation", [],
            pending: .create(CreateRequest(path: try! StreamPath("a"), closed: true)), asked: .append(AppendRequest()),
            .closed(finalPosition: StreamPosition(rawValue: 3))),
        Dependence("a close of what is being closed", [.create(plain)], pending: .append(closing),
            asked: .append(closing, ""), "alreadyClosed"),
        Dependence("the close of a producer once more", [.create(plain)], pending: .append(stamp(0, 0, closes: true)),
            asked: .append(stamp(0, 0, closes: true)), "duplicate"),
        Dependence("another content type", [], pending: .create(typed),
            asked: .append(AppendRequest(contentType: .json)),
            .contentTypeMismatch(stream: ContentType("text/plain")!)),
        Dependence("a producer's gap", [.create(plain)], pending: .append(stamp(0, 0)), asked: .append(stamp(0, 2)),
            .producerGap(expected: 1, received: 2, tail: StreamPosition(rawValue: 7))),
        Dependence("a stale epoch", [.create(plain)], pending: .append(stamp(1, 0)), asked: .append(stamp(0, 1)),
            .producerEpochStale(current: 1, tail: StreamPosition(rawValue: 7))),
        Dependence("an epoch that does not begin with 0", [.create(plain)], pending: .append(stamp(0, 0)),
            asked: .append(stamp(1, 1)), .producerEpochMustStartAtZero(tail: StreamPosition(rawValue: 7))),
        Dependence("a duplicate", [.create(plain)], pending: .append(stamp(0, 0)), asked: .append(stamp(0, 0)),
            "duplicate"),
        Dependence("a sequence that is not greater", [.create(plain)], pending: .append(AppendRequest(sequence: "b")),
            asked: .append(AppendRequest(sequence: "b")), .sequenceNotGreater),
        Dependence("a stream with the same configuration", [], pending: .create(plain), asked: .create(plain), "exists"),
        Dependence("a stream with another configuration", [], pending: .create(plain), asked: .create(typed),
            .alreadyExists),
        Dependence("a stream that takes the place of one that is being deleted", [.create(plain), .delete()],
            pending: .create(typed), asked: .create(plain), .alreadyExists),
        Dependence("a second deletion", [.create(plain)], pending: .delete(), asked: .delete(), .notFound),
        Dependence("an append to what is being deleted", [.create(plain)], pending: .delete(),
            asked: .append(AppendRequest()), .notFound),
        Dependence("a second deletion of what forks need", [.create(plain), .create(fork)], pending: .delete(),
            asked: .delete(), .gone),
        Dependence("an append to what is kept for forks", [.create(plain), .create(fork)], pending: .delete(),
            asked: .append(AppendRequest()), .gone),
        Dependence("a creation where a stream is kept for forks", [.create(plain), .create(fork)], pending: .delete(),
            asked: .create(plain), .gone),
        Dependence("a second deletion of a fork", [.create(plain), .create(fork)], pending: .delete("fork"),
            asked: .delete("fork"), .notFound),
    ]

    /// Those that forks rest on.
    static let ofForks = [
        Dependence("a fork of what is being deleted", [.create(plain)], pending: .delete(), asked: .create(fork),
            .forkSourceNotFound),
        Dependence("a fork of what is being kept for forks", [.create(plain), .create(fork)], pending: .delete(),
            asked: .create(
                CreateRequest(path: try! StreamPath("other"), fork: ForkRequest(source: try! StreamPath("a")))),
            .forkSourceGone),
    ]
}
