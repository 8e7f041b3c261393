import Glibc
import SimulatedDisk

/// A payload that says by its bytes which one it is.
func payload(_ number: Int, byteCount: Int) -> [UInt8] {
    let name = Array("<\(number)>".utf8)
    return [UInt8](unsafeUninitializedCapacity: max(byteCount, name.count)) { buffer, initializedCount in
        memset(buffer.baseAddress!, Int32(number & 0xFF), buffer.count)
        memcpy(buffer.baseAddress!, name, name.count)
        initializedCount = max(byteCount, name.count)
    }
}

/// Random bytes from a store of them: drawing each anew is what simulations would do most.
func randomBytes(byteCount: Int, _ generator: inout SeededGenerator) -> [UInt8] {
    let first = generator.integer(below: storedRandomBytes.count - byteCount)
    return Array(storedRandomBytes[first ..< (first + byteCount)])
}

private let storedRandomBytes: [UInt8] = {
    var generator = SeededGenerator(seed: 1, purpose: "random bytes")
    return generator.bytes(count: 1 << 18)
}()

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
