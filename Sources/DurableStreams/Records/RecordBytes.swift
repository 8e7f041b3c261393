/// Builds a record, little endian, strings with their length before them.
struct RecordWriter {
    private(set) var bytes: [UInt8] = []

    mutating func add<Integer: FixedWidthInteger>(_ value: Integer) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// Bytes with their count before them.
    mutating func add(_ block: some Collection<UInt8>) {
        add(UInt32(block.count))
        bytes.append(contentsOf: block)
    }

    mutating func add(_ text: String) {
        add(UInt32(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }
}

/// Reads a record that is not trusted: nil where it ends too early.
struct RecordReader {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool { offset == bytes.count }

    mutating func next<Integer: FixedWidthInteger>(_: Integer.Type = Integer.self) -> Integer? {
        guard bytes.count - offset >= MemoryLayout<Integer>.size else { return nil }
        defer { offset += MemoryLayout<Integer>.size }
        return Integer(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Integer.self))
    }

    /// Bytes with their count before them, borrowed from what is read.
    mutating func nextBlock() -> UnsafeRawBufferPointer? {
        guard let byteCount = next(UInt32.self), bytes.count - offset >= Int(byteCount) else { return nil }
        defer { offset += Int(byteCount) }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + Int(byteCount))])
    }

    /// Nil also where the text is no normalized path.
    mutating func nextPath() -> StreamPath? {
        guard let text = nextText(), let path = try? StreamPath(text), path.text == text else { return nil }
        return path
    }

    /// Nil also where the bytes are not UTF-8.
    mutating func nextText() -> String? { nextBlock().flatMap { String(validating: $0, as: UTF8.self) } }
}
