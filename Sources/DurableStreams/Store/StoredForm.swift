internal import SegmentedLog

/// Turns the body of an append into what is stored: the bytes themselves, or the messages of a JSON stream.
enum StoredForm {
    /// - Parameters:
    ///   - isFirst: Whether this is a stream's first content, which may be an empty array.
    static func make(
        _ body: UnsafeRawBufferPointer, _ contentType: ContentType, isFirst: Bool
    ) throws(StreamError) -> LogPayload {
        guard !body.isEmpty else { return .none }
        guard contentType.isJSON else { return bytes(body) }
        let batch: JSONBatch
        do throws(JSONSyntaxError) { batch = try JSONBatch.parse(body) } catch { throw .invalidJSON(error) }
        guard batch.messageCount > 0 else {
            if isFirst { return .none }
            throw .emptyJSONArray
        }
        let comma = UInt8(ascii: ",")
        if let range = batch.contiguousRange, batch.storedByteCount <= LogPayload.borrowedByteCountLimit,
            batch.parts.count == 1
        {
            return .borrowed(UnsafeRawBufferPointer(rebasing: body[range]), terminator: comma)
        }
        let owned = OwnedBytes(byteCount: batch.storedByteCount) { batch.write(into: $0, from: body) }
        return .owned(owned, partEnds: batch.parts)
    }

    private static func bytes(_ body: UnsafeRawBufferPointer) -> LogPayload {
        guard body.count > LogPayload.borrowedByteCountLimit else { return .borrowed(body, terminator: nil) }
        return .owned(OwnedBytes(byteCount: body.count) { $0.copyMemory(from: body) }, partEnds: [body.count])
    }

    /// A payload that outlives the call that brought it.
    struct Kept: Sendable {
        fileprivate let bytes: OwnedBytes?
        fileprivate let partEnds: [Int]

        var payload: LogPayload {
            guard let bytes else { return .none }
            return .owned(bytes, partEnds: partEnds)
        }
    }

    static func owned(_ payload: LogPayload) -> Kept {
        switch payload {
        case .none: return Kept(bytes: nil, partEnds: [])
        case .owned(let bytes, let partEnds): return Kept(bytes: bytes, partEnds: partEnds)
        case .borrowed(let borrowed, let terminator):
            let bytes = OwnedBytes(byteCount: payload.byteCount) { destination in
                destination.copyMemory(from: borrowed)
                if let terminator { destination[borrowed.count] = terminator }
            }
            return Kept(bytes: bytes, partEnds: [payload.byteCount])
        }
    }
}
