import DurableStreams
import DurableStreamsHummingbird
import Foundation
import Hummingbird
import Testing

/// Streams among the routes of an app, behind its middleware.
@Suite(.wantedTransport, .timeLimit(.minutes(2))) struct MountingTests {
    private let token: HeaderList = ["Authorization": "Bearer secret"]
    private let type: HeaderList = ["Content-Type": "text/plain"]

    @Test func `The article's code is the code that is tested`() throws {
        let here = URL(filePath: #filePath).deletingLastPathComponent()
        let root = here.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let articlePath = "Sources/DurableStreamsHummingbird/Documentation.docc/Mounting.md"
        let article = try String(contentsOf: root.appending(path: articlePath), encoding: .utf8)
        let code = try String(contentsOf: here.appending(path: "MountingExample.swift"), encoding: .utf8)
        let blocks = article.components(separatedBy: "```swift\n").dropFirst().map { rest in
            rest.components(separatedBy: "```")[0].trimmingCharacters(in: .newlines)
        }
        #expect(blocks.count >= 3)
        // These tests have requests of their own, so here the names are qualified.
        let plainCode = code.replacing("Hummingbird.", with: "")
        for block in blocks { #expect(plainCode.contains(block), "\(block)") }
    }

    @Test func `Middleware refuses before the store is touched`() async throws {
        try await withApp(router: chatRouter) { app in
            let connection = try await app.connect()
            for request in [
                Request("PUT", app.target("a"), type, body: "x"), Request("GET", app.target("a")),
                Request("PUT", app.target("a"), type + ["Authorization": "Bearer guess"]),
                Request("PATCH", app.target("a")), Request("GET", app.target("a?offset=now&live=sse")),
            ] {
                expectStatus(try await connection.exchange(request), 401, request.method)
            }
            #expect(try app.store.stream(at: StreamPath("a")) == nil)
            #expect(app.store.statistics.entryCount == 0)
        }
    }

    @Test func `Whoever has a token works with streams`() async throws {
        try await withApp(router: chatRouter) { app in
            let connection = try await app.connect()
            let create = Request("PUT", app.target("a"), type + token, body: "hello")
            expectStatus(try await connection.exchange(create), 201)
            let read = try await connection.exchange(Request("GET", app.target("a"), token))
            #expect(read.text == "hello")
            // A preflight has no token.
            let preflight = try await connection.exchange(Request("OPTIONS", app.target("a")))
            expectStatus(preflight, 204)
            expectHeader(preflight, "Access-Control-Allow-Origin", "*")
        }
    }

    @Test func `The other routes of the app stay what they are`() async throws {
        try await withApp(router: chatRouter) { app in
            let connection = try await app.connect()
            #expect(try await connection.exchange(Request("GET", "/health")).text == "fine")
            for target in ["/", "/elsewhere", "/v1", "/v1/streams/a"] {
                expectStatus(try await connection.exchange(Request("GET", target)), 404, target)
            }
        }
    }

    @Test func `In a group the path of the group is part of the URL`() async throws {
        try await withApp(
            basePath: "/api/v2/logs/",
            router: { store in
                let router = Router(context: BasicDurableStreamsRequestContext.self)
                router.group("api").group("v2").addDurableStreams(store, at: "logs", inGroupAt: "/api/v2")
                return router
            }
        ) { app in
            let connection = try await app.connect()
            let created = try await connection.exchange(
                Request("PUT", app.target("a%2fb"), type + ["Host": "logs.example"], body: "x"))
            expectStatus(created, 201)
            expectHeader(created, "Location", "http://logs.example/api/v2/logs/a%2Fb")
            #expect(try await connection.exchange(Request("GET", app.target("a%2Fb"))).text == "x")
        }
    }

    @Test func `An app may serve two stores`() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "app-tests-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let second = try StreamStore.open(directory: directory)
        defer { second.close() }
        try await withApp(router: { first in
            Router(context: BasicDurableStreamsRequestContext.self)
                .addDurableStreams(first, at: "first")
                .addDurableStreams(second, at: "second")
        }) { app in
            let connection = try await app.connect()
            for name in ["first", "second"] {
                let request = Request("PUT", "/\(name)/a", type, body: .text(name))
                expectStatus(try await connection.exchange(request), 201)
            }
            #expect(try await connection.exchange(Request("GET", "/first/a")).text == "first")
            #expect(try await connection.exchange(Request("GET", "/second/a")).text == "second")
        }
    }
}
