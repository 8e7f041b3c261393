/// Header fields in the order of the wire, with their own spelling, duplicates included.
struct HeaderList: ExpressibleByDictionaryLiteral, Sendable, CustomStringConvertible {
    struct Field: Sendable {
        var name: String
        var value: String
    }

    var fields: [Field] = []

    init(_ fields: [Field] = []) {
        self.fields = fields
    }

    init(dictionaryLiteral elements: (String, String)...) {
        fields = elements.map { Field(name: $0.0, value: $0.1) }
    }

    /// The value of the only field of this name; several are joined as RFC 9110 section 5.3 says.
    subscript(name: String) -> String? {
        let values = all(name)
        return values.isEmpty ? nil : values.joined(separator: ", ")
    }

    func all(_ name: String) -> [String] {
        let wanted = name.lowercased()
        return fields.filter { $0.name.lowercased() == wanted }.map(\.value)
    }

    /// The comma-separated members of all fields of this name, in lower case.
    func members(_ name: String) -> Set<String> {
        let members = all(name).flatMap { $0.split(separator: ",") }
        return Set(members.map { $0.trimmingSpaces().lowercased() })
    }

    mutating func append(_ name: String, _ value: String) {
        fields.append(Field(name: name, value: value))
    }

    static func + (left: HeaderList, right: HeaderList) -> HeaderList {
        HeaderList(left.fields + right.fields)
    }

    var description: String {
        fields.map { "\($0.name): \($0.value)" }.joined(separator: "\n")
    }
}

extension StringProtocol {
    /// Without the spaces and tabs at both ends (the optional white space of RFC 9110).
    func trimmingSpaces() -> String {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        let tail = drop(while: isSpace)
        guard let last = tail.lastIndex(where: { !isSpace($0) }) else { return "" }
        return String(tail[...last])
    }
}
