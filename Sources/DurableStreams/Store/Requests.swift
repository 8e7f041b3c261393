public import SegmentedLog

/// What a new stream is to be.
public struct CreateRequest: Sendable {
    public var path: StreamPath
    /// Nil for ``ContentType/octetStream``, or for a fork that of its source.
    public var contentType: ContentType?
    /// Nil for none, or for a fork that of its source.
    public var lifetime: Lifetime?
    /// Whether the stream is complete with its first content.
    public var closed: Bool
    /// How much of the stream is to be kept. Nil for what the store's configuration says, now and later; and where the
    /// stream exists, for whatever it has.
    public var retention: Retention?
    /// When the stream was created, if that was elsewhere: it comes from an archive. Nil for now.
    package var createdAt: WallClockTime?
    /// What the stream goes on from, if it is to be a fork.
    public var fork: ForkRequest?

    public init(
        path: StreamPath, contentType: ContentType? = nil, lifetime: Lifetime? = nil, closed: Bool = false,
        retention: Retention? = nil, fork: ForkRequest? = nil
    ) {
        self.path = path
        self.contentType = contentType
        self.lifetime = lifetime
        self.closed = closed
        self.retention = retention
        self.fork = fork
    }
}

/// Where a fork is to go on from another stream. It inherits what is before that by reference, and keeps it whatever
/// becomes of the other stream.
public struct ForkRequest: Sendable, Hashable {
    public var source: StreamPath
    /// Nil for the source's tail. At most that, and in a JSON stream where a message begins or ends.
    public var offset: StreamPosition?
    /// So many bytes, or in a JSON stream messages, behind the offset: not beyond the end of the append that is there. Only
    /// with an offset.
    public var subOffset: UInt64

    public init(source: StreamPath, offset: StreamPosition? = nil, subOffset: UInt64 = 0) {
        self.source = source
        self.offset = offset
        self.subOffset = subOffset
    }
}

/// A stream that was created, or was there with the same configuration.
public struct CreateReceipt: Sendable {
    /// False if it was there before: nothing has changed then.
    public var isNew: Bool
    public var contentType: ContentType
    public var tail: StreamPosition
    public var isClosed: Bool
}

/// How something is to be appended.
public struct AppendRequest: Sendable {
    /// Compared with the stream's. Nil is not compared: for programs that know what they append to.
    public var contentType: ContentType?
    /// Whether the stream ends with this append. Data and end become visible together.
    public var closes: Bool
    /// Must be greater, byte by byte, than that of the last append that gave one.
    public var sequence: String?
    /// Makes retries of this append harmless.
    public var producer: ProducerStamp?

    public init(
        contentType: ContentType? = nil, closes: Bool = false, sequence: String? = nil, producer: ProducerStamp? = nil
    ) {
        self.contentType = contentType
        self.closes = closes
        self.sequence = sequence
        self.producer = producer
    }
}

/// Numbers an append among those of its producer.
public struct ProducerStamp: Sendable, Hashable {
    public var identifier: String
    public var epoch: UInt64
    public var sequence: UInt64

    public init(identifier: String, epoch: UInt64, sequence: UInt64) {
        self.identifier = identifier
        self.epoch = epoch
        self.sequence = sequence
    }

    /// Identifiers are compared byte by byte.
    public static func == (left: ProducerStamp, right: ProducerStamp) -> Bool {
        left.epoch == right.epoch && left.sequence == right.sequence
            && ProducerIdentifier(left.identifier) == ProducerIdentifier(right.identifier)
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(ProducerIdentifier(identifier))
        hasher.combine(epoch)
        hasher.combine(sequence)
    }
}

/// The last append of a producer that was accepted.
public struct ProducerState: Sendable, Hashable {
    public var epoch: UInt64
    public var sequence: UInt64

    public init(epoch: UInt64, sequence: UInt64) {
        self.epoch = epoch
        self.sequence = sequence
    }
}

/// What became of an append. It is durable.
public struct AppendReceipt: Sendable {
    public enum Kind: Sendable {
        /// The payload was appended; ``AppendReceipt/isClosed`` tells whether the stream was closed with it.
        case appended
        /// The stream was closed, without a payload.
        case closed
        /// The stream was closed before, and there was nothing else to do.
        case alreadyClosed
        /// The producer's append had been accepted before.
        case duplicate
    }

    public var kind: Kind
    /// The end of the stream after the append.
    public var tail: StreamPosition
    public var isClosed: Bool
    /// The producer's state after the append, if it named one.
    public var producer: ProducerState?
}
