import DurableStreams
import DurableStreamsHTTP
import NIOCore

/// The protocol on a store of 64 streams, without a socket: bytes of header fields in, ready bytes of a response out, as
/// a transport does it on its event loop.
final class ProtocolFixture: @unchecked Sendable {
    private let store: StreamStore
    private let service: ProtocolService
    private let targets: [[UInt8]]
    private let loop = BenchmarkLoop()
    private let directory: TemporaryDirectory
    /// Confined to the loop, as is all below.
    private var output = ByteBufferAllocator().buffer(capacity: 4 << 10)
    private var submitted = 0
    private var finished = 0
    private var readyCount = 0
    private var isSubmitting = false
    private var deliveryCount = 0
    /// Signalled when every reader has the event.
    private var delivered: SemaphoreBox?
    private var sessions: [EventSession] = []

    struct Load {
        var method: ProtocolRequest.Method
        var query = ""
        var fields: [(name: [UInt8], value: [UInt8])] = []
        var body: ByteBuffer?
        var status: Int
        var count: Int
        var atOnce: Int
    }

    init(_ parent: String) throws {
        directory = try TemporaryDirectory(in: parent)
        store = try StreamStore.open(directory.path, .sync)
        let paths = store.makeStreams(64, on: loop)
        targets = paths.map { Array("/v1/stream/\($0.text)".utf8) }
        service = ProtocolService(store: store, configuration: ProtocolConfiguration())
    }

    func end() {
        let done = SemaphoreBox()
        loop.lane.run { [self] in
            for session in sessions { session.cancel() }
            done.signal()
        }
        done.wait()
        store.close()
        loop.stop()
        directory.remove()
    }

    /// Handles requests, and returns when all are answered.
    func handle(_ load: Load) {
        let done = SemaphoreBox()
        loop.lane.run { [self] in
            (submitted, finished, readyCount) = (0, 0, load.atOnce)
            submit(load, done)
        }
        done.wait()
    }

    /// What is answered within the call does not go ever deeper: whoever is submitting already goes on.
    private func submit(_ load: Load, _ done: SemaphoreBox) {
        guard !isSubmitting else { return }
        isSubmitting = true
        while readyCount > 0, submitted < load.count {
            readyCount -= 1
            submitted += 1
            let request = request(load, targets[submitted % targets.count])
            _ = service.handle(request, body: load.body, on: loop.lane) { [self] reply in
                guard case .response(let response) = reply, response.status == load.status else {
                    preconditionFailure("\(reply)")
                }
                write(response)
                finished += 1
                readyCount += 1
                if finished == load.count { done.signal() } else { submit(load, done) }
            }
        }
        isSubmitting = false
    }

    private func request(_ load: Load, _ target: [UInt8]) -> ProtocolRequest {
        let text = String(decoding: target, as: UTF8.self)
        var request = ProtocolRequest(method: load.method, target: load.query.isEmpty ? text : text + load.query)
        for field in load.fields {
            field.name.withUnsafeBytes { name in
                field.value.withUnsafeBytes { request.addHeader(name: name, value: $0) }
            }
        }
        return request
    }

    private func write(_ response: ProtocolResponse) {
        output.clear()
        response.writeHead(
            into: &output, keepAlive: true, framing: .contentLength, constants: service.constants)
    }

    // MARK: Live readers

    /// Readers of the first stream, who wait for what comes next.
    func addReaders(_ count: Int) {
        let done = SemaphoreBox()
        loop.lane.run { [self] in
            for _ in 0..<count {
                let load = Load(method: .get, query: "?offset=now&live=sse", status: 200, count: 1, atOnce: 1)
                _ = service.handle(request(load, targets[0]), body: nil, on: loop.lane) { [self] reply in
                    guard case .events(_, let session) = reply else { preconditionFailure("\(reply)") }
                    sessions.append(session)
                    session.start { [self, session] in pump(session) }
                    pump(session)
                    if sessions.count == count { done.signal() }
                }
            }
        }
        done.wait()
    }

    private func pump(_ session: EventSession) {
        while case .send(let events) = session.next() {
            precondition(events.chunked.readableBytes > 0)
            deliveryCount += 1
            if deliveryCount == sessions.count { delivered?.signal() }
        }
    }

    /// Makes appends to the first stream, each when all readers have the one before.
    func deliver(_ appendCount: Int, _ load: Load) {
        for _ in 0..<appendCount {
            let done = SemaphoreBox()
            loop.lane.run { [self] in
                (deliveryCount, delivered) = (0, done)
                _ = service.handle(request(load, targets[0]), body: load.body, on: loop.lane) { _ in }
            }
            done.wait()
        }
    }
}
