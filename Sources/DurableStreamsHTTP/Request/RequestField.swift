/// The header fields of a request that mean something to the protocol.
enum RequestField: UInt32 {
    case contentType, contentEncoding, acceptEncoding, ifNoneMatch, host, forwardedProtocol, forwardedHost
    case streamClosed, streamTimeToLive, streamExpiresAt, streamSequence
    case producerIdentifier, producerEpoch, producerSequence
    case streamForkedFrom, streamForkOffset, streamForkSubOffset

    /// Nil for every other name. The length decides which one or two names it could be.
    init?(name: UnsafeRawBufferPointer) {
        switch name.count {
        case 4 where Self.equal(name, "host"): self = .host
        case 10 where Self.equal(name, "stream-seq"): self = .streamSequence
        case 10 where Self.equal(name, "stream-ttl"): self = .streamTimeToLive
        case 11 where Self.equal(name, "producer-id"): self = .producerIdentifier
        case 12 where Self.equal(name, "content-type"): self = .contentType
        case 12 where Self.equal(name, "producer-seq"): self = .producerSequence
        case 13 where Self.equal(name, "stream-closed"): self = .streamClosed
        case 13 where Self.equal(name, "if-none-match"): self = .ifNoneMatch
        case 14 where Self.equal(name, "producer-epoch"): self = .producerEpoch
        case 15 where Self.equal(name, "accept-encoding"): self = .acceptEncoding
        case 16 where Self.equal(name, "content-encoding"): self = .contentEncoding
        case 16 where Self.equal(name, "x-forwarded-host"): self = .forwardedHost
        case 17 where Self.equal(name, "stream-expires-at"): self = .streamExpiresAt
        case 17 where Self.equal(name, "x-forwarded-proto"): self = .forwardedProtocol
        case 18 where Self.equal(name, "stream-forked-from"): self = .streamForkedFrom
        case 18 where Self.equal(name, "stream-fork-offset"): self = .streamForkOffset
        case 22 where Self.equal(name, "stream-fork-sub-offset"): self = .streamForkSubOffset
        default: return nil
        }
    }

    /// `known` is in lower case and holds only letters and `-`, neither of which bit 5 turns into another.
    @inline(__always)
    private static func equal(_ name: UnsafeRawBufferPointer, _ known: StaticString) -> Bool {
        let known = known.utf8Start
        for index in 0..<name.count where name[index] | 0x20 != known[index] { return false }
        return true
    }

    /// Which fields have been seen.
    struct Set: ExpressibleByArrayLiteral, Sendable {
        private var bits: UInt32 = 0

        init(arrayLiteral elements: RequestField...) {
            for element in elements { insert(element) }
        }

        /// False if it was in the set already.
        @discardableResult
        mutating func insert(_ field: RequestField) -> Bool {
            let bit: UInt32 = 1 << field.rawValue
            defer { bits |= bit }
            return bits & bit == 0
        }
    }
}
