/// Why a ``DurableStreamsServer`` can't run. What goes wrong with the store comes as the store's own error.
public enum ServerError: Error, Sendable, CustomStringConvertible {
    case invalidConfiguration(reason: String)
    /// The address can't be listened on.
    case cannotListen(host: String, port: Int, reason: String)
    /// A server is started once.
    case alreadyStarted

    public var description: String {
        switch self {
        case .invalidConfiguration(let reason): "invalid configuration: \(reason)"
        case .cannotListen(let host, let port, let reason): "cannot listen on \(host):\(port): \(reason)"
        case .alreadyStarted: "the server was started before"
        }
    }
}
