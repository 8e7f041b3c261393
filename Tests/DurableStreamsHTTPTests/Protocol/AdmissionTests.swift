@testable import DurableStreamsHTTP
import Testing

/// What is refused before a body is received.
@Suite struct AdmissionTests {
    private func admit(
        _ driver: ProtocolDriver, _ method: ProtocolRequest.Method, _ target: String,
        _ headers: [(String, String)] = [], byteCount: Int?
    ) async -> String {
        let request = ProtocolDriver.request(method, target.hasPrefix("/") ? target : "/v1/stream/" + target, headers)
        return await driver.lane.run {
            switch driver.service.admit(request, announcedByteCount: byteCount) {
            case .accept(let byteCountLimit): "accept \(byteCountLimit)"
            case .reject(let response): "reject \(response.status)"
            }
        }
    }

    @Test func `a large body for a stream that is not there is not received`() async throws {
        let driver = try ProtocolDriver { $0.bodyByteCountLimit = 1_000_000 }
        let type = [("Content-Type", "text/plain")]
        #expect(await admit(driver, .post, "a", type, byteCount: 100_000) == "reject 404")
        #expect(await admit(driver, .post, "a", type, byteCount: nil) == "reject 404")
        #expect(await admit(driver, .post, "a", type, byteCount: 2_000_000) == "reject 404")
        #expect(await admit(driver, .put, "a", type, byteCount: 100_000) == "accept 1000000")
        #expect(await admit(driver, .put, "__ds/x", type, byteCount: 100_000) == "reject 404")
        #expect(await admit(driver, .put, "/elsewhere", type, byteCount: 100_000) == "reject 404")
        #expect(await admit(driver, .other("PATCH"), "a", type, byteCount: nil) == "reject 405")
    }

    @Test func `a large body that would be refused is not received`() async throws {
        let driver = try ProtocolDriver { $0.bodyByteCountLimit = 1_000_000 }
        try await driver.create("a")
        let type = [("Content-Type", "text/plain")]
        #expect(await admit(driver, .post, "a", type, byteCount: 100_000) == "accept 1000000")
        #expect(await admit(driver, .post, "a", type, byteCount: nil) == "accept 1000000")
        #expect(await admit(driver, .post, "a", type, byteCount: 1_000_001) == "reject 413")
        #expect(await admit(driver, .put, "b", type, byteCount: 1_000_001) == "reject 413")
        #expect(await admit(driver, .post, "a", byteCount: 100_000) == "reject 400")
        let coded = type + [("Content-Encoding", "br")]
        #expect(await admit(driver, .post, "a", coded, byteCount: 100_000) == "reject 415")
        #expect(await admit(driver, .post, "a", type + [("Producer-Id", "p")], byteCount: 100_000) == "reject 400")
        #expect(await admit(driver, .put, "b", [("Stream-TTL", "x")], byteCount: 100_000) == "reject 400")
    }

    @Test func `a small body is received unseen, whatever comes of it`() async throws {
        let driver = try ProtocolDriver { $0.bodyByteCountLimit = 1_000 }
        #expect(await admit(driver, .post, "missing", byteCount: 1_000) == "accept 1000")
        #expect(await admit(driver, .put, "a", byteCount: 1_001) == "reject 413")
    }

    @Test func `targets are owned by path`() throws {
        let driver = try ProtocolDriver()
        #expect(driver.service.owns(target: "/v1/stream/a?x"))
        #expect(driver.service.owns(target: "/v1/stream"))
        #expect(!driver.service.owns(target: "/healthz"))
        #expect(driver.service.unknownTarget().status == 404)
    }
}
