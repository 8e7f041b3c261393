import Testing

@testable import DurableStreams

/// The validator against a slow one, on many texts.
@Suite struct JSONReferenceTests {
    static let documents = [
        #"[{"a":[1,-0.5e+3,true],"b\u00e9\n":null} ,"é€😀", [] ]"#,
        #" {"k" : {"":"\\\"","n":[[0],{}]}, "z":false}"#,
        #"["\ud834\udd1e/\/", 1E5, 10.25,-7 , "abcdefghij"]"#,
        "\n          [ 1 ,\r\n\t2\n        ]\n",
    ]

    @Test(arguments: documents)
    func `a prefix is accepted exactly if it is a whole text`(_ document: String) {
        let bytes = Array(document.utf8)
        #expect(JSONBatch.error(of: bytes) == nil)
        for count in 0...bytes.count {
            expectSameOutcome(Array(bytes[..<count]))
        }
    }

    @Test func `only the full number is a number in each of its prefixes`() {
        let accepted = (0...8).filter { count in JSONBatch.error(of: String("-12.5e+3".prefix(count))) == nil }
        #expect(accepted == [2, 3, 5, 8])
    }

    @Test(arguments: documents)
    func `a changed byte has the verdict of the reference`(_ document: String) {
        var bytes = Array(document.utf8)
        for offset in bytes.indices {
            let original = bytes[offset]
            for changed in UInt8.min...UInt8.max {
                bytes[offset] = changed
                expectSameOutcome(bytes)
            }
            bytes[offset] = original
        }
    }

    @Test(arguments: documents)
    func `a missing, doubled or swapped byte has the verdict of the reference`(_ document: String) {
        let bytes = Array(document.utf8)
        for offset in bytes.indices {
            var changed = bytes
            changed.remove(at: offset)
            expectSameOutcome(changed)
            changed = bytes
            changed.insert(bytes[offset], at: offset)
            expectSameOutcome(changed)
            if offset > 0 {
                changed = bytes
                changed.swapAt(offset, offset - 1)
                expectSameOutcome(changed)
            }
        }
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `random texts keep their messages byte for byte`(seed: UInt64) throws {
        var random = RandomJSON(seed: seed)
        for _ in 0..<60 {
            let density = [0, 20, 80][random.below(3)]
            let messages = (0..<random.below(8)).map { _ in random.value(depth: 3, density: density) }
            let body = random.array(of: messages, density: [0, 30, 100][random.below(3)])
            let stored = messages.map { $0 + "," }.joined()
            if JSONBatch.stored(body) != stored {
                Issue.record("seed \(seed): \(body) should be stored as \(stored)")
            }
            #expect(try JSONBatch.parse(Array(body.utf8)).messageCount == messages.count)
            expectSameOutcome(Array(body.utf8))
        }
    }

    @Test(arguments: [5, 6, 7] as [UInt64])
    func `random damage has the verdict of the reference`(seed: UInt64) {
        var random = RandomJSON(seed: seed)
        for _ in 0..<300 {
            let messages = (0..<random.below(4)).map { _ in random.value(depth: 2, density: 20) }
            var bytes = Array(random.array(of: messages, density: 20).utf8)
            for _ in 0...random.below(3) {
                let damaged = random.below(bytes.count)
                let replacement = Array("[]{},:\"\\0.e-tu \n\u{1}".utf8)
                bytes[damaged] =
                    random.below(3) == 0
                    ? UInt8(random.below(256)) : replacement[random.below(replacement.count)]
            }
            expectSameOutcome(bytes)
        }
    }

    private func expectSameOutcome(_ bytes: [UInt8]) {
        let expected = ReferenceJSON.messages(of: bytes).map(ReferenceJSON.stored)
        let actual = JSONBatch.stored(bytes)
        if actual != expected {
            Issue.record("\(String(decoding: bytes, as: UTF8.self)) \(bytes): \(actual as Any) for \(expected as Any)")
        }
    }
}
