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
        case .start: position = stream.earliest
        case .token(let token): position = token.streamPosition
        case .now:
            reply(.response(tail(of: stream)))
            return nil
        }
        let terms = RangeTerms(coding: coding(for: request), ifNoneMatch: request.ifNoneMatch)
        return answer(from: position, of: stream, terms: terms, on: lane, reply: reply)
    }

    /// Answers with what a stream has from a position on: 200, or 304 if the client has it. What may wait for the disk or
    /// take long is done elsewhere; then there is an exchange to cancel.
    func answer(
        from position: StreamPosition, of stream: Stream, terms: RangeTerms, on lane: DeliveryLane,
        reply: @escaping Reply
    ) -> ProtocolExchange? {
        guard environment.planIsResident(stream, position, configuration.chunkByteCountLimit) else {
            return answerElsewhere(on: lane, reply) { [self] in
                do throws(StreamError) {
                    let read = try stream.read(from: position, byteLimit: configuration.chunkByteCountLimit)
                    let head = head(of: read, stream: stream, terms: terms)
                    return head.status == 304 ? head : filled(head, read: read, isJSON: stream.contentType.isJSON)
                } catch {
                    return .refusal(error, of: .read)
                }
            }
        }
        do throws(StreamError) {
            let read = try stream.read(from: position, byteLimit: configuration.chunkByteCountLimit)
            return answer(read, of: stream, terms: terms, on: lane, reply: reply)
        } catch {
            reply(.response(.refusal(error, of: .read)))
            return nil
        }
    }

    private func answerElsewhere(
        on lane: DeliveryLane, _ reply: @escaping Reply, _ make: @escaping @Sendable () -> ProtocolResponse
    ) -> ProtocolExchange {
        let pending = PendingReply(reply)
        store.offload {
            let response = make()
            lane.run { pending.send(.response(response)) }
        }
        return ProtocolExchange { pending.cancel() }
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

    /// As ``answer(from:of:terms:on:reply:)``, with a range that is planned already.
    func answer(
        _ read: StreamRead, of stream: Stream, terms: RangeTerms, on lane: DeliveryLane, reply: @escaping Reply
    ) -> ProtocolExchange? {
        let isJSON = stream.contentType.isJSON
        let head = head(of: read, stream: stream, terms: terms)
        guard head.status == 200 else {
            reply(.response(head))
            return nil
        }
        if let kept = kept(head, read) {
            reply(.response(kept))
            return nil
        }
        let inlineByteCountLimit =
            head.coding == .identity ? Self.inlineCopyByteCountLimit : Compression.inlineByteCountLimit
        if environment.isResident(read), RangeBody.byteCount(of: read, isJSON: isJSON) <= inlineByteCountLimit {
            reply(.response(filled(head, read: read, isJSON: isJSON)))
            return nil
        }
        return answerElsewhere(on: lane, reply) { [self] in filled(head, read: read, isJSON: isJSON) }
    }

    /// What is said of a range: with status 304 if the client has it.
    private func head(of read: StreamRead, stream: Stream, terms: RangeTerms) -> ProtocolResponse {
        let byteCount = RangeBody.byteCount(of: read, isJSON: stream.contentType.isJSON)
        let coding = byteCount >= Compression.byteCountMinimum ? terms.coding : .identity
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
        if let tag = head.entityTag, let ifNoneMatch = terms.ifNoneMatch, tag.isNamed(by: ifNoneMatch) {
            head.status = 304
            head.bodyIsOmitted = true
        }
        return head
    }

    /// The response if others have asked for the same.
    private func kept(_ head: ProtocolResponse, _ read: StreamRead) -> ProtocolResponse? {
        guard bodies.mayHold(byteCount: read.byteCount, coding: head.coding), let tag = head.entityTag,
            let body = bodies[tag]
        else { return nil }
        var response = head
        response.body = body
        return response
    }

    /// May block, unless the read is resident and the body is small or not compressed.
    private func filled(_ head: ProtocolResponse, read: StreamRead, isJSON: Bool) -> ProtocolResponse {
        if let kept = kept(head, read) { return kept }
        do throws(StreamError) {
            var body = try RangeBody.bytes(of: read, isJSON: isJSON)
            var response = head
            if let compressed = compression.compress(body, coding: response.coding) {
                body = compressed
            } else {
                response.coding = .identity
                response.entityTag?.coding = .identity
            }
            if let tag = response.entityTag, bodies.mayHold(byteCount: read.byteCount, coding: response.coding) {
                bodies.offer(body, tag)
            }
            response.body = body
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
