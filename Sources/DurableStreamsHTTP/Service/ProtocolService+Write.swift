import DurableStreams
import NIOCore

/// Where replies go. Runs on the lane's executor.
typealias Reply = @Sendable (ProtocolReply) -> Void

extension ProtocolService {
    func create(
        _ request: ProtocolRequest, body: ByteBuffer?, at path: StreamPath, on lane: DeliveryLane,
        reply: @escaping Reply
    ) {
        let create: CreateRequest
        let location: String
        do throws(Refusal) {
            try request.checkHeader(hasBody: body.hasBytes)
            create = try request.createRequest(path: path, base: base)
            location = try self.location.text(of: path, request: request)
        } catch {
            return reply(.response(refusal(error, of: request, path: path)))
        }
        let complete: @Sendable (Result<CreateReceipt, StreamError>) -> Void = { result in
            switch result {
            case .success(let receipt): reply(.response(.created(receipt, location: location)))
            case .failure(let error): reply(.response(.refusal(error, of: .create)))
            }
        }
        if body.byteCount > Self.inlineBodyByteCountLimit {
            store.offload { [store] in
                body.withPayload { payload in
                    store.create(create, payload: payload, on: lane) { result in
                        // A refusal may come on this thread.
                        lane.run { complete(result) }
                    }
                }
            }
        } else {
            body.withPayload { store.create(create, payload: $0, on: lane, completion: complete) }
        }
    }

    func append(
        _ request: ProtocolRequest, body: ByteBuffer?, to path: StreamPath, on lane: DeliveryLane,
        reply: @escaping Reply
    ) {
        let append: AppendRequest
        do throws(Refusal) {
            try request.checkHeader(hasBody: body.hasBytes)
            append = try request.appendRequest(hasBody: body.hasBytes)
        } catch {
            return reply(.response(refusal(error, of: request, path: path)))
        }
        let hasProducer = append.producer != nil
        let complete: @Sendable (Result<AppendReceipt, StreamError>) -> Void = { result in
            switch result {
            case .success(let receipt): reply(.response(.appended(receipt, hasProducer: hasProducer)))
            case .failure(let error): reply(.response(.refusal(error, of: .append)))
            }
        }
        if body.byteCount > Self.inlineBodyByteCountLimit {
            store.offload { [store] in
                body.withPayload { payload in
                    store.append(append, payload: payload, to: path, on: lane) { result in
                        // A refusal may come on this thread.
                        lane.run { complete(result) }
                    }
                }
            }
        } else {
            body.withPayload { store.append(append, payload: $0, to: path, on: lane, completion: complete) }
        }
    }

    func delete(
        _ request: ProtocolRequest, body: ByteBuffer?, at path: StreamPath, on lane: DeliveryLane,
        reply: @escaping Reply
    ) {
        do throws(Refusal) {
            try request.checkHeader(hasBody: body.hasBytes)
        } catch {
            return reply(.response(refusal(error, of: request, path: path)))
        }
        store.delete(path, on: lane) { result in
            switch result {
            case .success: reply(.response(ProtocolResponse(status: 204)))
            case .failure(let error): reply(.response(.refusal(error, of: .delete)))
            }
        }
    }
}

extension ProtocolResponse {
    fileprivate static func created(_ receipt: CreateReceipt, location: String) -> ProtocolResponse {
        var response = ProtocolResponse(status: receipt.isNew ? 201 : 200)
        response.contentType = receipt.contentType.text
        response.nextOffset = receipt.tail
        response.isClosed = receipt.isClosed
        if receipt.isNew { response.location = location }
        return response
    }

    fileprivate static func appended(_ receipt: AppendReceipt, hasProducer: Bool) -> ProtocolResponse {
        // Only new data of a producer is 200; its duplicates, and closing alone, are not.
        let isNewOfProducer = hasProducer && receipt.kind == .appended
        var response = ProtocolResponse(status: isNewOfProducer ? 200 : 204)
        response.nextOffset = receipt.tail
        response.isClosed = receipt.isClosed
        if hasProducer { response.producer = receipt.producer }
        return response
    }
}

extension ByteBuffer? {
    fileprivate var byteCount: Int { self?.readableBytes ?? 0 }
    var hasBytes: Bool { byteCount > 0 }

    /// The bytes are borrowed for the call.
    fileprivate func withPayload(_ work: (UnsafeRawBufferPointer) -> Void) {
        if let self {
            self.withUnsafeReadableBytes(work)
        } else {
            work(UnsafeRawBufferPointer(start: nil, count: 0))
        }
    }
}
