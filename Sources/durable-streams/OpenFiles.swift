import Glibc

enum OpenFiles {
    /// A connection is an open file, and the usual soft limit of 1,024 is there for programs that use `select`.
    static func raiseLimit() {
        var limits = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limits) == 0, limits.rlim_cur < limits.rlim_max else { return }
        limits.rlim_cur = limits.rlim_max
        _ = setrlimit(resource, &limits)
    }
}
