import SimulatedDisk
import Testing

@testable import DurableStreams

@Suite struct PathTableTests {
    private final class Value: PathKeyed, Sendable {
        let text: String
        init(_ text: String) { self.text = text }
        func withPathBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
            var text = text
            return text.withUTF8 { body(UnsafeRawBufferPointer($0)) }
        }
    }

    private func place(_ text: String, _ hash: UInt32, in table: PathTable<Value>) -> Int? {
        var text = text
        return text.withUTF8 { table.place(of: UnsafeRawBufferPointer($0), hash: hash) }
    }

    /// Hashes of so few kinds, at both ends of the table, that values crowd, and wrap around its end.
    @Test(arguments: [UInt32(1), 3, 40, 0xFFFF_FFFF])
    func `Whatever is inserted and removed, the table holds what a dictionary holds`(hashCount: UInt32) {
        var random = SeededGenerator(seed: UInt64(hashCount))
        var table = PathTable<Value>()
        var model: [String: Value] = [:]
        func hash(_ number: Int) -> UInt32 {
            let kind = UInt32(truncatingIfNeeded: number &* 0x9E37_79B9) % hashCount
            return number.isMultiple(of: 2) ? UInt32.max - kind : kind + 1
        }
        for _ in 0..<6_000 {
            let number = random.integer(below: 300)
            let text = "path/\(number)"
            if let place = place(text, hash(number), in: table) {
                #expect(table[place] === model[text])
                if random.chance(1, outOf: 2) {
                    table.remove(at: place)
                    model[text] = nil
                } else {
                    let value = Value(text)
                    table[place] = value
                    model[text] = value
                }
            } else {
                #expect(model[text] == nil)
                let value = Value(text)
                table.insert(value, hash: hash(number))
                model[text] = value
            }
            #expect(table.count == model.count)
        }
        for number in 0..<300 {
            let place = place("path/\(number)", hash(number), in: table)
            #expect(place.map { table[$0] } === model["path/\(number)"])
        }
        var found: Set<String> = []
        table.forEach { #expect(found.insert($0.text).inserted) }
        #expect(found == Set(model.keys))
    }

    @Test func `An empty table holds nothing`() {
        let table = PathTable<Value>()
        #expect(table.count == 0)
        #expect(place("a", 1, in: table) == nil)
    }
}
