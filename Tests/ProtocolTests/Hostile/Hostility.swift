import Foundation
import Glibc
import Testing

/// A client like any other, who must be served while others are hostile.
struct Neighbour: Sendable {
    /// Far more than a busy machine needs for one request, and far less than any timeout.
    static let patience = Duration.seconds(10)

    /// Appends and reads, over an old connection and over new ones, for as long as `hostility` takes, and once if that is
    /// over before the first request has gone out.
    static func isServed(at endpoint: Endpoint, during hostility: () async throws -> Void) async throws {
        let over = RaceState()
        async let served: Void = serve(at: endpoint, until: over)
        do {
            try await hostility()
        } catch {
            over.end()
            throw error
        }
        over.end()
        try await served
    }

    private static func serve(at endpoint: Endpoint, until over: RaceState) async throws {
        let name = "neighbour-\(UInt64.random(in: 0 ... .max))"
        let stream = TestStream(endpoint: endpoint, name: name, contentType: "text/plain")
        let connection = try await Connection(to: endpoint)
        try await connection.create(stream)
        var expected = ""
        var count = 0
        repeat {
            let start = ContinuousClock.now
            let append = try await connection.append("\(count);", to: stream)
            try #require(append.status == 204, "\(append)")
            expected += "\(count);"
            let read = try await stream.read()
            try #require(read.status == 200 && read.text == expected, "\(read)")
            #expect(ContinuousClock.now - start < patience, "request \(count) of a client like any other")
            count += 1
            try await Task.sleep(for: .milliseconds(20))
        } while !over.isOver
    }
}

/// Blocking sockets of a thread, for what needs many connections and no answers.
enum RawSocket {
    static func open(to endpoint: Endpoint) throws -> CInt {
        var address = try endpoint.resolvedAddress()
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        let outcome = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard outcome == 0 else {
            let code = errno
            close(descriptor)
            throw ClientError.system(call: "connect", code: code)
        }
        return descriptor
    }

    static func send(_ bytes: [UInt8], to descriptor: CInt) {
        _ = Glibc.send(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL))
    }

    /// With a reset, which also leaves no port behind that waits.
    static func drop(_ descriptor: CInt) {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close(descriptor)
    }
}
