/// What can go wrong between a test and the server, apart from what the server says.
enum ClientError: Error, CustomStringConvertible {
    case timedOut(String)
    /// The server closed or reset the connection while more was expected.
    case closed(String)
    /// The server sent something that is not HTTP/1.1 or not an event stream.
    case malformed(String)
    case system(call: String, code: CInt)

    var description: String {
        switch self {
        case .timedOut(let what): "timed out: \(what)"
        case .closed(let what): "connection closed: \(what)"
        case .malformed(let what): "malformed response: \(what)"
        case .system(let call, let code): "\(call) failed with errno \(code)"
        }
    }

    var isClosed: Bool {
        if case .closed = self { true } else { false }
    }

    /// The server was not there, or went away.
    var isLost: Bool {
        switch self {
        case .closed, .system: true
        case .timedOut, .malformed: false
        }
    }

    var isTimeout: Bool {
        if case .timedOut = self { true } else { false }
    }
}

extension Duration {
    /// Long enough for a slow machine that builds something else at the same time. No test waits that long when
    /// the server does what it should.
    static let generous = Duration.seconds(60)
}
