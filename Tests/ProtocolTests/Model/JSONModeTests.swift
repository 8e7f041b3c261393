import Testing

extension BlackBox {
    /// Section 1.2.
    @Suite struct `JSON mode` {
        /// A body, and what reads return after it.
        static let bodies: [(body: String, stored: String)] = [
            ("{\"a\":1}", "[{\"a\":1}]"),
            ("[1,2]", "[1,2]"),
            ("[[1,2]]", "[[1,2]]"),
            ("[[1,2],[3]]", "[[1,2],[3]]"),
            ("[[[1]]]", "[[[1]]]"),
            ("[[]]", "[[]]"),
            ("[{}]", "[{}]"),
            ("[[],{},\"\",0]", "[[],{},\"\",0]"),
            ("{}", "[{}]"),
            ("null", "[null]"), ("true", "[true]"), ("false", "[false]"), ("0", "[0]"), ("\"\"", "[\"\"]"),
            // Spellings of numbers.
            ("[1.0,1e5,1E+2,1e-7,-0,-0.0,0.10]", "[1.0,1e5,1E+2,1e-7,-0,-0.0,0.10]"),
            ("123456789012345678901234567890.12345678901234567", "[123456789012345678901234567890.12345678901234567]"),
            ("1e999999", "[1e999999]"),
            // Keys.
            ("{\"b\":1,\"a\":2,\"b\":3}", "[{\"b\":1,\"a\":2,\"b\":3}]"),
            // Escapes.
            ("\"\\u0041\\/\\b\\f\\n\\r\\t\\\"\"", "[\"\\u0041\\/\\b\\f\\n\\r\\t\\\"\"]"),
            ("\"\\\\\\u00e9\\u0000\"", "[\"\\\\\\u00e9\\u0000\"]"),
            ("[\"a,b]\",\"[\",\"\\\"]\"]", "[\"a,b]\",\"[\",\"\\\"]\"]"),
            // Lone surrogates, and pairs in both cases of hex digits.
            ("\"\\ud800\"", "[\"\\ud800\"]"), ("\"\\uDFFF\\uD800x\"", "[\"\\uDFFF\\uD800x\"]"),
            ("\"\\ud83d\\uDE00\"", "[\"\\ud83d\\uDE00\"]"),
            // Text beyond ASCII, and what JSON strings may contain unescaped.
            ("\"é漢字😀\"", "[\"é漢字😀\"]"), ("\"\u{2028}\u{7f}\u{85}\"", "[\"\u{2028}\u{7f}\u{85}\"]"),
            ("\"\u{fffd}\u{ffff}\u{10ffff}\"", "[\"\u{fffd}\u{ffff}\u{10ffff}\"]"),
            ("{\"ключ\":\"e\u{301}\"}", "[{\"ключ\":\"e\u{301}\"}]"),
            // White space outside messages is dropped, inside it stays.
            (" \t\r\n[ 1 ,\n2\t,\r\n3 ] \n", "[1,2,3]"),
            ("  {\"a\":1}  ", "[{\"a\":1}]"),
            ("{ \"a\" : [ 1 , 2 ] }", "[{ \"a\" : [ 1 , 2 ] }]"),
            ("[ [ 1 , 2 ] , { \"a\" : 1 } ]", "[[ 1 , 2 ],{ \"a\" : 1 }]"),
        ]

        static let invalid: [[UInt8]] =
            [
                "{", "}", "[", "]", "[1", "[1,", "[1,]", "[,1]", "[,]", "[1,,2]", "[1 2]", "{\"a\":1,}", "{\"a\"}",
                "{\"a\":}", "{\"a\" 1}", "{:1}", "{a:1}", "{1:1}", "{\"a\":1 \"b\":2}", "{'a':1}", "{\"a\":1]", "[1}",
                "01", "-01", "1.", ".5", "+1", "-", "--1", "1e", "1e+", "1.e5", "0x10", "1_000", "NaN", "Infinity",
                "-Infinity", "nul", "nulll", "True", "TRUE", "undefined", "'a'", "\"a", "\"", "\"\\\"", "\"\\x41\"",
                "\"\\u12\"", "\"\\u123g\"", "\"\\", "\"\\a\"", "\"a\tb\"", "\"a\nb\"", "\"a\u{0}b\"", "\"\u{1f}\"",
                "1 2", "[1] [2]", "{}{}", "[1],", ",[1]", "1,2", "// comment\n1", "/* comment */ 1", "# 1",
                "\u{feff}1", "\u{feff}[1]", "\u{b}1", "\u{c}1", "\u{a0}1", "1\u{0}", "[1]\u{0}", "\u{0}", " ",
                "\n\t\r ", "\u{1e}{\"a\":1}\n", "{\"a\":1}\n{\"a\":2}", "<a/>", "a=b",
            ].map { Array($0.utf8) } + [
                [0x22, 0xff, 0x22], [0x22, 0x80, 0x22], [0x22, 0xc0, 0xaf, 0x22], [0x22, 0xe0, 0x80, 0x80, 0x22],
                [0x22, 0xed, 0xa0, 0x80, 0x22], [0x22, 0xf4, 0x90, 0x80, 0x80, 0x22],
                [0x22, 0xf8, 0x88, 0x80, 0x80, 0x80, 0x22], [0x22, 0xe2, 0x82, 0x22], [0x22, 0xc3, 0x22], [0xff],
                [0xfe, 0xff, 0x00, 0x31], [0xff, 0xfe, 0x31, 0x00], [0x5b, 0x31, 0x5d, 0xc3],
            ]

        @Test(arguments: bodies)
        func `A body becomes messages and comes back with its own bytes`(body: String, stored: String) async throws {
            let appended = try await TestStream.create("application/json")
            try await appended.appendSuccessfully(.text(body))
            #expect(try await appended.read().text.utf8.elementsEqual(stored.utf8))

            let created = try await TestStream.create("application/json", body: .text(body))
            #expect(try await created.read().text.utf8.elementsEqual(stored.utf8))
        }

        @Test(arguments: invalid)
        func `A body that is not valid JSON is 400 and changes nothing`(body: [UInt8]) async throws {
            let stream = try await TestStream.create("application/json", body: "1")
            let tail = try await stream.tail()
            expectStatus(try await stream.append(.bytes(body)), 400)
            expectStatus(try await stream.append(.bytes(body), ["Stream-Closed": "true"]), 400)
            let after = try await stream.read()
            #expect(after.text == "[1]")
            expectHeader(after, "Stream-Next-Offset", tail)
            expectHeader(after, "Stream-Closed", nil)

            let uncreated = try TestStream.unused("application/json")
            expectStatus(try await uncreated.put(body: .bytes(body)), 400)
            expectStatus(try await uncreated.head(), 404)
        }

        @Test(arguments: ["[]", "[ ]", " \n[\t]\r\n"])
        func `Appending an empty array is 400, creating with one creates an empty stream`(body: String) async throws {
            let stream = try await TestStream.create("application/json", body: .text(body))
            let created = try await stream.read()
            #expect(created.text == "[]")
            expectHeader(created, "Stream-Next-Offset", TestStream.start)
            expectStatus(try await stream.append(.text(body)), 400)
            expectStatus(try await stream.append(.text(body), ["Stream-Closed": "true"]), 400)
            expectHeader(try await stream.head(), "Stream-Closed", nil)
            expectHeader(try await stream.head(), "Stream-Next-Offset", TestStream.start)
        }

        @Test func `Nesting of 10,000 is accepted and more is 400`() async throws {
            let stream = try await TestStream.create("application/json")
            let nested: (Int, String, String) -> RequestBody = { depth, opening, closing in
                .text(String(repeating: opening, count: depth) + "1" + String(repeating: closing, count: depth))
            }
            expectStatus(try await stream.append(nested(10_000, "[", "]")), 204)
            expectStatus(try await stream.append(nested(10_000, "{\"a\":", "}")), 204)
            let tail = try await stream.tail()
            expectStatus(try await stream.append(nested(10_001, "[", "]")), 400)
            expectStatus(try await stream.append(nested(10_001, "{\"a\":", "}")), 400)
            expectStatus(try await stream.append(nested(1_000_000, "[", "]")), 400)
            expectStatus(try await stream.append(.text(String(repeating: "[", count: 3_000_000))), 400)
            #expect(try await stream.tail() == tail)
            #expect(try await stream.readMessages().count == 2)
        }

        @Test(arguments: [
            "application/json", "application/json; charset=utf-8", "application/json;charset=iso-8859-1",
            "Application/JSON", "APPLICATION/JSON;x=y", "application/json ; a=b",
        ])
        func `The media type alone decides, in any case and with any parameters`(type: String) async throws {
            let stream = try await TestStream.create(type)
            try await stream.appendSuccessfully("[1,2]")
            expectStatus(try await stream.append("{"), 400)
            let response = try await stream.read()
            #expect(response.text == "[1,2]")
            expectHeader(response, "Content-Type", type)
            #expect(try await stream.read("offset=now").text == "[]")
        }

        @Test(arguments: [
            "application/json-seq", "application/ld+json", "application/vnd.api+json", "text/json", "application/jsonl",
            "application/x-ndjson", "application/json5",
        ])
        func `Other types with json in their name are byte streams`(type: String) async throws {
            let stream = try await TestStream.create(type)
            try await stream.appendSuccessfully("[1, ")
            try await stream.appendSuccessfully("2]{")
            #expect(try await stream.read().text == "[1, 2]{")
        }

        @Test func `Messages come in append order, from any message on`() async throws {
            let stream = try await TestStream.create("application/json", body: "[\"a\", \"b\"]")
            let second = try await stream.tail()
            try await stream.appendSuccessfully(" {\"c\": 3} ")
            let third = try await stream.appendSuccessfully("[[4, 4], 5]")
            #expect(try await stream.read().text == "[\"a\",\"b\",{\"c\": 3},[4, 4],5]")
            #expect(try await stream.read("offset=\(second)").text == "[{\"c\": 3},[4, 4],5]")
            let last = try await stream.read("offset=\(third)")
            #expect(last.text == "[]")
            expectHeader(last, "Stream-Up-To-Date", "true")
        }

        @Test func `An append of many messages is one unit`() async throws {
            let stream = try await TestStream.create("application/json")
            let good = "[" + (0..<500).map(String.init).joined(separator: ",") + "]"
            let bad = good.dropLast() + ",oops]"
            expectStatus(try await stream.append(.text(bad)), 400)
            #expect(try await stream.read().text == "[]")
            try await stream.appendSuccessfully(.text(good))
            #expect(try await stream.read().text == good)
        }
    }

    /// Sections 1.2 and 7.1, on a server with small chunks.
    @Suite(.server(ServerSettings { $0.chunkByteCountLimit = 2_048 }), .ownServerOnly)
    struct `JSON in chunks` {
        @Test func `A response never splits a message, not even one that is longer than a chunk`() async throws {
            let stream = try await TestStream.create("application/json")
            var random = SeededGenerator(seed: SeededGenerator.seed)
            var messages: [String] = []
            for number in 0..<60 {
                let size = number % 10 == 9 ? 5_000 : Int.random(in: 0..<600, using: &random)
                messages.append("{\"number\":\(number),\"text\":\"\(compressibleText(size))\"}")
            }
            for start in stride(from: 0, to: messages.count, by: 3) {
                let batch = messages[start..<(start + 3)].joined(separator: ",")
                try await stream.appendSuccessfully(.text("[\(batch)]"))
            }
            let chunks = try await stream.readChunks()
            #expect(chunks.count > 5)
            var read: [String] = []
            for chunk in chunks {
                read += try RawJSON.elements(of: chunk.body).map { String(decoding: $0, as: UTF8.self) }
            }
            #expect(read == messages)
        }
    }
}
