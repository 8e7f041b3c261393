@testable import DurableStreamsHTTP
import DurableStreamsWire
import Testing

@Suite struct EntityTagTests {
    private static let tag = EntityTag(
        streamNumber: 26, createdAtMilliseconds: 255, start: 0, end: 4_096, isClosedAtEnd: false, coding: .identity)
    private static let text = "\"1a-ff-0-1000\""

    private static func write(_ tag: EntityTag) -> String {
        String(unsafeUninitializedCapacity: EntityTag.byteCountLimit) { memory in
            var writer = RawByteWriter(UnsafeMutableRawBufferPointer(memory))
            tag.write(into: &writer)
            return writer.count
        }
    }

    @Test func `everything that makes a representation another one is in the tag`() {
        var tags = [Self.tag]
        tags.append(Self.tag.with { $0.streamNumber = 27 })
        tags.append(Self.tag.with { $0.createdAtMilliseconds = 254 })
        tags.append(Self.tag.with { $0.start = 1 })
        tags.append(Self.tag.with { $0.end = 4_097 })
        tags.append(Self.tag.with { $0.isClosedAtEnd = true })
        tags.append(Self.tag.with { $0.coding = .gzip })
        tags.append(Self.tag.with { $0.coding = .deflate })
        #expect(Self.write(Self.tag) == Self.text)
        #expect(Set(tags.map(Self.write)).count == tags.count)
    }

    @Test func `the longest tag fits`() {
        let longest = EntityTag(
            streamNumber: .max, createdAtMilliseconds: -1, start: .max, end: .max, isClosedAtEnd: true, coding: .gzip)
        #expect(Self.write(longest).utf8.count == EntityTag.byteCountLimit)
    }

    @Test(arguments: [
        text, "W/" + text, "*", " * ", "\"x\", " + text, text + ",\"x\"", "\"a,b\" ,\tW/\"c\",,W/" + text, ", " + text,
        "\"\"," + text,
    ])
    func `a list that names the tag, weakly or not, matches`(field: String) {
        #expect(Self.tag.isNamed(by: HeaderValue.trimmed(field)))
    }

    @Test(arguments: [
        "", "\"x\"", "1a-ff-0-1000", "\"1a-ff-0-1000", "\"1A-ff-0-1000\"", "w/" + text, "W/ " + text, "*, \"x\"",
        "\"x\" " + text, "x, " + text, "W/", "W/\"", "\"1a-ff-0-1000-g\"", "\"",
    ])
    func `another list does not`(field: String) {
        #expect(!Self.tag.isNamed(by: field))
    }
}

extension EntityTag {
    fileprivate func with(_ change: (inout EntityTag) -> Void) -> EntityTag {
        var tag = self
        change(&tag)
        return tag
    }
}
