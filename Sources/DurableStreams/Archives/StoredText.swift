/// The stored form of a stream as something that can be appended to another one.
package enum StoredText {
    /// How many of the bytes can be appended by themselves: all of a byte stream's; of a JSON stream's the messages
    /// that are there as a whole.
    package static func wholeByteCount(of stored: [UInt8], isJSON: Bool) -> Int {
        isJSON ? stored.withUnsafeBytes { JSONMessageScanner.lastBoundary(in: $0) } : stored.count
    }

    /// The body of an append that stores just these bytes.
    /// - Parameter stored: What ``wholeByteCount(of:isJSON:)`` says, at least one byte.
    package static func body(of stored: ArraySlice<UInt8>, isJSON: Bool) -> [UInt8] {
        guard isJSON else { return Array(stored) }
        return [UInt8(ascii: "[")] + stored.dropLast() + [UInt8(ascii: "]")]
    }
}

extension Stream {
    /// Whether the request that created it said that it ends with its first content.
    package var isClosedAtCreation: Bool { configuration.isClosedAtCreation }
    /// As the request that created it had it.
    package var requestedRetention: Retention? { configuration.retention }
}
