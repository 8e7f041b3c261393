/// Something that a look at the files of a store has found.
package struct LogFinding: Sendable, Equatable, CustomStringConvertible {
    package enum Severity: String, Sendable {
        /// Bytes are missing, or are not those that were written.
        case damage
        /// Nothing is wrong, but somebody may want to know.
        case note
    }

    package var severity: Severity
    package var path: String
    /// Where in the file it is, or begins.
    package var byteOffset: Int
    package var reason: String

    package var description: String { "\(path) at byte \(byteOffset): \(reason)" }
}

/// The findings so far, in the order in which they were made.
struct FindingList {
    private(set) var all: [LogFinding] = []

    mutating func addDamage(_ path: String, _ byteOffset: Int, _ reason: String) {
        all.append(LogFinding(severity: .damage, path: path, byteOffset: byteOffset, reason: reason))
    }

    mutating func add(_ others: FindingList) { all += others.all }

    mutating func addNote(_ path: String, _ byteOffset: Int, _ reason: String) {
        all.append(LogFinding(severity: .note, path: path, byteOffset: byteOffset, reason: reason))
    }
}

/// How far a long look at a store has got.
package struct LogProgress: Sendable {
    package enum Phase: String, Sendable {
        case reading, verifying, writing
    }

    package var phase: Phase
    package var doneByteCount: Int
    package var totalByteCount: Int
}

/// Why the files of a store could not be looked at, or not be repaired.
package enum LogInspectionError: Error, Sendable, CustomStringConvertible {
    /// A process has the store open: its files change.
    case locked(path: String, holder: String)
    /// This is no store.
    case noStore(path: String)
    /// Written by a newer program.
    case unsupportedVersion(path: String, version: UInt32)
    /// Nothing can be done about this damage.
    case beyondRepair(reason: String)
    /// A system call failed.
    case system(FileSystemError)

    package var description: String {
        switch self {
        case .locked(let path, let holder):
            "the store is in use: \(path) is locked by \(holder.isEmpty ? "another process" : holder), "
                + "which has to be stopped first"
        case .noStore(let path): "\(path) holds no store: there is no segment in it"
        case .unsupportedVersion(let path, let version):
            "\(path) has format version \(version), which this program does not know"
        case .beyondRepair(let reason): "the store cannot be repaired: \(reason)"
        case .system(let error): error.description
        }
    }
}
