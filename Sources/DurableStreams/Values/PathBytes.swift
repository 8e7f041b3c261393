internal import Glibc

/// The text of a path in as little memory as it takes: a million streams each keep theirs. A native `String` of 30
/// bytes takes 80 and a reference of 16; this takes 48 and 8.
///
/// Immutable. The owner frees it.
struct PathBytes: ~Copyable, @unchecked Sendable {
    /// Two bytes of length, then the text.
    private let base: UnsafeMutableRawPointer
    private static let headerByteCount = MemoryLayout<UInt16>.size

    init(_ path: StreamPath) {
        base = path.withBytes { bytes in
            // A path has at most 1,024 bytes, so its length fits.
            let base = UnsafeMutableRawPointer.allocate(byteCount: Self.headerByteCount + bytes.count, alignment: 2)
            base.storeBytes(of: UInt16(bytes.count), as: UInt16.self)
            (base + Self.headerByteCount).copyMemory(from: bytes.baseAddress!, byteCount: bytes.count)
            return base
        }
    }

    deinit { base.deallocate() }

    /// Valid as long as this value lives.
    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: base + Self.headerByteCount, count: Int(base.load(as: UInt16.self)))
    }

    /// The path again, in memory of its own.
    var path: StreamPath { StreamPath(normalized: bytes) }
}

extension UnsafeRawBufferPointer {
    /// Whether both hold the same bytes.
    func hasSameBytes(as other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count else { return false }
        guard count > 0, let base = baseAddress, let otherBase = other.baseAddress else { return true }
        return memcmp(base, otherBase, count) == 0
    }

    /// Whether these bytes come before the others: byte by byte, and a beginning before what it begins.
    func precedes(_ other: UnsafeRawBufferPointer) -> Bool {
        let common = Swift.min(count, other.count)
        guard common > 0, let base = baseAddress, let otherBase = other.baseAddress else { return count < other.count }
        let order = memcmp(base, otherBase, common)
        return order == 0 ? count < other.count : order < 0
    }

    func starts(with prefix: UnsafeRawBufferPointer) -> Bool {
        count >= prefix.count && UnsafeRawBufferPointer(rebasing: self[..<prefix.count]).hasSameBytes(as: prefix)
    }
}
