import DurableStreams
@testable import DurableStreamsHTTP
import Testing

@Suite struct RequestTargetTests {
    private func describe(_ target: String, base: String = "/v1/stream/") -> String {
        switch RequestTarget(target, base: BasePath(base)) {
        case .stream(let path, let query): "stream \(path.text)" + (query.map { " query \($0)" } ?? "")
        case .reserved: "reserved"
        case .outside: "outside"
        case .invalid(let error): "invalid \(error)"
        }
    }

    @Test func `what follows the base path is the stream, what follows the question mark the query`() {
        #expect(describe("/v1/stream/a") == "stream a")
        #expect(describe("/v1/stream/a/b/") == "stream a/b/")
        #expect(describe("/v1/stream/a?offset=-1&live=sse") == "stream a query offset=-1&live=sse")
        #expect(describe("/v1/stream/a?") == "stream a query ")
        #expect(describe("/v1/stream/a?x?y") == "stream a query x?y")
        #expect(describe("/v1/stream/%61%2fb") == "stream a%2Fb")
    }

    @Test(arguments: [
        "/", "/v1", "/v1/strea", "/v1/streams/a", "/v2/stream/a", "*", "", "http://h/v1/stream/a", "//v1/stream/a", "?",
        "/healthz",
    ])
    func `everything else is outside`(target: String) {
        #expect(describe(target) == "outside")
        #expect(!BasePath("/v1/stream/").owns(target))
    }

    @Test(arguments: ["/v1/stream/", "/v1/stream", "/v1/stream?offset=-1", "/v1/stream/?a"])
    func `the base path itself is no stream`(target: String) {
        #expect(describe(target) == "invalid \(StreamPathError.empty)")
        #expect(BasePath("/v1/stream/").owns(target))
    }

    @Test(arguments: ["__ds", "__ds/", "__ds/a/b", "%5F%5fds/x", "__d%73", "__ds?offset=-1"])
    func `the first segment __ds is reserved`(path: String) {
        #expect(describe("/v1/stream/" + path) == "reserved")
    }

    @Test(arguments: ["__dsx", "__d", "_", "a/__ds", "__DS"])
    func `other segments are not`(path: String) {
        #expect(describe("/v1/stream/" + path) == "stream " + path)
    }

    @Test(arguments: ["a/../b", "%2e", "a%00b", "a%", "a%zz", "a%ff", "a#b", "a%0Ab"])
    func `what can be no stream's name is said to be so`(path: String) {
        #expect(describe("/v1/stream/" + path).hasPrefix("invalid"))
    }

    @Test func `a base path is completed with slashes`() {
        #expect(describe("/a", base: "/") == "stream a")
        #expect(describe("/", base: "/") == "invalid \(StreamPathError.empty)")
        #expect(describe("/streams/a", base: "streams") == "stream a")
    }
}
