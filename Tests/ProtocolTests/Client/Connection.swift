import Glibc

/// One TCP connection of a test: it sends any bytes and parses what comes back.
///
/// Requests may be sent before earlier responses were read; responses are read in order.
actor Connection {
    let authority: String
    private let descriptor: CInt
    private var isOpen = true
    private var hasEnded = false

    /// What was received and not yet taken.
    var received: ArraySlice<UInt8> = []
    var framing = BodyFraming.empty
    var trailers = HeaderList()

    init(to endpoint: Endpoint, within timeLimit: Duration = .generous) async throws {
        authority = endpoint.authority
        descriptor = try await Self.connect(to: endpoint, until: .now + timeLimit)
    }

    deinit {
        if isOpen {
            _ = Glibc.close(descriptor)
        }
    }

    func send(_ bytes: [UInt8], within timeLimit: Duration = .generous) async throws {
        let deadline = ContinuousClock.now + timeLimit
        var sentByteCount = 0
        while sentByteCount < bytes.count {
            let outcome = bytes.withUnsafeBytes { all in
                let rest = UnsafeRawBufferPointer(rebasing: all[sentByteCount...])
                return Glibc.send(descriptor, rest.baseAddress, rest.count, CInt(MSG_NOSIGNAL))
            }
            if outcome >= 0 {
                sentByteCount += outcome
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                guard await Readiness.shared.wait(for: .writing, on: descriptor, until: deadline) else {
                    throw ClientError.timedOut("sending \(bytes.count) bytes, \(sentByteCount) sent")
                }
            case EPIPE, ECONNRESET: throw ClientError.closed("while sending")
            case let code: throw ClientError.system(call: "send", code: code)
            }
        }
    }

    func send(_ text: String) async throws {
        try await send(Array(text.utf8))
    }

    /// Tells the server that nothing more will come.
    func finishSending() {
        _ = shutdown(descriptor, CInt(SHUT_WR))
    }

    /// Breaks the connection off with a reset, whatever is under way.
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    func close() {
        if isOpen {
            isOpen = false
            _ = Glibc.close(descriptor)
        }
    }

    /// Receives more. False when the server has ended the connection.
    func receiveMore(until deadline: ContinuousClock.Instant, for purpose: String) async throws -> Bool {
        if hasEnded { return false }
        guard isOpen else { throw ClientError.closed("by the test itself, waiting for \(purpose)") }
        while true {
            var byteCount = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: 65_536) { space, initializedCount in
                byteCount = recv(descriptor, space.baseAddress, space.count, 0)
                initializedCount = max(byteCount, 0)
            }
            let code = errno
            if byteCount > 0 {
                received += bytes
                return true
            }
            if byteCount == 0 {
                hasEnded = true
                return false
            }
            switch code {
            case EINTR: continue
            case EAGAIN:
                guard await Readiness.shared.wait(for: .reading, on: descriptor, until: deadline) else {
                    throw ClientError.timedOut("waiting for \(purpose)")
                }
            case ECONNRESET:
                hasEnded = true
                throw ClientError.closed("reset, waiting for \(purpose)")
            default: throw ClientError.system(call: "recv", code: code)
            }
        }
    }

    private static func connect(to endpoint: Endpoint, until deadline: ContinuousClock.Instant) async throws -> CInt {
        var address = try endpoint.resolvedAddress()
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { throw ClientError.system(call: "socket", code: errno) }
        var one: CInt = 1
        setsockopt(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<CInt>.size))
        let outcome = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        let code = errno
        do {
            if outcome != 0 {
                guard code == EINPROGRESS else { throw ClientError.system(call: "connect", code: code) }
                guard await Readiness.shared.wait(for: .writing, on: descriptor, until: deadline) else {
                    throw ClientError.timedOut("connecting")
                }
                var failure: CInt = 0
                var size = socklen_t(MemoryLayout<CInt>.size)
                getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &size)
                guard failure == 0 else { throw ClientError.system(call: "connect", code: failure) }
            }
            return descriptor
        } catch {
            _ = Glibc.close(descriptor)
            throw error
        }
    }
}
