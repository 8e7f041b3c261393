import SegmentedLog

/// Rows that forget nothing that the engine tells them: the annotation of the create entry, and those of all appends.
struct AppendListRows: LogRowFolder {
    struct Row: Equatable {
        var creation: [UInt8]
        var annotations: [[UInt8]] = []

        func encode() -> [UInt8] {
            ([creation] + annotations).flatMap { part in
                withUnsafeBytes(of: UInt32(part.count).littleEndian) { Array($0) } + part
            }
        }

        init(creation: [UInt8]) { self.creation = creation }

        init?(_ bytes: UnsafeRawBufferPointer) {
            var parts: [[UInt8]] = []
            var offset = 0
            while offset < bytes.count {
                guard bytes.count - offset >= 4 else { return nil }
                let count = Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self).littleEndian)
                offset += 4
                guard bytes.count - offset >= count else { return nil }
                parts.append(Array(bytes[offset ..< (offset + count)]))
                offset += count
            }
            guard !parts.isEmpty else { return nil }
            creation = parts.removeFirst()
            annotations = parts
        }
    }

    func row(
        after changes: LogRowChanges, to row: UnsafeRawBufferPointer?
    ) throws(RecoveryRefusal) -> [UInt8] {
        var result: Row
        var entries = changes.entries[...]
        if let row {
            guard let before = Row(row) else { throw RecoveryRefusal(reason: "a malformed row") }
            result = before
        } else {
            guard let first = entries.popFirst(), first.kind == .create else {
                throw RecoveryRefusal(reason: "a stream that does not begin")
            }
            result = Row(creation: Array(first.annotation))
        }
        for entry in entries { result.annotations.append(Array(entry.annotation)) }
        return result.encode()
    }
}
