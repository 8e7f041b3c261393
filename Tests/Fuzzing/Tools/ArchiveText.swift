/// Another reader of archives, which only says what streams they hold.
enum ArchiveText {
    struct Contents {
        /// By path. Several where the path comes more than once.
        var streams: [String: [[UInt8]]] = [:]
        /// Whether all of it can be read, and every checksum and the number of streams are right.
        var isSound = false
        /// Whether something in a line makes no sense to a store.
        var mayBeRefused = false
    }

    static func contents(_ archive: [UInt8]) -> Contents {
        var contents = Contents()
        var rest = archive[...]
        guard let header = StreamArchive.decode(line(&rest), as: StreamArchive.Header.self),
            header.format == "durable-streams-archive", header.version == 1
        else { return contents }
        var count = 0
        while !rest.isEmpty {
            let text = line(&rest)
            guard let entry = StreamArchive.decode(text, as: StreamArchive.Entry.self) else {
                let trailer = StreamArchive.decode(text, as: StreamArchive.Trailer.self)
                contents.isSound = trailer?.streams == count
                return contents
            }
            guard entry.byteCount < UInt64(rest.count) else { return contents }
            let bytes = Array(rest.prefix(Int(entry.byteCount)))
            rest = rest.dropFirst(bytes.count)
            guard rest.popFirst() == 0x0A, checksum(bytes) == entry.crc32 else { return contents }
            contents.streams[entry.path, default: []].append(bytes)
            let isKnown = (try? StreamPath(entry.path))?.text == entry.path && ContentType(entry.contentType) != nil
            let time = entry.lifetime?.until.map { WallClockTime(rfc3339: $0) != nil }
            if !isKnown || time == false || text.count > 65_536 { contents.mayBeRefused = true }
            count += 1
        }
        return contents
    }

    /// Puts into each line of a stream the checksum of the bytes behind it, and into the last one how many streams
    /// there are, where the archive can be read so far.
    static func repair(_ archive: inout [UInt8]) {
        var result: [UInt8] = []
        var rest = archive[...]
        var count = 0
        result += line(&rest) + [0x0A]
        while !rest.isEmpty {
            let text = line(&rest)
            guard let entry = StreamArchive.decode(text, as: StreamArchive.Entry.self) else {
                result += replacing("\"streams\":", with: count, in: text) + [0x0A]
                break
            }
            let bytes = rest.prefix(Int(clamping: entry.byteCount))
            result += replacing("\"crc32\":", with: Int(checksum(Array(bytes))), in: text) + [0x0A] + bytes
            rest = rest.dropFirst(bytes.count)
            if let end = rest.popFirst() { result.append(end) }
            count += 1
        }
        archive = result + rest
    }

    /// For sorting.
    static func order(_ bytes: [UInt8]) -> String { bytes.map { String($0, radix: 16) }.joined(separator: " ") }

    private static func line(_ rest: inout ArraySlice<UInt8>) -> [UInt8] {
        let line = rest.prefix { $0 != 0x0A }
        rest = rest.dropFirst(line.count + 1)
        return Array(line)
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var checksum = Checksum()
        bytes.withUnsafeBytes { checksum.add($0) }
        return checksum.value
    }

    private static func replacing(_ name: String, with number: Int, in line: [UInt8]) -> [UInt8] {
        let name = Array(name.utf8)
        guard let start = line.indices.first(where: { line[$0...].starts(with: name) }) else { return line }
        let digits = line[(start + name.count)...].prefix { (0x30...0x39).contains($0) }
        return line[..<digits.startIndex] + Array("\(number)".utf8) + line[digits.endIndex...]
    }
}
