let allTargets: [any FuzzTarget.Type] = [
    RecordTarget.self, JSONTarget.self, PathTarget.self, ContentTypeTarget.self, TimeTarget.self, OffsetTarget.self,
    QueryTarget.self, HeaderTarget.self,
]

extension UnsafeRawBufferPointer {
    /// As a server reads text from the wire: what is no UTF-8 becomes a replacement character.
    var text: String { String(decoding: self, as: UTF8.self) }
}
