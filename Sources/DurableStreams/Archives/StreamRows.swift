package import SegmentedLog

/// What the tools for stopped stores have to know of the rows of streams.
package enum StreamRows {
    /// Makes them when a segment is sealed, or a store repaired.
    package static let folder: any LogRowFolder = StreamRowFolder()

    /// Throws where a row would keep the store from opening.
    package static func validate(_ row: UnsafeRawBufferPointer) throws(RecoveryRefusal) {
        guard let state = StreamStateRow.decode(row) else {
            throw RecoveryRefusal(reason: "a stream's row is malformed")
        }
        guard state.creation.withUnsafeBytes({ StreamRow.decode($0) }) != nil else {
            throw RecoveryRefusal(reason: "the record of a new stream is malformed")
        }
    }

    /// The stream's path; nil if the row is malformed.
    package static func path(_ row: UnsafeRawBufferPointer) -> String? {
        StreamStateRow.decode(row)?.creation.withUnsafeBytes { StreamRow.decode($0)?.path.text }
    }
}
