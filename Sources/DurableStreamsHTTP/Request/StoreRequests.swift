import DurableStreams

extension ProtocolRequest {
    /// What is wrong with the header whatever is asked for.
    func checkHeader(hasBody: Bool) throws(Refusal) {
        if hasRepeatedField { throw .badRequest("a header of the protocol occurs twice") }
        if hasInvalidText {
            throw .badRequest("Content-Type, Stream-Seq or Producer-Id is not valid UTF-8")
        }
        if hasBody, hasContentCoding {
            throw Refusal(status: 415, message: "a body with a Content-Encoding is not accepted")
        }
    }

    /// What to ask the store for a PUT.
    func createRequest(path: StreamPath, base: BasePath) throws(Refusal) -> CreateRequest {
        CreateRequest(
            path: path,
            contentType: statedContentType,
            lifetime: try lifetime(),
            closed: closes,
            fork: try ForkParameters.request(self, base: base)
        )
    }

    /// What to ask the store for a POST.
    func appendRequest(hasBody: Bool) throws(Refusal) -> AppendRequest {
        let producer = try producerStamp()
        if !hasBody, !closes { throw .badRequest("the body is empty and Stream-Closed: true is not given") }
        if hasBody, contentType?.isEmpty ?? true { throw .badRequest("a body needs a Content-Type") }
        return AppendRequest(
            // What a create takes for no type of its own is none here either.
            contentType: hasBody ? statedContentType ?? .octetStream : nil,
            closes: closes,
            sequence: sequence,
            producer: producer
        )
    }

    /// Nil if absent, empty or not of the form `type/subtype`.
    private var statedContentType: ContentType? {
        contentType.flatMap { ContentType($0) }
    }

    private func lifetime() throws(Refusal) -> Lifetime? {
        if timeToLive != .absent, expiresAt != nil {
            throw .badRequest("Stream-TTL and Stream-Expires-At exclude each other")
        }
        switch timeToLive {
        case .absent: break
        case .malformed: throw .badRequest("Stream-TTL is not a whole number of seconds without sign or leading zeros")
        case .value(let seconds): return .sliding(seconds: seconds)
        }
        guard let expiresAt else { return nil }
        guard let time = WallClockTime(rfc3339: expiresAt) else {
            throw .badRequest("Stream-Expires-At is not a date and time of RFC 3339")
        }
        return .until(time, text: expiresAt)
    }

    private func producerStamp() throws(Refusal) -> ProducerStamp? {
        if producerIdentifier == nil, producerEpoch == .absent, producerSequence == .absent { return nil }
        if let producerIdentifier, producerIdentifier.isEmpty { throw .badRequest("Producer-Id is empty") }
        guard let producerIdentifier, producerEpoch != .absent, producerSequence != .absent else {
            throw .badRequest("Producer-Id, Producer-Epoch and Producer-Seq belong together")
        }
        guard case .value(let epoch) = producerEpoch else {
            throw .badRequest("Producer-Epoch is not a whole number from 0 to 9007199254740991")
        }
        guard case .value(let sequence) = producerSequence else {
            throw .badRequest("Producer-Seq is not a whole number from 0 to 9007199254740991")
        }
        return ProducerStamp(identifier: producerIdentifier, epoch: epoch, sequence: sequence)
    }
}
