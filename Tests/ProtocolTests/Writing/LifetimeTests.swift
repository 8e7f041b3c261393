import Testing

extension BlackBox {
    /// Sections 3 and 6, what a lifetime may be.
    @Suite struct `Lifetimes` {
        @Test(arguments: ["1000", "3600", "86400", "31536000", "4294967296", "9007199254740991"])
        func `HEAD gives back a TTL as it was requested`(value: String) async throws {
            let stream = try await TestStream.create("text/plain", ["Stream-TTL": value])
            let head = try await stream.head()
            expectStatus(head, 200)
            expectHeader(head, "Stream-TTL", value)
            expectHeader(head, "Stream-Expires-At", nil)
        }

        @Test(arguments: [
            "", "-1", "-0", "+1", "01", "00", "007", "1.0", "1.", ".5", "1e3", "1E3", "1 2", "1,2", "0x10", "abc",
            "NaN", "Infinity", "1s", "9007199254740992", "18446744073709551616", "99999999999999999999999999", "٣",
            "１", "null", "true",
        ])
        func `A TTL that is no plain decimal up to 2^53 - 1 is 400`(value: String) async throws {
            let stream = try TestStream.unused()
            expectStatus(try await stream.put(["Stream-TTL": value]), 400)
            expectStatus(try await stream.head(), 404)
        }

        @Test(arguments: [
            "2099-01-01T00:00:00Z", "2099-01-01T00:00:00.5Z", "2099-01-01T00:00:00.123456789Z",
            "2099-06-30T23:59:59+02:00", "2099-06-30T23:59:59-11:30", "2096-02-29T00:00:00Z",
            "2099-01-01T00:00:00+00:00", "9999-12-31T23:59:59Z",
        ])
        func `HEAD gives back an expiry as it was requested`(value: String) async throws {
            let stream = try await TestStream.create("text/plain", ["Stream-Expires-At": value])
            let head = try await stream.head()
            expectStatus(head, 200)
            expectHeader(head, "Stream-Expires-At", value)
            expectHeader(head, "Stream-TTL", nil)
        }

        @Test(arguments: [
            "", "tomorrow", "2099", "2099-01-01", "2099-01-01T00:00:00", "2099-01-01T00:00Z", "00:00:00Z",
            "4070908800", "2099-13-01T00:00:00Z", "2099-00-01T00:00:00Z", "2099-01-32T00:00:00Z",
            "2099-02-29T00:00:00Z", "2099-01-01T24:00:01Z", "2099-01-01T00:60:00Z", "2099-01-01T00:00:61Z",
            "2099-01-01T00:00:00.Z", "2099-01-01T00:00:00+0200", "2099-01-01T00:00:00+2:00",
            "2099-01-01T00:00:00+24:00", "2099-01-01T00:00:00+02:60", "2099-1-1T0:0:0Z", "99-01-01T00:00:00Z",
            "2099-01-01T00:00:00Zx", "2099-01-01T00:00:00,5Z", "2099/01/01T00:00:00Z",
            "Thu, 01 Jan 2099 00:00:00 GMT", "20990101T000000Z", "-2099-01-01T00:00:00Z",
            "2099-01-01T00:00:00 +02:00",
        ])
        func `An expiry that is not RFC 3339 is 400`(value: String) async throws {
            let stream = try TestStream.unused()
            expectStatus(try await stream.put(["Stream-Expires-At": value]), 400)
            expectStatus(try await stream.head(), 404)
        }

        @Test func `Both lifetimes at once are 400`() async throws {
            let stream = try TestStream.unused()
            let both: HeaderList = ["Stream-TTL": "60", "Stream-Expires-At": "2099-01-01T00:00:00Z"]
            expectStatus(try await stream.put(both), 400)
            expectStatus(try await stream.head(), 404)
        }

        @Test(arguments: [
            ["Stream-TTL": "0"], ["Stream-Expires-At": "2001-01-01T00:00:00Z"],
            ["Stream-Expires-At": "1969-12-31T23:59:59Z"], ["Stream-Expires-At": "0001-01-01T00:00:00Z"],
        ] as [HeaderList])
        func `TTL 0 or an end in the past is 201 and expired at once`(headers: HeaderList) async throws {
            let stream = try TestStream.unused()
            expectStatus(try await stream.put(headers, body: "x"), 201)
            expectStatus(try await stream.read(), 404)
            expectStatus(try await stream.head(), 404)
            expectStatus(try await stream.put(), 201)
            #expect(try await stream.read().text == "")
        }
    }
}
