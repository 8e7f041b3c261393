internal import Glibc

/// Where streams are: the base URL, and what it resolves to.
struct ServerAddress: Sendable {
    /// `host:port`, as the Host header has it.
    let authority: String
    /// Without a slash at the end.
    let basePath: String
    private let socketAddress: [UInt8]
    private let family: CInt

    /// Takes `http://host[:port][/path]` and resolves the host.
    init(url: String) throws(LoadError) {
        guard url.hasPrefix("http://") else { throw LoadError("'\(url)' is no URL that begins with http://") }
        let rest = url.dropFirst(7)
        let end = rest.firstIndex(of: "/") ?? rest.endIndex
        var path = rest[end...]
        while path.last == "/" { path.removeLast() }
        authority = String(rest[..<end])
        basePath = String(path)
        var host = authority[...]
        var port = "80"
        let bracket = authority.lastIndex(of: "]")
        if let colon = authority.lastIndex(of: ":"), bracket.map({ colon > $0 }) ?? true {
            host = authority[..<colon]
            port = String(authority[authority.index(after: colon)...])
        }
        if host.first == "[" { host = host.dropFirst().dropLast() }
        let hasQuery = basePath.contains { $0 == "?" || $0 == "#" }
        guard !host.isEmpty, let number = UInt16(port), number > 0, !hasQuery
        else { throw LoadError("'\(url)' is no URL of the form http://host:port/path") }
        (socketAddress, family) = try Self.resolve(String(host), port)
    }

    func path(of stream: String) -> String { "\(basePath)/\(stream)" }

    /// A connected socket that does not wait for more before it sends. Blocks while it connects.
    func connect(isNonBlocking: Bool) throws(LoadError) -> CInt {
        let descriptor = socket(family, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .system("socket") }
        let outcome = socketAddress.withUnsafeBytes { bytes in
            Glibc.connect(descriptor, bytes.assumingMemoryBound(to: sockaddr.self).baseAddress!, socklen_t(bytes.count))
        }
        guard outcome == 0 else {
            let error = LoadError.system("connect to \(authority)")
            close(descriptor)
            throw error
        }
        var yes: CInt = 1
        setsockopt(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<CInt>.size))
        if isNonBlocking { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
        return descriptor
    }

    private static func resolve(_ host: String, _ port: String) throws(LoadError) -> ([UInt8], CInt) {
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, port, &hints, &list)
        guard code == 0, let first = list else { throw LoadError("\(host): \(String(cString: gai_strerror(code)))") }
        defer { freeaddrinfo(list) }
        let bytes = UnsafeRawBufferPointer(start: first.pointee.ai_addr, count: Int(first.pointee.ai_addrlen))
        return (Array(bytes), first.pointee.ai_family)
    }
}
