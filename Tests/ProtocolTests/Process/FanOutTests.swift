import Foundation
import Glibc
import Testing

@Suite(.ownServerOnly) struct FanOutTests {
    @Test func `A thousand readers see every byte in order`() async throws {
        let directory = ServerProgram.temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }
        let server = try await ServerProgram(directory: directory, arguments: ["--sse-duration-ms", "0"])
        let writer = try await Connection(to: server.endpoint)
        let create = try await writer.exchange(Request("PUT", "/v1/stream/news", ["Content-Type": "text/plain"]))
        #expect(create.status == 201)

        let readers = try EventReaders(count: 1_000, of: "/v1/stream/news", at: server.endpoint)
        try await readers.waitUntilAllAreReading()
        let start = ContinuousClock.now
        var expected: [UInt8] = []
        for number in 0..<500 {
            // 100 bytes, none of them a line end.
            let text = "\(number)-" + String(repeating: "abcdefghij", count: 10)
            let payload = Array(text.utf8.prefix(100))
            expected += payload
            let response = try await writer.exchange(
                Request("POST", "/v1/stream/news", ["Content-Type": "text/plain"], body: .bytes(payload)))
            #expect(response.status == 204)
            try await Task.sleep(until: start + .milliseconds(20 * (number + 1)))
        }
        let outcomes = try await readers.waitForAll(expected)
        #expect(outcomes.count == 0, "readers that differ: \(outcomes.prefix(3))")
        readers.close()
        #expect(await server.terminate() == 0)
    }
}

/// Many event-stream readers on one thread, each holding the text that its data events have brought.
final class EventReaders: @unchecked Sendable {
    private struct Reader {
        var descriptor: CInt
        /// Received and not yet a whole line.
        var rest: [UInt8] = []
        var text: [UInt8] = []
        var hasHead = false
        var hasEnded = false
    }

    private let lock = NSLock()
    private var readers: [Reader] = []
    private var isClosed = false

    init(count: Int, of path: String, at endpoint: Endpoint, startsReading: Bool = true) throws {
        let request = Array("GET \(path)?offset=-1&live=sse HTTP/1.1\r\nHost: \(endpoint.authority)\r\n\r\n".utf8)
        for _ in 0..<count {
            var address = try endpoint.resolvedAddress()
            let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
            let outcome = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard outcome == 0, Glibc.send(descriptor, request, request.count, 0) == request.count else {
                throw ClientError.system(call: "connect", code: errno)
            }
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
            readers.append(Reader(descriptor: descriptor))
        }
        if startsReading { startReading() }
    }

    func startReading() { Thread { [self] in receive() }.start() }

    func waitUntilAllAreReading() async throws {
        let deadline = ContinuousClock.now + .generous
        while !lock.withLock({ readers.allSatisfy(\.hasHead) }) {
            try #require(ContinuousClock.now < deadline, "not all readers have got a head")
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// The readers whose text is not the expected one, in words, after all had time to get it.
    func waitForAll(_ expected: [UInt8]) async throws -> [String] {
        let deadline = ContinuousClock.now + .generous + .generous
        while ContinuousClock.now < deadline {
            if lock.withLock({ readers.allSatisfy { $0.text.count >= expected.count || $0.hasEnded } }) { break }
            try await Task.sleep(for: .milliseconds(20))
        }
        return lock.withLock {
            readers.enumerated().compactMap { index, reader in
                reader.text == expected ? nil : "reader \(index): \(reader.text.count) of \(expected.count) bytes"
            }
        }
    }

    func close() {
        lock.withLock {
            isClosed = true
            for reader in readers { Glibc.close(reader.descriptor) }
        }
    }

    private func receive() {
        var polled = lock.withLock { readers.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) } }
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        while !lock.withLock({ isClosed }) {
            guard poll(&polled, nfds_t(polled.count), 100) > 0 else { continue }
            lock.withLock {
                for index in polled.indices where polled[index].revents != 0 && !isClosed {
                    let byteCount = recv(readers[index].descriptor, &bytes, bytes.count, 0)
                    if byteCount > 0 {
                        bytes.withUnsafeBytes { add(UnsafeRawBufferPointer(rebasing: $0[..<byteCount]), to: &readers[index]) }
                    } else if byteCount == 0 {
                        readers[index].hasEnded = true
                        polled[index].fd = -1
                    }
                }
            }
        }
    }

    /// Takes whole lines; the payload of a data event is one line here. Chunk sizes are lines that mean nothing.
    private func add(_ bytes: UnsafeRawBufferPointer, to reader: inout Reader) {
        reader.hasHead = true
        var start = 0
        while let end = memchr(bytes.baseAddress! + start, 0x0A, bytes.count - start) {
            let offset = UnsafeRawPointer(end) - bytes.baseAddress!
            reader.rest += bytes[start..<offset]
            if reader.rest.starts(with: Self.prefix), reader.rest.count > 5, reader.rest[5] != UInt8(ascii: "{") {
                reader.text += reader.rest.dropFirst(5)
            }
            reader.rest.removeAll(keepingCapacity: true)
            start = offset + 1
        }
        reader.rest += bytes[start...]
    }

    private static let prefix = Array("data:".utf8)
}
