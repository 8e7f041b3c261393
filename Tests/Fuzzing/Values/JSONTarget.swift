/// Bodies of JSON streams. What is taken is stored as messages that are taken again, as many, and found by the scanner.
enum JSONTarget: FuzzTarget {
    static let name = "json"

    static func seeds() -> [[UInt8]] {
        [
            #"{"a":[1,-2.5e+7,true,false,null,"x\u00e9\n"],"b":{}}"#, #"[1, "two" ,{"three":3}, [ ], "\ud83d\ude00"]"#,
            "[]", " 0 ", #"["\"\\\/\b\f\n\r\t"]"#, "[[[[[[[[]]]]]]]]", "\u{FEFF}1", #"["é😀"]"#,
        ].map { Array($0.utf8) }
    }

    static func run(_ bytes: UnsafeRawBufferPointer) {
        guard let batch = try? JSONBatch.parse(bytes) else { return }
        var stored = [UInt8](repeating: 0, count: batch.storedByteCount)
        stored.withUnsafeMutableBytes { batch.write(into: $0, from: bytes) }
        if let range = batch.contiguousRange, !stored.isEmpty {
            expect(Array(bytes[range]) == stored.dropLast(), "the messages are not side by side")
        }
        let array = [UInt8(ascii: "[")] + stored.dropLast() + [UInt8(ascii: "]")]
        array.withUnsafeBytes { array in
            guard let again = try? JSONBatch.parse(array) else { fail("what is stored is not taken again") }
            expect(again.messageCount == batch.messageCount, "other messages are stored")
            expect(again.parts == batch.parts, "other parts are stored")
        }
        stored.withUnsafeBytes { stored in
            for part in batch.parts { expect(JSONMessageScanner.isBoundary(at: part, in: stored), "a part ends in a message") }
            expect(JSONMessageScanner.boundary(after: batch.messageCount, in: stored) == stored.count, "too few messages")
            expect(JSONMessageScanner.boundary(after: batch.messageCount + 1, in: stored) == nil, "too many messages")
        }
    }
}
