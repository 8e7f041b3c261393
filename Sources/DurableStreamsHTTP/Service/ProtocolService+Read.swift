import DurableStreams
import DurableStreamsWire
import NIOCore

/// What a response with a range of a stream says besides the range.
struct RangeTerms: Sendable {
    /// What the client prefers.
    var coding = ContentCoding.identity
    var ifNoneMatch: String?
    var cursor: UInt64?
    /// Only if the request named the position that the range begins at.
    var isCacheable = true
}

extension ProtocolService {
    func metadata(_ request: ProtocolRequest, body: ByteBuffer?, path: StreamPath) -> ProtocolResponse {
        guard let stream = store.stream(at: path) else { return finished(.refusal(.notFound, of: .read), request) }
        if stream.isSoftDeleted { return finished(.refusal(.gone, of: .read), request) }
        do throws(Refusal) {
            try request.checkHeader(hasBody: body.hasBytes)
        } catch {
            return finished(.plainError(status: error.status, error.message), request)
        }
        let snapshot = stream.snapshot
        var response = ProtocolResponse(status: 200)
        response.bodyIsOmitted = true
        response.contentType = stream.contentType.text
        response.nextOffset = snapshot.tail
        response.isClosed = snapshot.isClosed
        response.lifetime = stream.lifetime
        response.cacheControl = .noStore
        return response
    }

    func read(
        _ request: ProtocolRequest, body: ByteBuffer?, path: StreamPath, query: Substring?, on lane: DeliveryLane,
        reply: @escaping Reply
    ) -> ProtocolExchange? {
        guard let stream = store.stream(at: path) else {
            reply(.response(.refusal(.notFound, of: .read)))
            return nil
        }
        if stream.isSoftDeleted {
            reply(.response(.refusal(.gone, of: .read)))
            return nil
        }
        do throws(Refusal) {
            try request.checkHeader(hasBody: body.hasBytes)
            let query = try ReadQuery(query)
            guard let live = query.live else {
                return try catchUp(request, stream: stream, query: query, on: lane, reply: reply)
            }
            guard let offset = query.offset else {
                throw .badRequest("a live read needs the query parameter 'offset'")
            }
            switch live {
            case .longPoll:
                return try longPoll(request, stream, offset, cursor: query.cursor, on: lane, reply: reply)
            case .eventStream:
                return try eventStream(stream, offset, cursor: query.cursor, on: lane, reply: reply)
            }
        } catch {
            reply(.response(.plainError(status: error.status, error.message)))
            return nil
        }
    }

    private func catchUp(
        _ request: ProtocolRequest, stream: Stream, query: ReadQuery, on lane: DeliveryLane, reply: @escaping Reply
    ) throws(Refusal) -> ProtocolExchange? {
        let position: StreamPosition
        switch query.offset ?? .start {
        case .start: position = .start
        case .token(let token): position = token.streamPosition
        case .now:
            reply(.response(tail(of: stream)))
            return nil
        }
        let terms = RangeTerms(coding: coding(for: request), ifNoneMatch: request.ifNoneMatch)
        do throws(StreamError) {
            let read = try stream.read(from: position, byteLimit: configuration.chunkByteCountLimit)
            return answer(read, of: stream, terms: terms, on: lane, reply: reply)
        } catch {
            reply(.response(.refusal(error, of: .read)))
            return nil
        }
    }

    /// `offset=now`: where the stream ends, and nothing of what is in it.
    private func tail(of stream: Stream) -> ProtocolResponse {
        stream.renew()
        let snapshot = stream.snapshot
        var response = ProtocolResponse(status: 200)
        response.contentType = stream.contentType.text
        response.body = stream.contentType.isJSON ? Self.emptyArray : ByteBuffer()
        response.nextOffset = snapshot.tail
        response.isUpToDate = true
        response.isClosed = snapshot.isClosed
        response.cacheControl = .noStore
        return response
    }

    private static let emptyArray = ByteBuffer(staticString: "[]")

    func coding(for request: ProtocolRequest) -> ContentCoding {
        configuration.compression ? ContentNegotiation.coding(for: request.acceptEncoding) : .identity
    }

    /// A longer body, which only a single JSON message makes, is not copied on an event loop.
    private static let inlineCopyByteCountLimit = 2 << 20

    /// Answers with a planned range: 200, or 304 if the client has it. What may wait for the disk or take long is done
    /// elsewhere; then there is an exchange to cancel.
    func answer(
        _ read: StreamRead, of stream: Stream, terms: RangeTerms, on lane: DeliveryLane, reply: @escaping Reply
    ) -> ProtocolExchange? {
        let isJSON = stream.contentType.isJSON
        let byteCount = RangeBody.byteCount(of: read, isJSON: isJSON)
        let coding = byteCount >= Compression.byteCountMinimum ? terms.coding : .identity
        let head = head(of: read, stream: stream, coding: coding, terms: terms)
        if let tag = head.entityTag, let ifNoneMatch = terms.ifNoneMatch, tag.isNamed(by: ifNoneMatch) {
            reply(.response(head.with {
                $0.status = 304
                $0.bodyIsOmitted = true
            }))
            return nil
        }
        let inlineByteCountLimit =
            coding == .identity ? Self.inlineCopyByteCountLimit : Compression.inlineByteCountLimit
        if environment.isResident(read), byteCount <= inlineByteCountLimit {
            reply(.response(Self.filled(head, read: read, isJSON: isJSON, compression: compression)))
            return nil
        }
        let pending = PendingReply(reply)
        store.offload { [compression] in
            let response = Self.filled(head, read: read, isJSON: isJSON, compression: compression)
            lane.run { pending.send(response) }
        }
        return ProtocolExchange { pending.cancel() }
    }

    private func head(
        of read: StreamRead, stream: Stream, coding: ContentCoding, terms: RangeTerms
    ) -> ProtocolResponse {
        var head = ProtocolResponse(status: 200)
        head.contentType = stream.contentType.text
        head.nextOffset = read.end
        head.isUpToDate = read.reachesTail
        head.isClosed = read.reachesEnd
        head.cursor = terms.cursor
        head.coding = coding
        head.variesByCoding = configuration.compression
        head.cacheControl = terms.isCacheable ? .range(isPrivate: configuration.cacheIsPrivate) : .noStore
        if terms.isCacheable {
            head.entityTag = EntityTag(
                streamNumber: stream.number.rawValue,
                createdAtMilliseconds: stream.createdAt.millisecondsSince1970,
                start: read.start.rawValue,
                end: read.end.rawValue,
                isClosedAtEnd: read.reachesEnd,
                coding: coding
            )
        }
        return head
    }

    /// May block, unless the read is resident and the body is small or not compressed.
    private static func filled(
        _ head: consuming ProtocolResponse, read: StreamRead, isJSON: Bool, compression: Compression
    ) -> ProtocolResponse {
        do throws(StreamError) {
            let body = try RangeBody.bytes(of: read, isJSON: isJSON)
            var response = head
            if let compressed = compression.compress(body, coding: response.coding) {
                response.body = compressed
            } else {
                response.body = body
                response.coding = .identity
                response.entityTag?.coding = .identity
            }
            return response
        } catch {
            return .refusal(error, of: .read)
        }
    }
}

extension OffsetToken {
    /// A token that this server never gives out is behind every tail.
    var streamPosition: StreamPosition {
        StreamPosition(rawValue: reserved == 0 ? position : .max)
    }
}
