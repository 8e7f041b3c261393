public import SegmentedLog

/// The operations for tasks. A task that is cancelled while it waits changes nothing: what was asked for is done.
extension StreamStore {
    /// Creates a stream, with its first content if there is one.
    @discardableResult
    public func create(
        _ request: CreateRequest, content: some Sequence<UInt8> = EmptyCollection()
    ) async throws(StreamError) -> CreateReceipt {
        try await answer { completion in
            Self.withBytes(of: content) { create(request, payload: $0, on: context.direct, completion: completion) }
        }
    }

    /// Appends bytes, or in a JSON stream the messages of one JSON text. All of it becomes visible at once.
    @discardableResult
    public func append(
        _ content: some Sequence<UInt8>, to path: StreamPath, _ request: AppendRequest = AppendRequest()
    ) async throws(StreamError) -> AppendReceipt {
        try await answer { completion in
            Self.withBytes(of: content) { append(request, payload: $0, to: path, on: context.direct, completion: completion) }
        }
    }

    /// Closes a stream: nothing can be appended to it any more.
    @discardableResult
    public func close(_ path: StreamPath) async throws(StreamError) -> AppendReceipt {
        try await append(EmptyCollection(), to: path, AppendRequest(closes: true))
    }

    /// Deletes a stream.
    public func delete(_ path: StreamPath) async throws(StreamError) {
        try await answer { completion in delete(path, on: context.direct, completion: completion) }
    }

    private static func withBytes(of content: some Sequence<UInt8>, _ body: (UnsafeRawBufferPointer) -> Void) {
        let handled: Void? = content.withContiguousStorageIfAvailable { body(UnsafeRawBufferPointer($0)) }
        if handled == nil { Array(content).withUnsafeBytes(body) }
    }

    func answer<Value: Sendable>(
        _ start: (@escaping @Sendable (Result<Value, StreamError>) -> Void) -> Void
    ) async throws(StreamError) -> Value {
        let result: Result<Value, StreamError> = await withCheckedContinuation { continuation in
            start { continuation.resume(returning: $0) }
        }
        return try result.get()
    }
}

extension Stream {
    /// Waits until there is something behind `position`, or the stream is closed or deleted.
    /// Returns at once if that is so already, and when the task is cancelled.
    public func waitForChange(after position: StreamPosition) async -> Snapshot {
        let signal = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let subscription = subscribe(on: context.direct) { signal.continuation.yield() }
        defer { subscription.cancel() }
        var changes = signal.stream.makeAsyncIterator()
        while true {
            let now = snapshot
            if now.tail > position || now.isClosed || now.isDeleted { return now }
            guard await changes.next() != nil else { return snapshot }
        }
    }
}
