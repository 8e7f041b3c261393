internal import Glibc

/// A server that this process starts, on a free port and a directory of its own, and takes down again.
public final class OwnServer {
    public private(set) var processIdentifier: Int32 = 0
    public var url: String { "http://127.0.0.1:\(port)/v1/stream" }
    private let executable: String
    private let arguments: [String]
    private let directory: String
    private var port: UInt16 = 0

    /// Starts it and returns once it answers. The directory is made below the given one, and removed by ``stop()``.
    public init(executable: String, arguments: [String] = [], below parent: String = ".") throws(LoadError) {
        self.executable = executable
        self.arguments = arguments
        var template = Array("\(parent)/bench-data.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw .system("mkdtemp \(parent)/bench-data.XXXXXX") }
        directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        do throws(LoadError) {
            try start()
            try waitUntilItAnswers()
        } catch {
            stop()
            throw error
        }
    }

    deinit { stop() }

    /// Starts the process. The first time on any free port, afterwards on the same one again.
    func start() throws(LoadError) {
        if port == 0 { port = try Self.freePort() }
        let words =
            [executable, "serve", "--port", "\(port)", "--data-dir", "\(directory)/data", "--log-level", "warning"]
            + arguments
        var pointers = words.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var identifier = pid_t()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        // What the server logs is no part of the report.
        posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO)
        let code = posix_spawn(&identifier, executable, &actions, nil, &pointers, environ)
        guard code == 0 else { throw LoadError("\(executable): \(String(cString: strerror(code)))") }
        processIdentifier = identifier
    }

    /// Asks for `/healthz` every half millisecond. Returns the nanoseconds that it took.
    @discardableResult
    func waitUntilItAnswers(limitSeconds: Double = 60) throws(LoadError) -> UInt64 {
        let begin = MonotonicClock.now
        let client = BlockingClient(to: try ServerAddress(url: url))
        while MonotonicClock.now < begin + .seconds(limitSeconds) {
            if let response = try? client.exchange("GET", "/healthz"), response.head.status == 200 {
                return MonotonicClock.now - begin
            }
            var status: CInt = 0
            guard waitpid(processIdentifier, &status, WNOHANG) == 0 else {
                processIdentifier = 0
                throw LoadError("the server has ended before it answered")
            }
            if Interruption.isRequested { throw LoadError("interrupted") }
            MonotonicClock.sleep(nanoseconds: 500_000)
        }
        throw LoadError("the server does not answer")
    }

    /// SIGKILL: no time for anything.
    func kill() {
        guard processIdentifier > 0 else { return }
        _ = Glibc.kill(processIdentifier, SIGKILL)
        var status: CInt = 0
        while waitpid(processIdentifier, &status, 0) < 0, errno == EINTR {}
        processIdentifier = 0
    }

    /// Ends the process and removes its directory.
    public func stop() {
        kill()
        Self.remove(directory)
    }

    private static func remove(_ path: String) {
        if let handle = opendir(path) {
            while let entry = readdir(handle) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                    pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                guard name != ".", name != ".." else { continue }
                let child = "\(path)/\(name)"
                if entry.pointee.d_type == UInt8(DT_DIR) { remove(child) } else { unlink(child) }
            }
            closedir(handle)
        }
        rmdir(path)
    }

    private static func freePort() throws(LoadError) -> UInt16 {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw .system("socket") }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                bind(descriptor, raw, size) == 0 && getsockname(descriptor, raw, &size) == 0
            }
        }
        guard isBound else { throw .system("bind to a free port") }
        return UInt16(bigEndian: address.sin_port)
    }
}
