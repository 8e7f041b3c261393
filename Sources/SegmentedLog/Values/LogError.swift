/// Why a log could not be opened.
public enum LogOpenError: Error, Sendable, CustomStringConvertible {
    /// Another process (or another log of this one) has the directory.
    case locked(path: String, holder: String)
    /// What is on the disk is not what was written there. Nothing was changed.
    case corrupt(path: String, byteOffset: Int, reason: String)
    /// A file of a newer (or no known) version of the format.
    case unsupportedVersion(path: String, version: UInt32)
    /// A setting is out of its range.
    case invalidConfiguration(reason: String)
    /// A system call failed.
    case system(FileSystemError)

    public var description: String {
        switch self {
        case .locked(let path, let holder):
            "the store is in use: \(path) is locked by \(holder.isEmpty ? "another process" : holder)"
        case .corrupt(let path, let byteOffset, let reason):
            "the store is damaged: \(path) at byte \(byteOffset): \(reason)"
        case .unsupportedVersion(let path, let version):
            "\(path) has format version \(version), which this program does not know"
        case .invalidConfiguration(let reason): reason
        case .system(let error): error.description
        }
    }
}

/// Why an entry was not taken into the log. Nothing was changed.
public enum LogRefusal: Error, Sendable, Equatable {
    /// Too much is pending, or the next segment is not ready yet. Ask again after ``SegmentedLog/whenRoom(_:_:)`` has called back.
    case mustWait(RoomTicket)
    /// The disk is full. Appends are taken again by themselves once there is room.
    case diskFull
    /// The next segment could not be made for another reason. Tried again from time to time.
    case unavailable(reason: String)
    /// The entry is larger than a segment can ever be.
    case entryTooLarge
    /// A write or a sync failed: the log takes no more until it is opened anew.
    case stopped(reason: String)
    /// The log is being closed.
    case closing
}

/// Tells whether room was made since a refusal.
public struct RoomTicket: Sendable, Equatable {
    let generation: UInt64
}

/// Why a commit that had been taken did not become durable.
public struct CommitFailure: Error, Sendable, Equatable, CustomStringConvertible {
    public var reason: String
    public var description: String { reason }
}
