import DurableStreamsWire
import HTTPTypes

/// The header fields of a response that vary.
enum ResponseField {
    case contentType, nextOffset, upToDate, closed, cursor, entityTag, cacheControl, vary, contentEncoding
    case location, timeToLive, expiresAt, eventDataEncoding, proxyBuffering, allow, retryAfter
    case producerEpoch, producerSequence, producerExpectedSequence, producerReceivedSequence

    /// The beginning of the field line.
    @inline(__always)
    var linePrefix: StaticString {
        switch self {
        case .contentType: "Content-Type: "
        case .nextOffset: "Stream-Next-Offset: "
        case .upToDate: "Stream-Up-To-Date: "
        case .closed: "Stream-Closed: "
        case .cursor: "Stream-Cursor: "
        case .entityTag: "ETag: "
        case .cacheControl: "Cache-Control: "
        case .vary: "Vary: "
        case .contentEncoding: "Content-Encoding: "
        case .location: "Location: "
        case .timeToLive: "Stream-TTL: "
        case .expiresAt: "Stream-Expires-At: "
        case .eventDataEncoding: "Stream-SSE-Data-Encoding: "
        case .proxyBuffering: "X-Accel-Buffering: "
        case .allow: "Allow: "
        case .retryAfter: "Retry-After: "
        case .producerEpoch: "Producer-Epoch: "
        case .producerSequence: "Producer-Seq: "
        case .producerExpectedSequence: "Producer-Expected-Seq: "
        case .producerReceivedSequence: "Producer-Received-Seq: "
        }
    }

    var name: HTTPField.Name {
        switch self {
        case .contentType: .contentType
        case .nextOffset: .streamNextOffset
        case .upToDate: .streamUpToDate
        case .closed: .streamClosed
        case .cursor: .streamCursor
        case .entityTag: .eTag
        case .cacheControl: .cacheControl
        case .vary: .vary
        case .contentEncoding: .contentEncoding
        case .location: .location
        case .timeToLive: .streamTimeToLive
        case .expiresAt: .streamExpiresAt
        case .eventDataEncoding: .streamEventDataEncoding
        case .proxyBuffering: .proxyBuffering
        case .allow: .allow
        case .retryAfter: .retryAfter
        case .producerEpoch: .producerEpoch
        case .producerSequence: .producerSequence
        case .producerExpectedSequence: .producerExpectedSequence
        case .producerReceivedSequence: .producerReceivedSequence
        }
    }
}

/// Where the fields of a response go: the bytes of a head, or a collection of fields.
protocol ResponseFieldSink {
    mutating func add(_ field: ResponseField, _ value: StaticString)
    mutating func add(_ field: ResponseField, text: String)
    mutating func add(_ field: ResponseField, number: UInt64)
    mutating func add(_ field: ResponseField, offset: OffsetToken)
    mutating func add(_ field: ResponseField, tag: EntityTag)
}

extension RawByteWriter: ResponseFieldSink {
    @inline(__always)
    mutating func add(_ field: ResponseField, _ value: StaticString) {
        write(field.linePrefix)
        write(value)
        write("\r\n")
    }

    mutating func add(_ field: ResponseField, text: String) {
        write(field.linePrefix)
        write(fieldValue: text)
        write("\r\n")
    }

    mutating func add(_ field: ResponseField, number: UInt64) {
        write(field.linePrefix)
        write(decimal: number)
        write("\r\n")
    }

    mutating func add(_ field: ResponseField, offset: OffsetToken) {
        write(field.linePrefix)
        offset.write(into: &self)
        write("\r\n")
    }

    mutating func add(_ field: ResponseField, tag: EntityTag) {
        write(field.linePrefix)
        tag.write(into: &self)
        write("\r\n")
    }
}

/// Collects fields for transports that speak swift-http-types.
struct HTTPFieldsSink: ResponseFieldSink {
    private(set) var fields: HTTPFields

    init(_ fields: HTTPFields) {
        self.fields = fields
    }

    mutating func add(_ field: ResponseField, _ value: StaticString) {
        add(field, text: value.description)
    }

    mutating func add(_ field: ResponseField, text: String) {
        fields.append(HTTPField(name: field.name, value: text))
    }

    mutating func add(_ field: ResponseField, number: UInt64) {
        add(field, text: String(number))
    }

    mutating func add(_ field: ResponseField, offset: OffsetToken) {
        add(field, text: offset.description)
    }

    mutating func add(_ field: ResponseField, tag: EntityTag) {
        add(field, text: String(unsafeUninitializedCapacity: EntityTag.byteCountLimit) { memory in
            var writer = RawByteWriter(UnsafeMutableRawBufferPointer(memory))
            tag.write(into: &writer)
            return writer.count
        })
    }
}
