/// What some work on this thread took.
struct Cost {
    let seconds: Double
    let processorMilliseconds: Double

    init(_ work: () -> Void) {
        let processorBefore = threadProcessorNanoseconds()
        let before = monotonicNanoseconds()
        work()
        seconds = Double(monotonicNanoseconds() - before) / 1e9
        processorMilliseconds = Double(threadProcessorNanoseconds() - processorBefore) / 1e6
    }
}
