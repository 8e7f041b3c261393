@testable import DurableStreams

extension JSONBatch {
    /// Parses text whose bytes need not outlive the call.
    static func parse(_ bytes: [UInt8]) throws(JSONSyntaxError) -> JSONBatch {
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(JSONSyntaxError) -> JSONBatch in try parse(bytes) }
        }
        return try result.get()
    }

    /// The stored form of a body, or nil if it is not valid.
    static func stored(_ body: [UInt8]) -> [UInt8]? {
        body.withUnsafeBytes { body in
            guard let batch = try? parse(body) else { return nil }
            return batch.stored(from: body)
        }
    }

    static func stored(_ body: String) -> String? {
        stored(Array(body.utf8)).map { String(decoding: $0, as: UTF8.self) }
    }

    func stored(from body: UnsafeRawBufferPointer) -> [UInt8] {
        // A byte that the stored form begins with never, so that one that was not written shows.
        var stored = [UInt8](repeating: 0xFF, count: storedByteCount)
        stored.withUnsafeMutableBytes { write(into: $0, from: body) }
        return stored
    }

    /// Why a body is refused, or nil if it is valid.
    static func error(of body: [UInt8]) -> JSONSyntaxError? {
        do {
            _ = try parse(body)
            return nil
        } catch {
            return error
        }
    }

    static func error(of body: String) -> JSONSyntaxError? {
        error(of: Array(body.utf8))
    }
}
