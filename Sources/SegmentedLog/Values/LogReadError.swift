/// Bytes on the disk that are not what was written there, found while they were read.
public struct LogReadError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file that is damaged.
    public var path: String
    /// Where in the file the damaged part begins.
    public var byteOffset: Int
    /// What is wrong with it.
    public var reason: String

    public init(path: String, byteOffset: Int, reason: String) {
        self.path = path
        self.byteOffset = byteOffset
        self.reason = reason
    }

    public var description: String { "the store is damaged: \(path) at byte \(byteOffset): \(reason)" }
}
