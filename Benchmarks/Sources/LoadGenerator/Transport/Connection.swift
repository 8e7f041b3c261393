internal import Glibc

/// Who uses a connection. All calls come on the thread of the connection's loop.
protocol ConnectionHandler: AnyObject {
    /// The status and the header fields of a response are in `connection.head`.
    func receivedHead(_ connection: Connection)
    /// A piece of its body, valid during the call.
    func receivedBody(_ bytes: UnsafeRawBufferPointer, _ connection: Connection)
    /// The response is complete; the next request may be sent.
    func receivedEnd(_ connection: Connection)
    /// The connection is gone. The reason is nil if that was after a response and before the next request, which a
    /// server may do at any time. To send again, reopen it.
    func closed(_ connection: Connection, because reason: String?)
}

/// One keep-alive connection to the server. Answers come in order; nothing is pipelined.
final class Connection {
    private let loop: EventLoop
    private let address: ServerAddress
    private unowned let handler: any ConnectionHandler
    private(set) var descriptor: CInt = -1
    private(set) var token = 0
    /// How often it was opened: what is left of an earlier connection's bytes is not this one's.
    private var openCount = 0
    private var parser = ResponseParser()
    /// What the socket did not take at once.
    private var unsent: [UInt8] = []

    /// The handler owns the connection.
    init(to address: ServerAddress, on loop: EventLoop, handler: any ConnectionHandler, answersHead: Bool = false) {
        self.address = address
        self.loop = loop
        self.handler = handler
        parser.answersHead = answersHead
    }

    deinit {
        if descriptor >= 0 { Glibc.close(descriptor) }
    }

    var head: ResponseHead { _read { yield parser.head } }
    var isOpen: Bool { descriptor >= 0 }

    /// Blocks until the server's system has accepted, which takes some tens of microseconds on one machine.
    func open() throws(LoadError) {
        precondition(!isOpen)
        descriptor = try address.connect(isNonBlocking: true)
        let answersHead = parser.answersHead
        parser = ResponseParser()
        parser.answersHead = answersHead
        unsent = []
        openCount += 1
        token = loop.add(self)
    }

    func close() {
        guard isOpen else { return }
        loop.remove(self)
        Glibc.close(descriptor)
        descriptor = -1
    }

    /// Sends one whole request. Its bytes may be changed as soon as this returns.
    func send(_ request: RequestBytes) { withExtendedLifetime(request) { send(request.bytes) } }

    private func send(_ request: UnsafeRawBufferPointer) {
        precondition(!parser.expectsResponse, "nothing is pipelined")
        parser.expectsResponse = true
        let sent = Glibc.send(descriptor, request.baseAddress!, request.count, CInt(MSG_NOSIGNAL))
        if sent == request.count { return }
        // A failure shows up when the socket is read, too, and is told there.
        guard sent >= 0 || errno == EAGAIN else { return }
        unsent = Array(request[max(0, sent)...])
        loop.setWaitsToWrite(true, self)
    }

    // MARK: For the loop

    func isWritable() {
        guard isOpen, !unsent.isEmpty else { return }
        let sent = Glibc.send(descriptor, unsent, unsent.count, CInt(MSG_NOSIGNAL))
        guard sent > 0 else { return }
        unsent.removeFirst(sent)
        if unsent.isEmpty { loop.setWaitsToWrite(false, self) }
    }

    func isReadable() {
        guard isOpen else { return }
        let buffer = loop.receiveBuffer
        let count = recv(descriptor, buffer.baseAddress!, buffer.count, 0)
        if count > 0 {
            return take(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        if count < 0, errno == EAGAIN || errno == EINTR { return }
        let reason = count < 0 ? String(cString: strerror(errno)) : nil
        end(reason)
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        let openCount = openCount
        do throws(ResponseError) {
            while isOpen, openCount == self.openCount, let event = try parser.next(&rest) {
                switch event {
                case .head: handler.receivedHead(self)
                case .body(let piece): handler.receivedBody(piece, self)
                case .end:
                    let closes = parser.head.closes
                    if closes { close() }
                    handler.receivedEnd(self)
                }
            }
        } catch {
            close()
            handler.closed(self, because: "\(error)")
        }
    }

    private func end(_ reason: String?) {
        do throws(ResponseError) {
            let endsResponse = try parser.finish()
            let isAwaited = parser.expectsResponse
            close()
            if endsResponse { return handler.receivedEnd(self) }
            handler.closed(self, because: isAwaited ? reason ?? "the connection ended instead of an answer" : reason)
        } catch {
            close()
            handler.closed(self, because: reason ?? "\(error)")
        }
    }
}
