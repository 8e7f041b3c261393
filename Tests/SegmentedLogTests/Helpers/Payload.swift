import Glibc

/// A payload that says by its bytes which one it is.
func payload(_ number: Int, byteCount: Int) -> [UInt8] {
    let name = Array("<\(number)>".utf8)
    return [UInt8](unsafeUninitializedCapacity: max(byteCount, name.count)) { buffer, initializedCount in
        memset(buffer.baseAddress!, Int32(number & 0xFF), buffer.count)
        memcpy(buffer.baseAddress!, name, name.count)
        initializedCount = max(byteCount, name.count)
    }
}

/// The parts one after the other.
func joined(_ parts: [[UInt8]]) -> [UInt8] {
    var bytes: [UInt8] = []
    for part in parts { bytes += part }
    return bytes
}

/// Bytes that are compared at once. Without optimization `==` of arrays takes 20 ns for each byte, and comparing is
/// what simulations do most.
struct ComparableBytes: Equatable {
    var bytes: [UInt8] = []

    static func == (left: ComparableBytes, right: ComparableBytes) -> Bool {
        left.bytes.count == right.bytes.count && left.hasPrefix(right.bytes)
    }

    func hasPrefix(_ prefix: [UInt8]) -> Bool {
        prefix.count <= bytes.count && (prefix.isEmpty || memcmp(bytes, prefix, prefix.count) == 0)
    }
}
