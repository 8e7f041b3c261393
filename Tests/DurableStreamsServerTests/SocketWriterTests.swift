import Glibc
import NIOCore
import NIOPosix
import Testing

@testable import DurableStreamsServer

@Suite struct SocketWriterTests {
    /// Gives a connection to the test, on its event loop.
    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let whenActive: (ChannelHandlerContext) -> Void
        init(whenActive: @escaping (ChannelHandlerContext) -> Void) { self.whenActive = whenActive }
        func channelActive(context: ChannelHandlerContext) { whenActive(context) }
    }

    /// Accepts one connection, and returns the client's end of it, a blocking socket.
    private static func connect(
        receiveByteCount: CInt, whenActive: @escaping @Sendable (ChannelHandlerContext) -> Void
    ) async throws -> CInt {
        let accepted = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: Void.self)
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.socketOption(.so_sndbuf), value: 16 << 10)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        Handler { context in
                            accepted.succeed()
                            whenActive(context)
                        })
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let client = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var size = receiveByteCount
        setsockopt(client, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<CInt>.size))
        let address = try #require(listener.localAddress)
        let outcome = address.withSockAddr { Glibc.connect(client, $0, socklen_t($1)) }
        try #require(outcome == 0)
        try await accepted.futureResult.get()
        try await listener.close()
        return client
    }

    private static func readToEnd(_ socket: CInt) -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 10_000)
        while true {
            let count = recv(socket, &piece, piece.count, 0)
            guard count > 0 else { break }
            bytes += piece[..<count]
        }
        return bytes
    }

    /// Writes the numbers from 0 on, in pieces of all sizes, in every way there is. Confined to the event loop.
    private final class Author: @unchecked Sendable {
        static let numberCount: UInt32 = 400_000
        private var writer: SocketWriter
        private let context: ChannelHandlerContext
        private var random: SplitMix
        private var next: UInt32 = 0

        init(_ context: ChannelHandlerContext, seed: UInt64) {
            self.context = context
            writer = SocketWriter(context.channel)
            random = SplitMix(state: seed)
        }

        func write() {
            for _ in 0..<8 where next < Self.numberCount {
                let count = min(UInt32.random(in: 1...8_000, using: &random), Self.numberCount - next)
                var bytes = ByteBuffer()
                for number in next..<(next + count) { bytes.writeInteger(number) }
                next += count
                if Bool.random(using: &random) {
                    writer.willUseChannel()
                    context.write(NIOAny(bytes), promise: nil)
                } else if let rest = writer.send(bytes) {
                    context.writeAndFlush(NIOAny(rest), promise: nil)
                }
            }
            context.flush()
            guard next < Self.numberCount else { return context.close(mode: .output, promise: nil) }
            let delay = TimeAmount.microseconds(Int64.random(in: 0...2_000, using: &random))
            context.eventLoop.scheduleTask(in: delay) { self.write() }
        }
    }

    @Test(arguments: 1...3) func `Bytes arrive in their order, whichever way they take`(seed: UInt64) async throws {
        let client = try await Self.connect(receiveByteCount: 32 << 10) { Author($0, seed: seed).write() }
        defer { close(client) }
        let bytes = try await NIOThreadPool.singleton.runIfActive { Self.readToEnd(client) }
        #expect(bytes.count == 4 * Int(Author.numberCount))
        var buffer = ByteBuffer(bytes: bytes)
        var expected: UInt32 = 0
        while let number = buffer.readInteger(as: UInt32.self), number == expected { expected += 1 }
        #expect(expected == Author.numberCount)
    }

    @Test func `Nothing is written to a descriptor that was given back`() async throws {
        let received = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: [UInt8].self)
        let client = try await Self.connect(receiveByteCount: 32 << 10) { context in
            var writer = SocketWriter(context.channel)
            #expect(writer.send(ByteBuffer(string: "before")) == nil)
            context.close(promise: nil)
            // The lowest free descriptors: the connection's is among them.
            var pairs: [CInt] = []
            for _ in 0..<16 {
                var pair: [CInt] = [0, 0]
                socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &pair)
                pairs += pair
            }
            #expect(writer.send(ByteBuffer(string: "after")) == ByteBuffer(string: "after"))
            var bytes: [UInt8] = []
            for descriptor in pairs {
                var piece = [UInt8](repeating: 0, count: 100)
                let count = recv(descriptor, &piece, piece.count, CInt(MSG_DONTWAIT))
                bytes += piece[..<max(0, count)]
            }
            for descriptor in pairs { close(descriptor) }
            received.succeed(bytes)
        }
        defer { close(client) }
        let elsewhere = try await received.futureResult.get()
        #expect(elsewhere == [])
        let bytes = try await NIOThreadPool.singleton.runIfActive { Self.readToEnd(client) }
        #expect(String(decoding: bytes, as: UTF8.self) == "before")
    }
}
