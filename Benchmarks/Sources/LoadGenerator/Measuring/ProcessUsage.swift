internal import Glibc

/// What a process has used so far, from `/proc`.
struct ProcessUsage: Sendable {
    /// CPU time in nanoseconds; the kernel counts it in ticks of 10 ms.
    var userNanoseconds: UInt64 = 0
    var systemNanoseconds: UInt64 = 0
    /// Memory in RAM that is the process's own: without the pages of files.
    var anonymousByteCount = 0

    /// Of another process; nil if there is none, or if it can't be looked at.
    static func ofProcess(_ identifier: Int32) -> ProcessUsage? {
        guard let stat = ProcFile.text(of: "/proc/\(identifier)/stat"),
            let status = ProcFile.text(of: "/proc/\(identifier)/status"),
            // The name before the closing parenthesis may contain anything.
            let end = stat.lastIndex(of: ")")
        else { return nil }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        guard fields.count > 12, let user = UInt64(fields[11]), let system = UInt64(fields[12]) else { return nil }
        let tick = 1_000_000_000 / UInt64(max(1, sysconf(CInt(_SC_CLK_TCK))))
        return ProcessUsage(
            userNanoseconds: user * tick, systemNanoseconds: system * tick,
            anonymousByteCount: anonymousByteCount(in: status))
    }

    /// Of this process, to the microsecond.
    static func ofThisProcess() -> ProcessUsage {
        var usage = rusage()
        getrusage(RUSAGE_SELF, &usage)
        func nanoseconds(_ time: timeval) -> UInt64 {
            UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_usec) * 1_000
        }
        return ProcessUsage(
            userNanoseconds: nanoseconds(usage.ru_utime), systemNanoseconds: nanoseconds(usage.ru_stime))
    }

    static func anonymousByteCount(in status: String) -> Int {
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("RssAnon:") }),
            let number = line.split(whereSeparator: { !$0.isNumber }).first
        else { return 0 }
        return (Int(number) ?? 0) * 1_024
    }
}

#if canImport(Glibc)
    private let RUSAGE_SELF = __rusage_who_t(0)
#endif
