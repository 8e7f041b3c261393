/// Content types. One that is taken is taken as it is, and cannot end a header field.
enum ContentTypeTarget: FuzzTarget {
    static let name = "content-type"

    static func seeds() -> [[UInt8]] {
        ["application/json", " text/Plain ; charset=\"utf-8\"\t", "a/b;", "x", "é/é", "a/b; é"].map { Array($0.utf8) }
    }

    static func run(_ bytes: UnsafeRawBufferPointer) {
        guard let type = ContentType(bytes.text) else { return }
        expect(ContentType(type.text) == type, "a content type is taken as another one")
        expect(type.text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }, "a content type has control characters")
        expect(type.mediaType.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "a media type is not printable ASCII")
        expect(type.matches(type), "a content type does not match itself")
    }
}
