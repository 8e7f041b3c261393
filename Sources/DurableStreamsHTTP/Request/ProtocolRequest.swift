/// A request as far as the protocol looks at it: a plain value that a transport fills in one pass over the header.
///
/// Fields that the protocol does not know are dropped at once.
public struct ProtocolRequest: Sendable {
    public enum Method: Sendable, Equatable {
        case get, post, put, delete, head, options
        /// Any other one; answered with 405.
        case other(String)
    }

    public let method: Method

    /// The request target in origin form, as it stood in the request line: path and query.
    public let target: String

    var contentType: String?
    /// The body has a content coding other than identity.
    var hasContentCoding = false
    var acceptEncoding: String?
    var ifNoneMatch: String?
    var host: String?
    var closes = false
    var timeToLive = HeaderNumber.absent
    var sequence: String?
    var producerIdentifier: String?
    var producerEpoch = HeaderNumber.absent
    var producerSequence = HeaderNumber.absent

    /// A field of the protocol occurred twice.
    private(set) var hasRepeatedField = false
    /// A field that is stored or compared was not UTF-8.
    private(set) var hasInvalidText = false

    private var seen: RequestField.Set = []
    /// Fields that few requests have, kept apart so that the others stay small.
    private var rare: [RequestField: String]?

    var forwardedProtocol: String? { rare?[.forwardedProtocol] }
    var forwardedHost: String? { rare?[.forwardedHost] }
    var expiresAt: String? { rare?[.streamExpiresAt] }
    var forkedFrom: String? { rare?[.streamForkedFrom] }
    var forkOffset: String? { rare?[.streamForkOffset] }
    var forkSubOffset: String? { rare?[.streamForkSubOffset] }

    public init(method: Method, target: String) {
        self.method = method
        self.target = target
    }

    /// Takes one field line. Names are compared without regard to case; white space around the value is dropped.
    /// Bytes of the value that are not UTF-8 must have become U+FFFD.
    public mutating func addHeader(name: String, value: String) {
        var name = name
        guard let field = name.withUTF8({ RequestField(name: UnsafeRawBufferPointer($0)) }), note(field) else { return }
        set(field, to: value)
    }

    /// The same for a transport that has the bytes: no text is made of what nobody asks for.
    public mutating func addHeader(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        guard let field = RequestField(name: name), note(field) else { return }
        set(field, to: Self.text(of: value, in: field))
    }

    /// Whether the value of a field matters: it does the first time, to methods that look at it.
    private mutating func note(_ field: RequestField) -> Bool {
        guard seen.insert(field) else {
            // Proxies in a row may each add theirs; the first one, of the proxy nearest to the client, counts.
            if field != .forwardedProtocol, field != .forwardedHost { hasRepeatedField = true }
            return false
        }
        switch field {
        case .host: return method == .put
        case .acceptEncoding, .ifNoneMatch: return method == .get
        default: return true
        }
    }

    /// What clients send again and again takes no memory.
    private static func text(of value: UnsafeRawBufferPointer, in field: RequestField) -> String {
        if field == .contentType {
            for known in commonContentTypes where known.utf8.count == value.count {
                if known.utf8.elementsEqual(value) { return known }
            }
        }
        return String(decoding: value, as: UTF8.self)
    }

    private static let commonContentTypes = ["application/json", "application/octet-stream"]

    private mutating func set(_ field: RequestField, to value: String) {
        let value = HeaderValue.trimmed(value)
        switch field {
        case .contentType: contentType = checkedText(value)
        case .contentEncoding: hasContentCoding = !HeaderValue.isIdentityOrEmpty(value)
        case .acceptEncoding: acceptEncoding = value
        case .ifNoneMatch: ifNoneMatch = value
        case .host: host = value
        case .streamClosed: closes = HeaderValue.isTrue(value)
        case .streamTimeToLive: timeToLive = HeaderNumber(value, allowsLeadingZeros: false)
        case .streamSequence: sequence = checkedText(value)
        case .producerIdentifier: producerIdentifier = checkedText(value)
        case .producerEpoch: producerEpoch = HeaderNumber(value, allowsLeadingZeros: true)
        case .producerSequence: producerSequence = HeaderNumber(value, allowsLeadingZeros: true)
        case .forwardedProtocol, .forwardedHost, .streamExpiresAt, .streamForkedFrom, .streamForkOffset,
            .streamForkSubOffset:
            rare = rare ?? [:]
            rare?[field] = value
        }
    }

    private mutating func checkedText(_ value: String) -> String {
        if HeaderValue.holdsReplacementCharacter(value) { hasInvalidText = true }
        return value
    }
}
