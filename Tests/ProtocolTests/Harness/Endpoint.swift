import Foundation
import Glibc
import Testing

/// Where the server under test listens.
struct Endpoint: Sendable {
    /// Names a running server to test instead of one that the tests start, for example
    /// `http://127.0.0.1:4437/v1/stream/`. Tests that need a server with special settings are then left out.
    static let externalVariable = "DURABLE_STREAMS_TEST_URL"

    /// The server of the suite that is running, see ``RunningServer``.
    @TaskLocal static var running: Endpoint?

    var host: String
    var port: UInt16
    /// Begins and ends with a slash.
    var basePath: String

    var authority: String { "\(host):\(port)" }

    static var current: Endpoint {
        get throws { try #require(running, "the suite has no server") }
    }

    static var isExternal: Bool { ProcessInfo.processInfo.environment[externalVariable] != nil }

    static var external: Endpoint? {
        get throws {
            guard let url = ProcessInfo.processInfo.environment[externalVariable] else { return nil }
            let parts = try #require(URLComponents(string: url), "\(externalVariable) is no URL: \(url)")
            let host = try #require(parts.host, "\(externalVariable) has no host: \(url)")
            let path = parts.path.hasSuffix("/") ? parts.path : parts.path + "/"
            return Endpoint(host: host, port: UInt16(parts.port ?? 80), basePath: path)
        }
    }

    func resolvedAddress() throws -> sockaddr_in {
        var hints = addrinfo()
        hints.ai_family = AF_INET
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var results: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &results)
        defer { freeaddrinfo(results) }
        guard code == 0, let address = results?.pointee.ai_addr else {
            throw ClientError.system(call: "getaddrinfo", code: code)
        }
        return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee }
    }
}
