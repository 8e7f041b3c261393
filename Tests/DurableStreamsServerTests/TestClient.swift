import DurableStreams
import DurableStreamsServer
import Foundation
import Logging
import NIOCore
import NIOPosix
import Testing

/// A server on a port and in a directory of its own, for one test.
func withServer(
    _ configure: (inout ServerConfiguration) -> Void = { _ in },
    _ body: (DurableStreamsServer, SocketAddress) async throws -> Void
) async throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "server-tests-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: directory) }
    var configuration = ServerConfiguration()
    configuration.port = 0
    configuration.dataDirectory = directory
    configuration.eventLoopThreads = 2
    configuration.store.durability = .none
    configuration.store.segmentByteCount = 4 << 20
    configure(&configuration)
    var logger = Logger(label: "server-tests")
    logger.logLevel = .critical
    let server = try DurableStreamsServer(configuration: configuration, logger: logger)
    let address = try await server.start()
    do {
        try await body(server, address)
    } catch {
        await server.stop()
        throw error
    }
    await server.stop()
}

/// A socket, bytes as they are.
enum TestClient {
    /// Connects, and closes after `body`.
    static func connect(
        to address: SocketAddress, _ body: (inout TestConnection) async throws -> Void
    ) async throws {
        let client = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .connect(to: address) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel(
                        wrappingChannelSynchronously: channel,
                        configuration: .init(
                            isOutboundHalfClosureEnabled: true, inboundType: ByteBuffer.self,
                            outboundType: ByteBuffer.self)
                    )
                }
            }
        try await client.executeThenClose { inbound, outbound in
            var connection = TestConnection(inbound: inbound.makeAsyncIterator(), outbound: outbound)
            try await body(&connection)
        }
    }
}

struct TestConnection {
    var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private(set) var received = ""

    init(
        inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator,
        outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) {
        self.inbound = inbound
        self.outbound = outbound
    }

    func send(_ text: String) async throws {
        try await outbound.write(ByteBuffer(string: text))
    }

    /// Sends the request's head, and its body if there is one.
    func send(_ method: String, _ target: String, _ fields: String = "", body: String = "") async throws {
        let length = body.isEmpty ? "" : "Content-Length: \(body.utf8.count)\r\n"
        let head = "\(method) \(target) HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n\(fields)\(length)\r\n"
        try await send(head + body)
    }

    /// Closes this side.
    func finish() { outbound.finish() }

    /// Everything until the server closes.
    mutating func receiveAll() async throws -> String {
        do {
            while let bytes = try await inbound.next() { received += String(buffer: bytes) }
        } catch is IOError {
            // A reset is an end too.
        }
        return received
    }

    /// Everything up to and including the text; fails at the end of the connection.
    mutating func receive(until text: String) async throws -> String {
        while true {
            if let range = received.range(of: text) {
                let result = String(received[..<range.upperBound])
                received.removeSubrange(..<range.upperBound)
                return result
            }
            let bytes = try #require(await inbound.next(), "the connection ended after: \(received)")
            received += String(buffer: bytes)
        }
    }

    /// The next response's head.
    mutating func receiveHead() async throws -> String { try await receive(until: "\r\n\r\n") }
}
