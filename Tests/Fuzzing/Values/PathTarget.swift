/// Stream paths and request targets. A path that is taken is normal: it is taken as it is.
enum PathTarget: FuzzTarget {
    static let name = "path"

    static func seeds() -> [[UInt8]] {
        ["a/b/c", "/v1/stream/a%20b", "/v1/stream/%c3%a9/~x?offset=now", "a//b", "./..", "%2e%2E/x", "__ds/x", "é"].map {
            Array($0.utf8)
        }
    }

    static func run(_ bytes: UnsafeRawBufferPointer) {
        let text = bytes.text
        if let path = try? StreamPath(text) {
            expect((try? StreamPath(path.text))?.text == path.text, "a path is not normal: \(path)")
            expect(path.text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "a path is not printable ASCII")
            expect(path.text.utf8.count <= StreamPath.byteCountLimit, "a path is too long")
        }
        for base in [BasePath("/v1/stream"), BasePath("/")] {
            let isOwned = base.owns(text)
            switch RequestTarget(text, base: base) {
            case .outside: expect(!isOwned, "outside, and yet owned")
            case .reserved, .invalid: expect(isOwned, "not owned, and yet judged")
            case .stream(let path, let query):
                expect(isOwned, "not owned, and yet a stream")
                expect((try? StreamPath(path.text)) == path, "a path is not normal")
                if let query { expect(Array(text.utf8).suffix(query.utf8.count) == Array(query.utf8)[...], "a query is not the end of the target") }
            }
        }
    }
}
