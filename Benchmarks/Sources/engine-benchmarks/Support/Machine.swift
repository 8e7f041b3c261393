import Foundation
import Glibc

#if ROCKSDB
    import CRocksDB
#endif
#if LMDB
    import CLMDB
#endif
#if SQLITE
    import CSQLite
#endif

/// Where and with what figures were measured: no figure means anything without it.
enum Machine {
    static var description: [String: String] {
        var facts = [
            "date": ISO8601DateFormatter().string(from: Date()),
            "cores": "\(sysconf(Int32(_SC_NPROCESSORS_ONLN)))",
            "CPU": value(of: "model name", in: "/proc/cpuinfo"),
            "kernel": text(of: "/proc/sys/kernel/osrelease"),
            "memory": value(of: "MemTotal", in: "/proc/meminfo"),
            "load average at the end": text(of: "/proc/loadavg"),
            "Swift": swiftVersion,
            "build": isDebug ? "debug: the figures mean nothing" : "release",
        ]
        for (name, version) in peers { facts[name] = version }
        return facts
    }

    static var isDebug: Bool {
        var result = false
        assert({ result = true; return true }())
        return result
    }

    private static var swiftVersion: String {
        #if swift(>=6.4)
            "6.4 or later"
        #elseif swift(>=6.3)
            "6.3"
        #else
            "6.2"
        #endif
    }

    private static var peers: [(String, String)] {
        var peers: [(String, String)] = []
        #if ROCKSDB
            peers.append(("RocksDB", packageVersion("librocksdb-dev")))
        #endif
        #if LMDB
            var numbers: (Int32, Int32, Int32) = (0, 0, 0)
            _ = mdb_version(&numbers.0, &numbers.1, &numbers.2)
            peers.append(("LMDB", "\(numbers.0).\(numbers.1).\(numbers.2)"))
        #endif
        #if SQLITE
            peers.append(("SQLite", String(cString: sqlite3_libversion())))
        #endif
        return peers
    }

    /// RocksDB's C interface does not tell its version, nor its library the package's.
    private static func packageVersion(_ package: String) -> String {
        let status = (try? String(contentsOfFile: "/var/lib/dpkg/status", encoding: .utf8)) ?? ""
        guard let start = status.range(of: "Package: \(package)\n"),
            let line = status[start.upperBound...].split(separator: "\n").first(where: { $0.hasPrefix("Version: ") })
        else { return "unknown" }
        return String(line.dropFirst("Version: ".count))
    }

    private static func text(of path: String) -> String {
        let bytes = FileManager.default.contents(atPath: path) ?? Data()
        return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static func value(of name: String, in path: String) -> String {
        let line = text(of: path).split(separator: "\n").first { $0.hasPrefix(name) }
        let value = line?.split(separator: ":", maxSplits: 1).last.map(String.init) ?? "unknown"
        return value.trimmingCharacters(in: .whitespaces)
    }
}
