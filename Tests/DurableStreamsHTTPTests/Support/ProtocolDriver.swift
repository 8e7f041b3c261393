import DurableStreams
@testable import DurableStreamsHTTP
import Foundation
import HTTPTypes
import NIOCore
import SimulatedDisk
import Synchronization

/// A response as a client sees it.
struct TestResponse: Sendable {
    var status: Int
    var fields: HTTPFields
    var body: [UInt8]
    var bodyIsOmitted: Bool

    var text: String { String(decoding: body, as: UTF8.self) }

    subscript(_ name: String) -> String? {
        HTTPField.Name(name).flatMap { fields[$0] }
    }

    /// Traps if it is missing: every test that asks has created the stream.
    var nextOffset: String { self["Stream-Next-Offset"] ?? "missing" }
}

/// A service on a store of its own, spoken to without a socket.
final class ProtocolDriver: Sendable {
    let service: ProtocolService
    let store: StreamStore
    let lane = TestLane()
    private let directory: String

    /// - Parameter disk: Where the store is, durably, in the place of a directory of the real disk.
    init(
        _ configure: (inout ProtocolConfiguration) -> Void = { _ in },
        environment: ProtocolEnvironment = ProtocolEnvironment(),
        disk: SimulatedDisk? = nil,
        store configureStore: (inout StoreConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = ProtocolConfiguration()
        configuration.longPollTimeoutMilliseconds = 30_000
        configure(&configuration)
        directory = FileManager.default.temporaryDirectory.path + "/http-tests-" + UUID().uuidString
        var storeConfiguration = StoreConfiguration()
        if let disk {
            storeConfiguration.fileSystem = disk
            storeConfiguration.segmentByteCount = 64 << 10
        } else {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            storeConfiguration.durability = .none
            // Reserving a file of the usual size takes longer than most tests.
            storeConfiguration.segmentByteCount = 1 << 20
        }
        configureStore(&storeConfiguration)
        store = try StreamStore.open(directory: directory, configuration: storeConfiguration)
        service = ProtocolService(store: store, configuration: configuration, environment: environment)
    }

    deinit {
        store.close()
        try? FileManager.default.removeItem(atPath: directory)
    }

    static func request(
        _ method: ProtocolRequest.Method, _ target: String, _ headers: [(String, String)]
    ) -> ProtocolRequest {
        var request = ProtocolRequest(method: method, target: target)
        for (name, value) in headers { request.addHeader(name: name, value: value) }
        return request
    }

    /// The target is relative to the base path unless it begins with a slash.
    private func target(_ text: String) -> String {
        text.hasPrefix("/") ? text : service.configuration.basePath + text
    }

    func begin(
        _ method: ProtocolRequest.Method, _ target: String, _ headers: [(String, String)] = [], body: [UInt8]? = nil
    ) async -> PendingResponse {
        let pending = PendingResponse(driver: self)
        let request = Self.request(method, self.target(target), headers)
        let exchange = await lane.run { [self] in
            service.handle(request, body: body.map { ByteBuffer(bytes: $0) }, on: lane.lane) { pending.fulfill($0) }
        }
        pending.set(exchange: exchange)
        return pending
    }

    func send(
        _ method: ProtocolRequest.Method, _ target: String, _ headers: [(String, String)] = [], body: [UInt8]? = nil
    ) async throws -> TestResponse {
        try await begin(method, target, headers, body: body).response()
    }

    func send(
        _ method: ProtocolRequest.Method, _ target: String, _ headers: [(String, String)] = [], text: String
    ) async throws -> TestResponse {
        try await send(method, target, headers, body: Array(text.utf8))
    }

    @discardableResult
    func create(_ path: String, type: String = "text/plain", text: String? = nil) async throws -> TestResponse {
        try await send(.put, path, [("Content-Type", type)], body: text.map { Array($0.utf8) })
    }

    @discardableResult
    func append(
        _ path: String, type: String = "text/plain", text: String, closing: Bool = false
    ) async throws -> TestResponse {
        let headers = [("Content-Type", type)] + (closing ? [("Stream-Closed", "true")] : [])
        return try await send(.post, path, headers, text: text)
    }

    func events(_ target: String, _ headers: [(String, String)] = []) async throws -> TestEventReader {
        let reply = try await begin(.get, target, headers).reply()
        guard case .events(let head, let session) = reply else { throw TestFailure("no event stream: \(reply)") }
        let reader = TestEventReader(head: render(head), session: session, lane: lane)
        await reader.start()
        return reader
    }

    func render(_ response: ProtocolResponse) -> TestResponse {
        TestResponse(
            status: response.status,
            fields: response.fields(constants: service.constants),
            body: response.body.map { Array($0.readableBytesView) } ?? [],
            bodyIsOmitted: response.bodyIsOmitted
        )
    }
}

struct TestFailure: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// A reply that comes sooner or later.
final class PendingResponse: Sendable {
    private struct State {
        var reply: ProtocolReply?
        var replyCount = 0
        var exchange: ProtocolExchange?
    }

    private let driver: ProtocolDriver
    private let state = Mutex(State())

    init(driver: ProtocolDriver) {
        self.driver = driver
    }

    func fulfill(_ reply: ProtocolReply) {
        dispatchPrecondition(condition: .onQueue(driver.lane.queue))
        state.withLock {
            $0.reply = reply
            $0.replyCount += 1
        }
    }

    func set(exchange: ProtocolExchange?) {
        state.withLock { $0.exchange = exchange }
    }

    var hasExchange: Bool { state.withLock { $0.exchange != nil } }
    var isAnswered: Bool { state.withLock { $0.replyCount > 0 } }

    func cancel() async {
        let exchange = state.withLock { $0.exchange }
        await driver.lane.run { exchange?.cancel() }
    }

    func reply() async throws -> ProtocolReply {
        try await eventually("a reply") { self.isAnswered }
        let (reply, count) = state.withLock { ($0.reply, $0.replyCount) }
        guard let reply, count == 1 else { throw TestFailure("\(count) replies") }
        return reply
    }

    func response() async throws -> TestResponse {
        guard case .response(let response) = try await reply() else { throw TestFailure("an event stream") }
        return driver.render(response)
    }
}

/// Asks again and again, for at most ten seconds.
func eventually(_ what: String, _ condition: @Sendable () -> Bool) async throws {
    for _ in 0..<5_000 {
        if condition() { return }
        try await Task.sleep(for: .milliseconds(2))
    }
    throw TestFailure("waited in vain for \(what)")
}
