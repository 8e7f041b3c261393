import DurableStreams
import DurableStreamsHTTP
import DurableStreamsServer
import Foundation
import Glibc
import NIOCore
import Testing

/// A client that reads slowly gets all of its answer, whatever ends the connection: the channel may hold the last bytes
/// of an answer although it would take more.
@Suite(.timeLimit(.minutes(2))) struct SlowReaderTests {
    private static let byteCount = 8 << 20

    /// Answers somewhat shorter and longer than what the kernel takes, which leave nothing, little or much in the channel.
    private static let differences = stride(from: -16_000, through: 64_000, by: 8_000)

    @Test func `A client that has closed its half and reads late gets all of its answer`() async throws {
        try await withFilledServer { _, readers in
            for reader in readers { reader.finish() }
            try await Task.sleep(for: .milliseconds(500))
            for reader in readers { #expect(reader.readBody() == reader.byteCount) }
        }
    }

    @Test func `A client that reads late gets all of its answer from a server that is shut down`() async throws {
        try await withFilledServer { server, readers in
            async let stopped: Void = server.stop()
            try await Task.sleep(for: .milliseconds(500))
            for reader in readers { #expect(reader.readBody() == reader.byteCount) }
            await stopped
        }
    }

    @Test func `A client that reads late is not taken for an idle one`() async throws {
        try await withFilledServer({ $0.idleTimeoutMilliseconds = 200 }) { _, readers in
            try await Task.sleep(for: .milliseconds(800))
            for reader in readers { #expect(reader.readBody() == reader.byteCount) }
        }
    }

    /// Each reader has asked, and has read nothing.
    private func withFilledServer(
        _ configure: (inout ServerConfiguration) -> Void = { _ in },
        _ body: (DurableStreamsServer, [SlowReader]) async throws -> Void
    ) async throws {
        try await withServer({
            $0.protocolConfiguration.chunkByteCountLimit = Self.byteCount
            $0.store.segmentByteCount = 16 << 20
            configure(&$0)
        }) { server, address in
            let path = try StreamPath("test")
            _ = try await server.store.create(CreateRequest(path: path))
            _ = try await server.store.append([UInt8](repeating: 1, count: Self.byteCount), to: path)
            let port = try #require(address.port)
            let probe = try SlowReader(port, byteCount: Self.byteCount, of: Self.byteCount)
            let kernelByteCount = try await probe.byteCountInKernel(serverPort: port)
            var readers: [SlowReader] = []
            for difference in Self.differences {
                readers.append(try SlowReader(port, byteCount: kernelByteCount + difference, of: Self.byteCount))
            }
            try await Task.sleep(for: .milliseconds(500))
            try await body(server, readers)
        }
    }
}

/// A socket with next to no memory for what it receives.
private final class SlowReader {
    let byteCount: Int
    private let descriptor: CInt

    /// Asks for the last bytes of the stream.
    init(_ port: Int, byteCount: Int, of total: Int) throws {
        self.byteCount = byteCount
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var size: CInt = 4_096
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<CInt>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        try #require(isConnected)
        let digits = String(total - byteCount)
        let offset = "0000000000000000_" + String(repeating: "0", count: 16 - digits.count) + digits
        let request = Array("GET /v1/stream/test?offset=\(offset) HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
        try #require(send(descriptor, request, request.count, 0) == request.count)
    }

    deinit { close(descriptor) }

    func finish() { shutdown(descriptor, CInt(SHUT_WR)) }

    /// What the server's side of the connection has in the kernel, once that does not change any more.
    func byteCountInKernel(serverPort: Int) async throws -> Int {
        var known = -1
        for _ in 0..<100 {
            try await Task.sleep(for: .milliseconds(200))
            let found = try sendQueueByteCount(serverPort: serverPort)
            if found > 0, found == known { return found }
            known = found
        }
        throw CancellationError()
    }

    private func sendQueueByteCount(serverPort: Int) throws -> Int {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            _ = pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        let own = String(format: ":%04X", UInt16(bigEndian: address.sin_port))
        let server = String(format: ":%04X", serverPort)
        // Line by line, because the kernel gives it a page at a time.
        let table = try #require(fopen("/proc/net/tcp", "r"))
        defer { fclose(table) }
        var buffer = [CChar](repeating: 0, count: 512)
        while fgets(&buffer, CInt(buffer.count), table) != nil {
            let line = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            let fields = line.split(separator: " ")
            guard fields.count > 4, fields[1].hasSuffix(server), fields[2].hasSuffix(own) else { continue }
            return Int(fields[4].prefix { $0 != ":" }, radix: 16) ?? 0
        }
        return 0
    }

    /// Reads to the end of the connection, or of the body. Returns how many bytes the body had.
    func readBody() -> Int {
        var time = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        var head: [UInt8] = []
        var bodyByteCount: Int?
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        while bodyByteCount ?? 0 < byteCount {
            let count = recv(descriptor, &bytes, bytes.count, 0)
            guard count > 0 else { break }
            if let known = bodyByteCount {
                bodyByteCount = known + count
            } else {
                head += bytes[..<count]
                if let end = head.firstRange(of: Array("\r\n\r\n".utf8)) { bodyByteCount = head.count - end.upperBound }
            }
        }
        return bodyByteCount ?? 0
    }
}
