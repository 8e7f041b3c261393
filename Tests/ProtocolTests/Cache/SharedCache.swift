import Foundation
import Glibc
import Testing

/// nginx as a shared cache in front of a server, as an operator would set it up, in a process of its own.
final class SharedCache: @unchecked Sendable {
    /// What nginx has written about one request of a client.
    struct LogEntry: Sendable {
        var target: String
        var status: Int
        /// `HIT`, `MISS`, `REVALIDATED`, … or `-`.
        var cacheStatus: String
        /// Whether the server was asked.
        var reachedServer: Bool
    }

    /// Keeps responses for as long as they say.
    let endpoint: Endpoint
    /// Keeps responses for one second, so that a test sees them expire.
    let forgetful: Endpoint
    private let directory: URL
    private let process = Process()

    static let executable: URL? = {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        // Where distributions put it, which is not in the PATH of every user.
        let folders = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/usr/local/sbin"]
        return folders.map { URL(filePath: $0).appending(path: "nginx") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
    }()

    static var isPresent: Bool { executable != nil }
    static let skipReason: Comment = "nginx is not in the PATH: sudo apt-get install nginx-light"

    init(before server: Endpoint) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "shared-cache-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        self.directory = directory
        let ports = [try ServerProgram.freePort(), try ServerProgram.freePort()]
        endpoint = Endpoint(host: "127.0.0.1", port: ports[0], basePath: server.basePath)
        forgetful = Endpoint(host: "127.0.0.1", port: ports[1], basePath: server.basePath)
        let file = directory.appending(path: "nginx.conf")
        let text = Self.configuration(server: server, ports: ports, directory: directory.path)
        try text.write(to: file, atomically: true, encoding: .utf8)
        process.executableURL = Self.executable
        process.arguments = ["-p", directory.path, "-c", file.path, "-e", directory.path + "/error.log"]
        process.standardInput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        let deadline = ContinuousClock.now + .generous
        while true {
            let request = Request("OPTIONS", server.basePath)
            if let connection = try? await Connection(to: endpoint), (try? await connection.exchange(request)) != nil {
                break
            }
            let errors = (try? String(contentsOf: directory.appending(path: "error.log"), encoding: .utf8)) ?? ""
            try #require(process.isRunning && ContinuousClock.now < deadline, "nginx does not answer: \(errors)")
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    deinit {
        if process.isRunning { Glibc.kill(process.processIdentifier, SIGTERM) }
    }

    func stop() async {
        // SIGTERM ends nginx at once, with its workers.
        Glibc.kill(process.processIdentifier, SIGTERM)
        while process.isRunning { try? await Task.sleep(for: .milliseconds(5)) }
        try? FileManager.default.removeItem(at: directory)
    }

    /// All requests to this name so far, in the order in which they ended.
    func requests(to name: String) throws -> [LogEntry] {
        let text = try String(contentsOf: directory.appending(path: "access.log"), encoding: .utf8)
        return text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ", maxSplits: 3).map(String.init)
            guard words.count == 4, words[0].contains(name), let status = Int(words[1]) else { return nil }
            return LogEntry(target: words[0], status: status, cacheStatus: words[2], reachedServer: words[3] != "-")
        }
    }

    /// The same once there are so many; a request is noted a moment after its answer was sent.
    func requests(to name: String, count: Int) async throws -> [LogEntry] {
        let deadline = ContinuousClock.now + .generous
        while true {
            let requests = try requests(to: name)
            if requests.count >= count || ContinuousClock.now > deadline { return requests }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    private static func configuration(server: Endpoint, ports: [UInt16], directory: String) -> String {
        let common = """
                    proxy_pass http://\(server.authority);
                    proxy_http_version 1.1;
                    proxy_set_header Connection "";
                    proxy_set_header Host $http_host;
                    proxy_read_timeout 120s;
                    proxy_cache streams;
                    proxy_cache_convert_head off;
                    proxy_cache_lock on;
                    proxy_cache_lock_timeout 120s;
                    proxy_cache_lock_age 120s;
                    proxy_cache_revalidate on;
            """
        return """
            daemon off;
            worker_processes 1;
            worker_rlimit_nofile 16384;
            pid \(directory)/nginx.pid;
            error_log \(directory)/error.log warn;
            events { worker_connections 8192; }
            http {
                log_format short '$request_uri $status $upstream_cache_status $upstream_addr';
                access_log \(directory)/access.log short;
                client_body_temp_path \(directory)/body;
                proxy_temp_path \(directory)/proxy;
                fastcgi_temp_path \(directory)/fastcgi;
                uwsgi_temp_path \(directory)/uwsgi;
                scgi_temp_path \(directory)/scgi;
                keepalive_requests 100000;
                proxy_cache_path \(directory)/cache levels=1:2 keys_zone=streams:10m max_size=500m use_temp_path=off;
                server {
                    listen 127.0.0.1:\(ports[0]) backlog=4096;
                    location / {
                        proxy_cache_key "$request_method $http_host $request_uri";
            \(common)
                        proxy_cache_use_stale error timeout updating;
                        proxy_cache_background_update on;
                    }
                }
                server {
                    listen 127.0.0.1:\(ports[1]);
                    location / {
                        proxy_cache_key "forgetful $request_method $request_uri";
                        proxy_ignore_headers Cache-Control Expires;
                        proxy_cache_valid 200 1s;
            \(common)
                    }
                }
            }
            """
    }
}

/// Runs the real program with nginx before it.
func withSharedCache(
    _ arguments: [String] = [], _ body: (_ server: ServerProgram, _ cache: SharedCache) async throws -> Void
) async throws {
    try await withServerProgram(arguments) { server in
        let cache = try await SharedCache(before: server.endpoint)
        do {
            try await body(server, cache)
        } catch {
            await cache.stop()
            throw error
        }
        await cache.stop()
    }
}
