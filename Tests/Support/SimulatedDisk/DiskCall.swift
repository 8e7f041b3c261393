/// What can be asked of the disk.
public enum DiskCall: String, CaseIterable, Hashable, Sendable {
    case createDirectory, listFiles, createFile, openFile, rename, unlink, synchronizeDirectory, lock
    case byteCount, write, read, synchronize, map

    /// Whether it changes what is on the disk, or what is certain to stay there. Effects are counted, and a crash
    /// happens at one.
    public var isEffect: Bool {
        switch self {
        case .createDirectory, .createFile, .rename, .unlink, .synchronizeDirectory, .write, .synchronize: true
        case .listFiles, .openFile, .lock, .byteCount, .read, .map: false
        }
    }

    public static let effects = Set(allCases.filter(\.isEffect))
}

/// What is done to which kind of file, as the end of its name tells it.
public struct EffectKind: Hashable, Sendable, CustomStringConvertible {
    public var call: DiskCall
    /// What comes after the last dot of the path's last part; empty if there is none.
    public var fileExtension: String

    public init(_ call: DiskCall, fileExtension: String) {
        self.call = call
        self.fileExtension = fileExtension
    }

    init(_ call: DiskCall, _ path: String) {
        var start: String.Index?
        for index in path.utf8.indices.reversed() {
            let byte = path.utf8[index]
            if byte == 0x2E { start = path.utf8.index(after: index) }
            if byte == 0x2E || byte == 0x2F { break }
        }
        self.init(call, fileExtension: start.map { String(path[$0...]) } ?? "")
    }

    public var description: String { "\(call) \(fileExtension)" }
}

/// A plan for calls to fail that the process survives.
///
/// A write that fails leaves a random part of itself behind. A synchronization that fails leaves each write that it
/// should have made durable durable or lost, and forgets them all: a later one that succeeds says nothing about them.
/// Every other call that fails has done nothing.
public struct DiskFault: Sendable {
    /// Which calls are counted, and fail.
    public var calls: Set<DiskCall>
    /// Only calls on paths that contain this, if given.
    public var pathFragment: String?
    /// Which of them fails: 1 is the next one after the fault was injected.
    public var occurrence: Int
    /// Whether all later ones fail, too.
    public var isPermanent: Bool
    /// The error number that they fail with.
    public var errno: Int32

    public init(
        _ calls: Set<DiskCall>, pathFragment: String? = nil, occurrence: Int = 1, isPermanent: Bool = false,
        errno: Int32
    ) {
        precondition(occurrence >= 1)
        self.calls = calls
        self.pathFragment = pathFragment
        self.occurrence = occurrence
        self.isPermanent = isPermanent
        self.errno = errno
    }

    func concerns(_ call: DiskCall, _ path: String) -> Bool {
        calls.contains(call) && (pathFragment.map(path.contains) ?? true)
    }
}
