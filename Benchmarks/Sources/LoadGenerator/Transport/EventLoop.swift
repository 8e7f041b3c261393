internal import CSystemShims
internal import Glibc

/// Waits for the sockets of one thread, and for points in time.
///
/// It stands directly on epoll and non-blocking sockets. Load generator and server share the machine, here two cores: a
/// client on SwiftNIO was seen to use more CPU time for a request than the server that it measures, and then measures
/// itself. Belongs to one thread at a time; the one that makes it may hand it over.
final class EventLoop {
    /// Where every connection's bytes arrive; valid until the next is looked at. As large as is still good for a core's
    /// cache.
    let receiveBuffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 << 10, alignment: 64)
    private let descriptor: CInt
    private var connections: [Connection?] = []
    private var freeTokens: [Int] = []
    private let events = UnsafeMutableBufferPointer<epoll_event>.allocate(capacity: 256)
    private var timers: [(deadline: UInt64, action: () -> Void)] = []

    init() throws(LoadError) {
        descriptor = epoll_create1(CInt(EPOLL_CLOEXEC))
        guard descriptor >= 0 else { throw .system("epoll_create1") }
    }

    deinit {
        close(descriptor)
        receiveBuffer.deallocate()
        events.deallocate()
    }

    /// Turns until the condition holds, which is looked at after each batch of events, at least every 20 ms.
    func run(until condition: () -> Bool) {
        while !condition(), !Interruption.isRequested { turn() }
    }

    /// Calls the action once, when its time has come, from ``run(until:)``.
    func schedule(at deadline: UInt64, _ action: @escaping () -> Void) { timers.append((deadline, action)) }

    /// Ends all connections.
    func closeAll() {
        for connection in connections { connection?.close() }
    }

    private func turn() {
        let longestWait: UInt64 = 20_000_000
        var wait = longestWait
        if let next = timers.min(by: { $0.deadline < $1.deadline }) {
            let now = MonotonicClock.now
            wait = next.deadline > now ? min(wait, next.deadline - now) : 0
        }
        var time = timespec(tv_sec: 0, tv_nsec: Int(wait))
        let count = epoll_pwait2(descriptor, events.baseAddress!, CInt(events.count), &time, nil)
        for index in 0..<max(0, Int(count)) {
            let event = events[index]
            guard let connection = connections[Int(event.data.u64)] else { continue }
            if event.events & EPOLLOUT.rawValue != 0 { connection.isWritable() }
            if event.events & ~EPOLLOUT.rawValue != 0 { connection.isReadable() }
        }
        if !timers.isEmpty { runTimers() }
    }

    private func runTimers() {
        let now = MonotonicClock.now
        guard timers.contains(where: { $0.deadline <= now }) else { return }
        let due = timers.filter { $0.deadline <= now }.sorted { $0.deadline < $1.deadline }
        timers.removeAll { $0.deadline <= now }
        for timer in due { timer.action() }
    }

    // MARK: For connections

    func add(_ connection: Connection) -> Int {
        let token = freeTokens.popLast() ?? connections.count
        if token == connections.count { connections.append(connection) } else { connections[token] = connection }
        control(EPOLL_CTL_ADD, connection.descriptor, token, waitsToWrite: false)
        return token
    }

    func setWaitsToWrite(_ waitsToWrite: Bool, _ connection: Connection) {
        control(EPOLL_CTL_MOD, connection.descriptor, connection.token, waitsToWrite: waitsToWrite)
    }

    /// Before the connection's descriptor is closed. Its token is free only once no event of this turn can have it.
    func remove(_ connection: Connection) {
        control(EPOLL_CTL_DEL, connection.descriptor, connection.token, waitsToWrite: false)
        let token = connection.token
        connections[token] = nil
        schedule(at: 0) { [unowned self] in freeTokens.append(token) }
    }

    private func control(_ operation: CInt, _ socket: CInt, _ token: Int, waitsToWrite: Bool) {
        var event = epoll_event()
        event.events = EPOLLIN.rawValue | (waitsToWrite ? EPOLLOUT.rawValue : 0)
        event.data.u64 = UInt64(token)
        let outcome = epoll_ctl(descriptor, operation, socket, &event)
        precondition(outcome == 0, "epoll_ctl: \(errno)")
    }
}
