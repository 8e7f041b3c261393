import Testing

extension BlackBox {
    /// Sections 3, 4 and 10: a body over the limit, on a server with a small one.
    @Suite(.server(ServerSettings { $0.bodyByteCountLimit = 10_000 }), .ownServerOnly)
    struct `A body limit` {
        static let fits = [UInt8](repeating: 0x61, count: 10_000)

        @Test func `A body of exactly the limit is accepted`() async throws {
            let stream = try await TestStream.create(body: .bytes(Self.fits))
            try await stream.appendSuccessfully(.bytes(Self.fits))
            let half = Array(Self.fits.prefix(5_000))
            try await stream.appendSuccessfully(.chunked([half, half]))
            #expect(try await stream.readBytes().count == 30_000)
        }

        @Test(arguments: [RequestBody.bytes(fits + [0x61]), .chunked([fits, [0x61]]), .chunked([[0x61], fits, fits])])
        func `A body over the limit is 413 and changes nothing`(body: RequestBody) async throws {
            let stream = try await TestStream.create(body: "x")
            expectStatus(try await stream.append(body), 413)
            expectStatus(try await stream.append(body, ["Stream-Closed": "true"]), 413)
            let read = try await stream.read()
            #expect(read.text == "x")
            expectHeader(read, "Stream-Closed", nil)

            let uncreated = try TestStream.unused()
            expectStatus(try await uncreated.put(body: body), 413)
            expectStatus(try await uncreated.head(), 404)
            expectStatus(try await uncreated.append(body), 404)
        }

        @Test func `An announced length over the limit is 413 before the body is sent`() async throws {
            let stream = try await TestStream.create()
            let headers: HeaderList = ["Content-Length": "10001", "Content-Type": "text/plain"]
            for extra in [[:], ["Expect": "100-continue"]] as [HeaderList] {
                let connection = try await Connection(to: stream.endpoint)
                try await connection.send(stream.request("POST", headers + extra).bytes(host: "x"))
                expectStatus(try await connection.receiveResponse(to: "POST"), 413)
            }
        }
    }
}
