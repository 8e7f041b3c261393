/// How the end of the body that is being received shows.
enum BodyFraming {
    case empty
    case counted(Int)
    case chunked
    case untilEnd
}

extension Connection {
    /// Sends the request and receives the final response to it.
    ///
    /// A server may refuse a request before it has read all of it, so a failed send is no failure
    /// while there is an answer.
    func exchange(_ request: Request, within timeLimit: Duration = .generous) async throws -> Response {
        do {
            try await send(request.bytes(host: authority), within: timeLimit)
        } catch let error as ClientError where error.isClosed {
        }
        return try await receiveFinalResponse(to: request.method, within: timeLimit)
    }

    /// The next response that is not an interim one.
    func receiveFinalResponse(
        to method: String = "GET",
        within timeLimit: Duration = .generous
    ) async throws -> Response {
        while true {
            let response = try await receiveResponse(to: method, within: timeLimit)
            if response.status >= 200 { return response }
        }
    }

    /// The next response, also an interim one.
    func receiveResponse(to method: String = "GET", within timeLimit: Duration = .generous) async throws -> Response {
        let head = try await receiveHead(to: method, within: timeLimit)
        var body: [UInt8] = []
        while let part = try await receivePart(within: timeLimit) {
            body += part
        }
        return Response(head: head, body: body, trailers: trailers)
    }

    /// The next head; its body is then received with `receivePart`.
    func receiveHead(to method: String = "GET", within timeLimit: Duration = .generous) async throws -> ResponseHead {
        let deadline = ContinuousClock.now + timeLimit
        var searched = received.startIndex
        while true {
            if let end = endOfHead(from: searched) {
                let head = try ResponseHead(parsing: received[received.startIndex..<(end - 4)])
                received = received[end...]
                framing = try bodyFraming(of: head, method: method)
                trailers = HeaderList()
                return head
            }
            searched = max(received.startIndex, received.endIndex - 3)
            let start = received.startIndex
            guard try await receiveMore(until: deadline, for: "a response to \(method)") else {
                throw ClientError.closed("after \(received.count) bytes of a response to \(method)")
            }
            searched += received.startIndex - start
        }
    }

    /// The next bytes of the body, nil at its end.
    func receivePart(within timeLimit: Duration = .generous) async throws -> [UInt8]? {
        let deadline = ContinuousClock.now + timeLimit
        switch framing {
        case .empty:
            return nil
        case .counted(let remaining):
            if remaining == 0 { return nil }
            while received.isEmpty {
                guard try await receiveMore(until: deadline, for: "\(remaining) more bytes of a body") else {
                    throw ClientError.closed("\(remaining) bytes before the end of a body")
                }
            }
            let part = received.prefix(remaining)
            received = received.dropFirst(part.count)
            framing = .counted(remaining - part.count)
            return Array(part)
        case .chunked:
            return try await receiveChunk(until: deadline)
        case .untilEnd:
            while received.isEmpty {
                guard try await receiveMore(until: deadline, for: "the end of a body") else {
                    framing = .empty
                    return nil
                }
            }
            defer { received = [] }
            return Array(received)
        }
    }

    /// Whether the server ends the connection, with nothing more before that.
    func isEnded(within timeLimit: Duration = .generous) async throws -> Bool {
        do {
            guard received.isEmpty else { return false }
            return try await !receiveMore(until: .now + timeLimit, for: "the end of the connection")
        } catch let error as ClientError where error.isClosed {
            return true
        }
    }

    /// Everything until the server ends the connection.
    func receiveAll(within timeLimit: Duration = .generous) async throws -> [UInt8] {
        let deadline = ContinuousClock.now + timeLimit
        do {
            while try await receiveMore(until: deadline, for: "the end of the connection") {}
        } catch let error as ClientError where error.isClosed {
        }
        defer { received = [] }
        return Array(received)
    }

    private func receiveChunk(until deadline: ContinuousClock.Instant) async throws -> [UInt8]? {
        let sizeLine = try await receiveLine(until: deadline)
        let digits = sizeLine.prefix { $0 != ";" }
        guard !digits.isEmpty, digits.allSatisfy(\.isHexDigit), let size = Int(digits, radix: 16) else {
            throw ClientError.malformed("chunk size \(sizeLine.debugDescription)")
        }
        if size == 0 {
            while true {
                let line = try await receiveLine(until: deadline)
                if line.isEmpty { break }
                guard let colon = line.firstIndex(of: ":") else { throw ClientError.malformed("trailer \(line)") }
                trailers.append(String(line[..<colon]), line[line.index(after: colon)...].trimmingSpaces())
            }
            framing = .empty
            return nil
        }
        while received.count < size + 2 {
            guard try await receiveMore(until: deadline, for: "a chunk of \(size) bytes") else {
                throw ClientError.closed("inside a chunk")
            }
        }
        let chunk = Array(received.prefix(size))
        received = received.dropFirst(size)
        guard Array(received.prefix(2)) == [0x0d, 0x0a] else {
            throw ClientError.malformed("no line end after a chunk")
        }
        received = received.dropFirst(2)
        return chunk
    }

    private func receiveLine(until deadline: ContinuousClock.Instant) async throws -> String {
        while true {
            if let lineFeed = received.firstIndex(of: 0x0a) {
                let line = received[received.startIndex..<lineFeed]
                guard line.last == 0x0d else { throw ClientError.malformed("a line without CR") }
                received = received[(lineFeed + 1)...]
                return String(decoding: line.dropLast(), as: UTF8.self)
            }
            guard try await receiveMore(until: deadline, for: "a line of a chunked body") else {
                throw ClientError.closed("inside a chunked body, without its end")
            }
        }
    }

    /// The index after the empty line that ends a head.
    private func endOfHead(from start: Int) -> Int? {
        var index = start
        while let lineFeed = received[index...].firstIndex(of: 0x0a) {
            if lineFeed >= received.startIndex + 3, received[lineFeed - 1] == 0x0d, received[lineFeed - 2] == 0x0a,
                received[lineFeed - 3] == 0x0d
            {
                return lineFeed + 1
            }
            index = lineFeed + 1
        }
        return nil
    }

    private func bodyFraming(of head: ResponseHead, method: String) throws -> BodyFraming {
        let lengths = head.headers.all("Content-Length")
        let encodings = head.headers.all("Transfer-Encoding")
        guard lengths.count <= 1, encodings.count <= 1, lengths.isEmpty || encodings.isEmpty else {
            throw ClientError.malformed("two body lengths: \(head.headers)")
        }
        if method == "HEAD" || head.status < 200 || head.status == 204 || head.status == 304 { return .empty }
        if let encoding = encodings.first {
            guard encoding.lowercased() == "chunked" else {
                throw ClientError.malformed("Transfer-Encoding \(encoding)")
            }
            return .chunked
        }
        if let length = lengths.first {
            guard let byteCount = Int(length), byteCount >= 0 else {
                throw ClientError.malformed("Content-Length \(length)")
            }
            return .counted(byteCount)
        }
        return .untilEnd
    }
}
