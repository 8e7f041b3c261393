import SegmentedLog

/// What a log must hold after a crash: what it held when it was last opened, and then some first part of the operations
/// that it took since, in their order, which contains at least those that were promised.
struct LogModel {
    enum Operation {
        case create(number: UInt64, row: [UInt8], payload: [UInt8]?)
        case append(number: UInt64, payload: [UInt8], annotation: [UInt8])
        case trim(number: UInt64, start: Int)
        case delete(number: UInt64)

        var number: UInt64 {
            switch self {
            case .create(let number, _, _), .append(let number, _, _), .trim(let number, _), .delete(let number): number
            }
        }
    }

    struct Stream: Equatable {
        var row: [UInt8]
        var content = ComparableBytes()
        /// Of the appends, as far as there are any.
        var annotations: [[UInt8]] = []
        /// The bytes before it are gone.
        var start = 0
    }

    typealias State = [UInt64: Stream]

    private(set) var base: State = [:]
    private(set) var operations: [Operation] = []
    /// The operations that must be there after the next crash.
    private(set) var promisedCount = 0
    /// The streams that were ever deleted for sure.
    private(set) var deleted: Set<UInt64> = []

    struct Mismatch: Error, CustomStringConvertible {
        var description: String
    }

    mutating func submit(_ operation: Operation) { operations.append(operation) }

    /// The first so many operations must be there from now on.
    mutating func promise(_ count: Int) { promisedCount = max(promisedCount, count) }

    /// The next crash may take everything since the log was last settled.
    mutating func forgetPromises() { promisedCount = 0 }

    var state: State { state(after: operations.count) }

    /// As ``state``, of one stream only: nil if there is none.
    func state(of number: UInt64) -> Stream? {
        var state: State = base[number].map { [number: $0] } ?? [:]
        for operation in operations where operation.number == number { Self.apply(operation, to: &state) }
        return state[number]
    }

    func state(after count: Int) -> State {
        var state = base
        for operation in operations.prefix(count) { Self.apply(operation, to: &state) }
        return state
    }

    /// Compares with what a log gave back, and goes on from there.
    /// - Parameter isSettled: Whether what was found must also survive the next crash. Otherwise what is promised
    ///   stays as it is.
    mutating func check(_ found: State, isSettled: Bool) throws(Mismatch) {
        var state = state(after: promisedCount)
        var count = promisedCount
        while state != found {
            guard count < operations.count else { throw mismatch(found) }
            Self.apply(operations[count], to: &state)
            count += 1
        }
        operations.removeSubrange(count...)
        for case .delete(let number) in operations { deleted.insert(number) }
        if let number = deleted.first(where: { found[$0] != nil }) {
            throw Mismatch(description: "the deleted stream \(number) is back")
        }
        if isSettled {
            base = found
            operations = []
            promisedCount = 0
        } else {
            deleted = []
        }
    }

    static func state(of recovered: RecoveredStreams) throws(Mismatch) -> State {
        var state: State = [:]
        for (number, stream) in recovered.streams {
            if let error = stream.readError { throw Mismatch(description: "\(error)") }
            guard stream.openByteCount == 0 else {
                throw Mismatch(description: "stream \(number) ends with a fragment of an append")
            }
            let start = Int(stream.start.rawValue)
            state[number] = Stream(
                row: stream.row, content: ComparableBytes(bytes: stream.bytes), annotations: stream.annotations,
                start: start)
        }
        return state
    }

    private static func apply(_ operation: Operation, to state: inout State) {
        switch operation {
        case .create(let number, let row, let payload):
            state[number] = Stream(row: row)
            if let payload { add(payload, [], number, &state) }
        case .append(let number, let payload, let annotation): add(payload, annotation, number, &state)
        case .trim(let number, let start):
            guard let stream = state[number] else { return }
            state[number]?.content.bytes.removeFirst(start - stream.start)
            state[number]?.start = start
        case .delete(let number): state[number] = nil
        }
    }

    private static func add(_ payload: [UInt8], _ annotation: [UInt8], _ number: UInt64, _ state: inout State) {
        state[number]?.content.bytes += payload
        if !annotation.isEmpty { state[number]?.annotations.append(annotation) }
    }

    private func mismatch(_ found: State) -> Mismatch {
        func summary(_ state: State) -> String {
            state.sorted { $0.key < $1.key }.map { number, stream in
                "\(number): from \(stream.start), \(stream.annotations.count) annotations, \(stream.content.bytes.count) B"
            }.joined(separator: "; ")
        }
        return Mismatch(
            description: """
                found [\(summary(found))], which is no state between \
                [\(summary(state(after: promisedCount)))] after the \(promisedCount) promised operations and \
                [\(summary(state))] after all \(operations.count)
                """)
    }
}
