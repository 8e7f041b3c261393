import Foundation

/// The payload of a control event.
struct ControlEvent: Sendable, Equatable, CustomStringConvertible {
    var nextOffset: String
    var cursor: String?
    var isClosed: Bool
    var isUpToDate: Bool

    /// Fails unless the text is exactly what the protocol writes, key order and spacing included.
    init(_ text: String) throws {
        guard let value = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any],
            let nextOffset = value["streamNextOffset"] as? String
        else { throw ClientError.malformed("control event \(text)") }
        self.nextOffset = nextOffset
        cursor = value["streamCursor"] as? String
        isClosed = value["streamClosed"] as? Bool == true
        isUpToDate = value["upToDate"] as? Bool == true
        guard description == text, isClosed == (cursor == nil), isUpToDate || !isClosed else {
            throw ClientError.malformed("control event \(text)")
        }
    }

    var description: String {
        var text = "{\"streamNextOffset\":\"\(nextOffset)\""
        if let cursor { text += ",\"streamCursor\":\"\(cursor)\"" }
        if isClosed { text += ",\"streamClosed\":true" }
        if isUpToDate { text += ",\"upToDate\":true" }
        return text + "}"
    }
}
