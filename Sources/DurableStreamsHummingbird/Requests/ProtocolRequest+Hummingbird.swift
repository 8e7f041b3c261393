internal import DurableStreamsHTTP
internal import HTTPTypes

extension ProtocolRequest {
    /// From the target as it was sent: the path and the parameters that a router makes of it are decoded, and so are
    /// no names of streams.
    init(_ head: HTTPRequest) {
        self.init(method: Method(head.method), target: head.path ?? "")
        // The first `Host` has become the authority.
        if let authority = head.authority { addHeader(name: "host", value: authority) }
        for field in head.headerFields { addHeader(name: field.name.rawName, value: field.value) }
    }
}

extension ProtocolRequest.Method {
    init(_ method: HTTPRequest.Method) {
        switch method {
        case .get: self = .get
        case .post: self = .post
        case .put: self = .put
        case .delete: self = .delete
        case .head: self = .head
        case .options: self = .options
        default: self = .other(method.rawValue)
        }
    }
}
