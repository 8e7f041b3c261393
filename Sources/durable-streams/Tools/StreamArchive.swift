import DurableStreams
import FoundationEssentials
import Glibc

/// Streams as one file that any program can read:
///
///     {"format":"durable-streams-archive","version":1}
///     {"byteCount":11,"closed":true,"contentType":"text/plain","crc32":222957957, … ,"path":"a/b","start":0}
///     hello world
///     {"streams":1}
///
/// The first line names the format and its version. Then for each stream: a line of JSON; exactly as many bytes as it
/// says, whatever they are; the end of a line. The last line tells how many streams there were: an archive without it
/// was broken off. All lines end with one LF and have at most 65,536 bytes. Members that a reader does not know are
/// skipped; a change that a reader must know raises the version.
///
/// The bytes of a stream are its stored form: those of a JSON stream are its messages, each followed by one comma.
enum StreamArchive {
    static let format = "durable-streams-archive"
    static let version = 1

    struct Header: Codable {
        var format: String
        var version: Int
    }

    /// What precedes the bytes of a stream.
    struct Entry: Codable {
        /// Normalized.
        var path: String
        /// As its creator gave it.
        var contentType: String
        /// In milliseconds since 1970.
        var createdAt: Int64
        var closed: Bool
        /// Whether it was closed when it was created: a request to create it again has to say so, too.
        var closedAtCreation: Bool
        /// Nil for none.
        var lifetime: Lifetime?
        /// Nil for what the store says.
        var retention: Retention?
        /// The position of the first byte, above 0 where the stream was trimmed.
        var start: UInt64
        var byteCount: UInt64
        /// Of the bytes, as zlib and gzip have it.
        var crc32: UInt32
    }

    /// One of the two.
    struct Lifetime: Codable {
        /// Ends so many seconds after the last use.
        var seconds: UInt64?
        /// Ends then; as the creator wrote it, in RFC 3339.
        var until: String?
    }

    struct Retention: Codable {
        var ageLimitSeconds: UInt64?
        var byteCountLimit: UInt64?
    }

    struct Trailer: Codable {
        var streams: Int
    }

    static func line(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(value)) + [0x0A]
    }

    static func decode<Value: Decodable>(_ line: [UInt8], as type: Value.Type) -> Value? {
        try? JSONDecoder().decode(type, from: Data(line))
    }

    /// Reads the first line.
    static func readHeader(_ input: ArchiveInput) throws {
        guard let line = try input.nextLine(), let header = decode(line, as: Header.self), header.format == format
        else { throw ArchiveError(description: "this is no archive of streams") }
        guard header.version == version else {
            throw ArchiveError(
                description: "the archive has format version \(header.version), which this program does not know")
        }
    }

    enum Line {
        case entry(Entry)
        case trailer(Trailer)
    }

    /// Reads the line before a stream, or the last one.
    static func readLine(_ input: ArchiveInput) throws -> Line {
        guard let line = try input.nextLine() else {
            throw ArchiveError(description: "the archive was broken off: its last line is missing")
        }
        if let entry = decode(line, as: Entry.self) { return .entry(entry) }
        if let trailer = decode(line, as: Trailer.self) { return .trailer(trailer) }
        throw input.damaged("a line is neither about a stream nor the last one")
    }
}

extension WallClockTime {
    /// In UTC, to the millisecond.
    var rfc3339: String {
        var (seconds, milliseconds) = millisecondsSince1970.quotientAndRemainder(dividingBy: 1_000)
        if milliseconds < 0 { (seconds, milliseconds) = (seconds - 1, milliseconds + 1_000) }
        var (time, parts) = (time_t(seconds), tm())
        gmtime_r(&time, &parts)
        func digits(_ number: some BinaryInteger, _ count: Int = 2) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, count - digits.count)) + digits
        }
        let date = "\(digits(parts.tm_year + 1900, 4))-\(digits(parts.tm_mon + 1))-\(digits(parts.tm_mday))"
        let clock = "\(digits(parts.tm_hour)):\(digits(parts.tm_min)):\(digits(parts.tm_sec))"
        return "\(date)T\(clock).\(digits(milliseconds, 3))Z"
    }
}
