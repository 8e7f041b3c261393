internal import Glibc

/// Copies of whole ranges. The tests run thousands of simulations without optimization, where a loop over bytes costs
/// more than everything else here.
extension [UInt8] {
    init(copying bytes: UnsafeRawBufferPointer) {
        self.init(copying: [bytes])
    }

    /// All of the buffers, one after the other.
    init(copying buffers: [UnsafeRawBufferPointer]) {
        let total = buffers.reduce(0) { $0 + $1.count }
        self.init(unsafeUninitializedCapacity: total) { storage, initializedCount in
            let destination = UnsafeMutableRawBufferPointer(storage)
            for buffer in buffers where !buffer.isEmpty {
                UnsafeMutableRawBufferPointer(rebasing: destination[initializedCount...]).copyMemory(from: buffer)
                initializedCount += buffer.count
            }
        }
    }

    /// Puts bytes at an offset; what lies between the end and the offset becomes zero.
    mutating func put(_ bytes: ArraySlice<UInt8>, at offset: Int) {
        grow(to: offset + bytes.count)
        bytes.withUnsafeBytes { source in
            withUnsafeMutableBytes { destination in
                UnsafeMutableRawBufferPointer(rebasing: destination[offset...]).copyMemory(from: source)
            }
        }
    }

    /// Whether these bytes are at that offset.
    func has(_ bytes: [UInt8], at offset: Int) -> Bool {
        guard offset + bytes.count <= count, !bytes.isEmpty else { return false }
        return withUnsafeBytes { memcmp($0.baseAddress! + offset, bytes, bytes.count) == 0 }
    }

    mutating func grow(to byteCount: Int) {
        while count < byteCount {
            append(contentsOf: Self.zeros[..<Swift.min(Self.zeros.count, byteCount - count)])
        }
    }

    private static let zeros = [UInt8](repeating: 0, count: 65_536)
}

extension UnsafeRawBufferPointer {
    /// A fingerprint of the bytes for the trace: FNV-1a over words, the last one filled up with zeros.
    var fingerprint: UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ UInt64(count)
        var offset = 0
        while offset + 8 <= count {
            hash = (hash ^ loadUnaligned(fromByteOffset: offset, as: UInt64.self)) &* 0x100_0000_01B3
            hash ^= hash >> 29
            offset += 8
        }
        var last: UInt64 = 0
        while offset < count {
            last = last << 8 | UInt64(self[offset])
            offset += 1
        }
        return (hash ^ last) &* 0x100_0000_01B3
    }
}
