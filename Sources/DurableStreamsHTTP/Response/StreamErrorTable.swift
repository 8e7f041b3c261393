import DurableStreams

/// What was asked of the store when it refused.
enum StoreOperation {
    case create, append, delete, read
}

extension ProtocolResponse {
    /// The one table that turns the store's refusals into responses.
    static func refusal(_ error: StreamError, of operation: StoreOperation) -> ProtocolResponse {
        switch error {
        case .notFound:
            return .plainError(status: 404, "there is no stream at this URL")
        case .gone:
            return operation == .create
                ? .plainError(status: 409, "the stream at this URL was deleted, but forks of it still exist")
                : .plainError(status: 410, "the stream was deleted")
        case .alreadyExists:
            return .plainError(status: 409, "a stream with another configuration exists at this URL")
        case .closed(let finalPosition):
            return .plainError(status: 409, "the stream is closed").with {
                $0.isClosed = true
                $0.nextOffset = finalPosition
            }
        case .contentTypeMismatch:
            return .plainError(status: 409, "the content type is not that of the stream")
        case .contentTypeMissing:
            return .plainError(status: 400, "a body needs a Content-Type")
        case .sequenceNotGreater:
            return .plainError(status: 409, "Stream-Seq is not greater than the last one of this stream")
        case .emptyAppend:
            return .plainError(status: 400, "the body is empty and Stream-Closed: true is not given")
        case .invalidJSON(let error):
            return .plainError(status: 400, "the body is not valid JSON: \(error)")
        case .emptyJSONArray:
            return .plainError(status: 400, "the body is an empty JSON array: there is nothing to append")
        case .producerGap(let expected, let received, let tail):
            return .plainError(status: 409, "Producer-Seq skips sequence numbers").with {
                $0.producerGap = ProducerGap(expected: expected, received: received)
                $0.nextOffset = tail
            }
        case .producerEpochStale(let current, let tail):
            return .plainError(status: 403, "Producer-Epoch is older than the current one").with {
                $0.producerEpoch = current
                $0.nextOffset = tail
            }
        case .producerEpochMustStartAtZero(let tail):
            return .plainError(status: 400, "a new Producer-Epoch begins with Producer-Seq: 0").with {
                $0.nextOffset = tail
            }
        case .positionInsideMessage:
            return .plainError(status: 400, "the offset is inside a message")
        case .forkSourceNotFound:
            return .plainError(status: 404, "there is no stream to fork from")
        case .forkSourceGone:
            return .plainError(status: 409, "the stream to fork from was deleted")
        case .subOffsetBeyondAppend:
            return .plainError(status: 400, "Stream-Fork-Sub-Offset is past the end of the append at the fork offset")
        case .trimmed:
            return .plainError(
                status: operation == .create ? 400 : 410, "the stream does not go back to this offset any more")
        case .positionBeyondTail:
            return .plainError(status: 400, "the offset is behind the end of the stream")
        case .tooLarge(let byteCountLimit):
            return .bodyTooLarge(byteCountLimit: byteCountLimit)
        case .diskFull:
            return .plainError(status: 507, "the disk is full")
        case .unavailable:
            // The reason may name files; it is for the operator's log.
            return .plainError(status: 503, "the store cannot be written to").with { $0.retryAfterSeconds = 10 }
        case .damaged:
            // For ever, so not 5xx, which clients would try again. The reason is for the operator's log.
            return .plainError(status: 410, "what was at this offset is damaged")
        case .shuttingDown:
            return .plainError(status: 503, "the server is shutting down").with { $0.retryAfterSeconds = 1 }
        }
    }

    func with(_ change: (inout ProtocolResponse) -> Void) -> ProtocolResponse {
        var response = self
        change(&response)
        return response
    }
}
