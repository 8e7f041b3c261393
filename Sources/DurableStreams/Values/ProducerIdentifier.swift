/// Names a producer. Opaque: two are the same exactly if their bytes are, where Swift's strings are the same already if
/// they are different spellings of one text.
struct ProducerIdentifier: Hashable, Comparable, Sendable {
    let text: String

    init(_ text: String) { self.text = text }

    static func == (left: ProducerIdentifier, right: ProducerIdentifier) -> Bool {
        left.text.utf8.elementsEqual(right.text.utf8)
    }

    static func < (left: ProducerIdentifier, right: ProducerIdentifier) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }

    func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
