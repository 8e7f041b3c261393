import Foundation
import Glibc
import Testing

/// Runs the real program for a hostile test, in a directory of its own.
func withServerProgram(
    _ arguments: [String] = [],
    _ body: (ServerProgram) async throws -> Void
) async throws {
    let directory = ServerProgram.temporaryDirectory()
    defer { try? FileManager.default.removeItem(at: directory) }
    let server = try await ServerProgram(directory: directory, arguments: arguments)
    do {
        try await Endpoint.$running.withValue(server.endpoint) { try await body(server) }
    } catch {
        await server.kill()
        throw error
    }
    #expect(await server.terminate() == 0)
}

/// A client like any other, who must be served while others are hostile.
struct Neighbour: Sendable {
    /// Far more than a busy machine needs for one request, and far less than any timeout.
    static let patience = Duration.seconds(10)

    /// Appends and reads, over an old connection and over new ones, for as long as `hostility` takes, and once if that is
    /// over before the first request has gone out.
    static func isServed(at server: ServerProgram, during hostility: () async throws -> Void) async throws {
        let over = RaceState()
        async let served: Void = serve(at: server.endpoint, until: over)
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

extension ServerProgram {
    /// Expects that the descriptors of clients that are gone are given back.
    func expectDescriptors(atMost count: Int, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while try descriptorCount > count, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(50))
        }
        let left = try descriptorCount
        #expect(left <= count, "descriptors that are still open", sourceLocation: sourceLocation)
    }

    /// Expects that the program's own memory grows by less than this while `body` runs, and at its end.
    func expectGrowth(
        below byteCount: Int, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
    ) async throws {
        let before = try anonymousByteCount
        try await body()
        let growth = try anonymousByteCount - before
        #expect(growth < byteCount, "grown by \(growth) bytes", sourceLocation: sourceLocation)
    }
}
