import Testing

@testable import DurableStreams

@Suite struct JSONMessageScannerTests {
    @Test func `a comma inside a string, an array or an object ends no message`() {
        let stored = #"1,"a,b\",c\\",[1,2,[3,4]],{"x":1,"y":",]}"},"","#
        #expect(boundaries(of: stored) == [0, 2, 14, 26, 44, 47])
    }

    @Test func `the start is always a boundary, what lies outside never`() {
        #expect(isBoundary(0, ""))
        #expect(!isBoundary(1, ""))
        #expect(isBoundary(0, "12,"))
        #expect(!isBoundary(-1, "12,"))
        #expect(!isBoundary(4, "12,"))
    }

    @Test func `the end is a boundary only behind the comma of a message`() {
        #expect(isBoundary(3, "12,"))
        #expect(!isBoundary(2, "12"))
        #expect(!isBoundary(3, "[1,"))
        #expect(!isBoundary(3, "\"1,"))
        #expect(!isBoundary(4, #""\","#))
    }

    @Test func `bytes behind the offset do not matter`() {
        #expect(isBoundary(4, "1,2,\"cut o"))
        #expect(isBoundary(4, "1,2,[[[[[["))
        #expect(!isBoundary(5, "1,2,]"))
    }

    @Test(arguments: [",,", "]],]", "\"", "\\", "\"\\", "}{,,", "\u{FFFD},", "\"\"\"\",", "]},[,", "\"zzzzzzz\\"])
    func `bytes that were never stored give some answer`(garbage: String) {
        for offset in 0...garbage.utf8.count {
            _ = isBoundary(offset, garbage)
            _ = boundary(after: offset, garbage)
        }
    }

    @Test func `a number of messages ends at the offset behind their commas`() {
        let stored = #"1,"a,b",[1,2],"#
        #expect((0...4).map { boundary(after: $0, stored) } == [0, 2, 8, 14, nil])
        #expect(boundary(after: -1, stored) == nil)
        #expect(boundary(after: 0, "") == 0)
        #expect(boundary(after: 1, "") == nil)
        #expect(boundary(after: 2, "1,2") == nil)
    }

    @Test(arguments: [21, 22, 23, 24] as [UInt64])
    func `random messages begin where they were put and nowhere else`(seed: UInt64) {
        var random = RandomJSON(seed: seed)
        let messages = (0..<12).map { _ in random.value(depth: 3, density: 15) }
        var starts = [0]
        for message in messages {
            starts.append(starts[starts.count - 1] + message.utf8.count + 1)
        }
        let stored = messages.map { $0 + "," }.joined()
        #expect(boundaries(of: stored) == starts, "seed \(seed): \(stored)")
        #expect((0...messages.count).map { boundary(after: $0, stored) } == starts)
        #expect(boundary(after: messages.count + 1, stored) == nil)
    }

    @Test func `a quote or a backslash is noticed at every place of a word`() {
        for length in 0..<20 {
            let plain = String(repeating: "z", count: length)
            for special in [#"\""#, #"\\"#, ",", "é", #"\\\","#] {
                let message = "\"\(plain)\(special)\(plain)\""
                let stored = "\(message),1,"
                #expect(boundaries(of: stored) == [0, message.utf8.count + 1, message.utf8.count + 3])
            }
        }
    }

    private func boundaries(of stored: String) -> [Int] {
        (0...stored.utf8.count).filter { isBoundary($0, stored) }
    }

    private func isBoundary(_ offset: Int, _ stored: String) -> Bool {
        Array(stored.utf8).withUnsafeBytes { JSONMessageScanner.isBoundary(at: offset, in: $0) }
    }

    private func boundary(after messageCount: Int, _ stored: String) -> Int? {
        Array(stored.utf8).withUnsafeBytes { JSONMessageScanner.boundary(after: messageCount, in: $0) }
    }
}
