import Foundation
import Testing

/// Sections 9 and 10: request targets that try to be something else.
@Suite(.wantedTransport, .ownServerOnly) struct PathTrickTests {
    /// A target, with `BASE` for the base path and `HOST` for host and port, and the statuses that it may have.
    static let targets: [(target: String, statuses: Set<Int>)] = [
        ("BASE%2e%2e/secret", [400]), ("BASE%2E%2E%2Fsecret", [404]), ("BASE..%2Fsecret", [404]),
        ("BASE../secret", [400]),
        ("BASEa/%2e%2e/secret", [400]), ("BASEa/../secret", [400]), ("BASE./secret", [400]), ("BASE%2e/secret", [400]),
        ("BASE.%2e/secret", [400]), ("BASEsecret/..", [400]), ("BASEsecret/.", [400]), ("BASEsecret%00", [400]),
        ("BASEsecret%00.txt", [400]), ("BASEsecret%", [400]), ("BASEsecret%2", [400]), ("BASEsecret%zz", [400]),
        ("BASEsecret#", [400]), ("BASEsecret#x", [400]), ("BASE#secret", [400, 404]), ("BASEsecret%ff", [400]),
        ("BASEsecret%0d%0aX-Injected:%20yes", [400]), ("BASEsecret/", [404]), ("BASE/secret", [404]),
        ("BASEsecret%2F", [404]), ("BASE%2Fsecret", [404]), ("BASEsecret%3Foffset=-1", [404]), ("BASESECRET", [404]),
        ("//HOSTBASEsecret", [400, 404]), ("//evil.exampleBASEsecret", [400, 404]),
        ("http://HOSTBASEsecret", [400, 404]),
        ("https://HOSTBASEsecret", [400, 404]), ("http:BASEsecret", [400, 404]),
        ("HOST", [400, 404]), ("*", [400, 404]),
        ("/v1//stream/secret", [404]), ("//v1/stream/secret", [400, 404]), ("/v1/stream%2Fsecret", [400, 404]),
        ("/v1%2Fstream/secret", [400, 404]), ("/v1/x/../stream/secret", [400, 404]),
        ("/v1/%73tream/secret", [200, 400, 404]),
        ("/v1/stream\\secret", [400, 404]), ("BASEsecret%5C..", [404]), ("BASE%5c..%5csecret", [404]),
        ("BASE__ds/secret", [404]), ("BASE%5f%5Fds/secret", [404]), ("BASEsecret/__ds", [404]),
        ("BASE" + String(repeating: "a/", count: 511) + "aa", [404]),
        ("BASE" + String(repeating: "a", count: 1_025), [414]),
        ("BASE" + String(repeating: "%61", count: 1_024), [404]), ("BASE", [404]), ("/", [404]), ("/..", [400, 404]),
        ("/../../../../../../etc/passwd", [400, 404]), ("BASE../../../../etc/passwd", [400]),
        ("/healthz/../v1", [400, 404]),
        ("BASE%2e%2e%2f%2e%2e%2fetc%2fpasswd", [404]), ("BASE%u002e%u002e/secret", [400]),
        ("BASE%c0%ae%c0%ae/secret", [400]), ("BASE%e0%80%ae/secret", [400]), ("BASEsecret;/../x", [400]),
    ]

    @Test func `No target reaches what it should not, and each has its status`() async throws {
        try await AttackedServer.run { server in
            let endpoint = server.endpoint
            let secret = TestStream(endpoint: endpoint, name: "secret", contentType: "text/plain")
            expectStatus(try await secret.put(body: "the secret"), 201)
            for (template, statuses) in Self.targets {
                // An app does not learn that there was a host.
                if template.contains("://"), !Transport.current.seesWholeTarget { continue }
                let target = template.replacing("BASE", with: "/v1/stream/").replacing("HOST", with: endpoint.authority)
                for method in ["GET", "HEAD", "DELETE", "POST"] {
                    if method != "GET", statuses.contains(200) { continue }
                    let connection = try await Connection(to: endpoint)
                    let response = try await connection.exchange(Request(method, target, body: .bytes([])))
                    #expect(statuses.contains(response.status), "\(method) \(target)\n\(response)")
                    let shows = response.text.contains("the secret")
                    #expect(!shows || response.status == 200, "\(target)\n\(response)")
                    #expect(response.headers["X-Injected"] == nil)
                    await connection.close()
                }
            }
            #expect(try await secret.text() == "the secret")
        }
    }

    @Test func `Raw bytes in a target are refused or taken as they are, never as something else`() async throws {
        try await AttackedServer.run { server in
            for byte in UInt8.min...UInt8.max where byte != 0x0a && byte != 0x0d {
                let connection = try await Connection(to: server.endpoint)
                let head = Array("GET /v1/stream/a".utf8) + [byte] + Array("b HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
                try await connection.send(head)
                let response = try await connection.receiveFinalResponse()
                #expect([400, 404].contains(response.status), "byte \(byte)\n\(response)")
                await connection.close()
            }
            // What names a stream is written into no path of the file system.
            for name in ["passwd", "a%2F..%2F..%2Fb", "CON", "nul%2E", "%2Dx", String(repeating: "x", count: 1_024)] {
                let stream = TestStream(endpoint: server.endpoint, name: name, contentType: "text/plain")
                expectStatus(try await stream.put(body: .text(name)), 201, name)
                #expect(try await stream.text() == name)
            }
            let files = try FileManager.default.subpathsOfDirectory(atPath: server.directory.path)
            #expect(!files.contains { $0.contains("passwd") || $0.contains("CON") || $0.contains("xxxx") }, "\(files)")
        }
    }
}
