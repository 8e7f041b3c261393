public import SegmentedLog

/// Why an operation on a stream was refused. Nothing was changed, and everything that the reason rests on is durable.
public enum StreamError: Error, Sendable {
    /// There is no such stream, or it has expired.
    case notFound
    /// The stream was deleted, but others still read from it.
    case gone
    /// A stream with another configuration is there.
    case alreadyExists
    /// The stream is closed and ends here.
    case closed(finalPosition: StreamPosition)
    /// The append has another media type than the stream.
    case contentTypeMismatch(stream: ContentType)
    /// There is a payload but no content type.
    case contentTypeMissing
    /// The sequence is not greater than the last one that was accepted.
    case sequenceNotGreater
    /// There is nothing to append and nothing to close.
    case emptyAppend
    case invalidJSON(JSONSyntaxError)
    /// An empty array has no messages to append.
    case emptyJSONArray
    /// A producer left out a number, or begins with another one than 0.
    case producerGap(expected: UInt64, received: UInt64, tail: StreamPosition)
    /// The producer has gone on to a later epoch.
    case producerEpochStale(current: UInt64, tail: StreamPosition)
    /// A new epoch begins with the number 0.
    case producerEpochMustStartAtZero(tail: StreamPosition)
    /// The position lies inside a JSON message.
    case positionInsideMessage
    /// The stream to fork from is not there, or has expired.
    case forkSourceNotFound
    /// The stream to fork from was deleted, but others still read from it.
    case forkSourceGone
    /// The append at the fork's offset is not so long, or there is none.
    case subOffsetBeyondAppend
    /// What was there is not kept any more: the stream begins at `earliest`.
    case trimmed(earliest: StreamPosition)
    /// The stream ends, durably, before the position.
    case positionBeyondTail(tail: StreamPosition)
    /// More bytes than an append may have.
    case tooLarge(byteCountLimit: Int)
    /// The disk is full. Appends succeed again by themselves once there is room.
    case diskFull
    /// The store cannot write, until it is opened anew or for a while.
    case unavailable(reason: String)
    /// Bytes on the disk are not those that were written. The reason names the file and the place. For ever.
    case damaged(reason: String)
    /// The store is being closed.
    case shuttingDown
}
