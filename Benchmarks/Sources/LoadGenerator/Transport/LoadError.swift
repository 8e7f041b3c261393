internal import Glibc

/// Why a benchmark can't be done at all. What a server does wrong while it is measured is counted, not thrown.
public struct LoadError: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }

    /// The last system call's failure.
    static func system(_ call: String) -> LoadError {
        LoadError("\(call): \(String(cString: strerror(errno)))")
    }
}
