import Foundation
import Glibc

/// A server of the part of the protocol that benchmarks use, in memory, that can be told to do one thing wrong.
final class FaultyServer: @unchecked Sendable {
    enum Fault: CaseIterable, Sendable {
        case none
        /// Every tenth append is answered 500.
        case refuses
        /// Every tenth append is acknowledged and not stored.
        case loses
        /// Every tenth append is stored twice.
        case repeats
        /// A bit of every tenth append is stored wrong.
        case changes
        /// All answers to appends have the same offset.
        case standsStill
        /// Every tenth answer is no HTTP.
        case babbles
        /// Every tenth answer is cut off with its connection.
        case hangsUp
    }

    let fault: Fault
    private let listener: CInt
    private let port: UInt16
    private let lock = NSLock()
    private struct Stream {
        var content: [UInt8] = []
        /// How long it is said to be.
        var claimedByteCount = 0
    }

    private var streams: [String: Stream] = [:]
    private var postCount = 0
    private var answerCount = 0
    private var isStopped = false

    var url: String { "http://127.0.0.1:\(port)/streams" }

    init(_ fault: Fault) {
        self.fault = fault
        listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                precondition(bind(listener, raw, size) == 0 && listen(listener, 64) == 0)
                precondition(getsockname(listener, raw, &size) == 0)
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        Thread { [self] in
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { return }
                Thread { [self] in serve(client) }.start()
            }
        }.start()
    }

    func stop() {
        lock.withLock { isStopped = true }
        shutdown(listener, CInt(SHUT_RDWR))
        close(listener)
    }

    private func serve(_ client: CInt) {
        defer { close(client) }
        var received: [UInt8] = []
        while let request = nextRequest(client, &received) {
            guard answer(request, client) else { return }
        }
    }

    private struct ReceivedRequest {
        var method: Substring
        var path: String
        var query: String
        var body: [UInt8]
    }

    private func nextRequest(_ client: CInt, _ received: inout [UInt8]) -> ReceivedRequest? {
        let end = Array("\r\n\r\n".utf8)
        while true {
            if let range = received.firstRange(of: end) {
                let head = String(decoding: received[..<range.lowerBound], as: UTF8.self)
                let lines = head.components(separatedBy: "\r\n")
                let length = lines.first { $0.hasPrefix("Content-Length: ") }.flatMap { Int($0.dropFirst(16)) } ?? 0
                if received.count >= range.upperBound + length {
                    let body = Array(received[range.upperBound..<(range.upperBound + length)])
                    received.removeFirst(range.upperBound + length)
                    let words = lines[0].split(separator: " ")
                    let target = words[1].split(separator: "?", maxSplits: 1)
                    return ReceivedRequest(
                        method: words[0], path: String(target[0]), query: target.count > 1 ? String(target[1]) : "",
                        body: body)
                }
            }
            var piece = [UInt8](repeating: 0, count: 65_536)
            let count = recv(client, &piece, piece.count, 0)
            guard count > 0 else { return nil }
            received += piece[..<count]
        }
    }

    private func answer(_ request: ReceivedRequest, _ client: CInt) -> Bool {
        let number = lock.withLock {
            answerCount += 1
            return answerCount
        }
        if number.isMultiple(of: 10), fault == .babbles { return send("SMTP/1.1 250 OK\r\n\r\n", client) }
        if number.isMultiple(of: 10), fault == .hangsUp {
            _ = send("HTTP/1.1 200 OK\r\nContent-Le", client)
            return false
        }
        switch request.method {
        case "PUT":
            lock.withLock { streams[request.path] = Stream() }
            return send(head("201 Created", 0, length: 0), client)
        case "POST": return send(append(request), client)
        default:
            let stream = lock.withLock { streams[request.path] ?? Stream() }
            let content = stream.content
            if request.query.contains("live=sse") { return follow(request, client) }
            let isWanted = request.method == "GET" && !request.query.contains("now")
            return send(head("200 OK", stream.claimedByteCount, length: isWanted ? content.count : 0), client)
                && (!isWanted || send(content, client))
        }
    }

    private func append(_ request: ReceivedRequest) -> String {
        lock.withLock {
            postCount += 1
            let isTenth = postCount.isMultiple(of: 10)
            var body = request.body
            switch fault {
            case .refuses where isTenth: return head("500 No", 0, length: 0)
            case .loses where isTenth: body = []
            case .repeats where isTenth: body += body
            case .changes where isTenth: body[body.count / 2] ^= 1
            default: break
            }
            streams[request.path, default: Stream()].content += body
            // Also where nothing is stored the offset goes on, else the first look at it would tell.
            streams[request.path, default: Stream()].claimedByteCount += request.body.count
            let offset = streams[request.path]?.claimedByteCount ?? 0
            return head("204 No Content", fault == .standsStill ? 0 : offset, length: nil)
        }
    }

    private func follow(_ request: ReceivedRequest, _ client: CInt) -> Bool {
        guard send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n", client)
        else { return false }
        var sent = 0
        while !lock.withLock({ isStopped }) {
            let content = lock.withLock { streams[request.path]?.content ?? [] }
            if content.count > sent || sent == 0 {
                var events = ""
                if content.count > sent {
                    events = "event: data\ndata:\(String(decoding: content[sent...], as: UTF8.self))\n\n"
                }
                events += "event: control\ndata:{\"streamNextOffset\":\"\(content.count)\",\"upToDate\":true}\n\n"
                let size = String(events.utf8.count, radix: 16)
                guard send("\(size)\r\n\(events)\r\n", client) else { return false }
                sent = content.count
            }
            usleep(500)
        }
        return false
    }

    private func head(_ status: String, _ offset: Int, length: Int?) -> String {
        let digits = String(offset)
        let token = String(repeating: "0", count: 16 - digits.count) + digits
        return "HTTP/1.1 \(status)\r\nStream-Next-Offset: \(token)\r\nStream-Up-To-Date: true\r\n"
            + (length.map { "Content-Length: \($0)\r\n" } ?? "") + "\r\n"
    }

    private func send(_ text: String, _ client: CInt) -> Bool { send(Array(text.utf8), client) }

    private func send(_ bytes: [UInt8], _ client: CInt) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(client, $0.baseAddress!, $0.count, CInt(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }
}
