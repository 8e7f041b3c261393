/// An archive of streams, as import reads it.
///
/// Input: one byte of options (1 checksums and the count of streams are made right, 2 streams that are there are
/// skipped), then the archive. What is imported from a file is what the archive says; from standard input, where it
/// comes in pieces, it is the same, or where the archive is wrong what comes before that place.
enum ArchiveTarget: FuzzTarget {
    static let name = "archive"

    static func seeds() -> [[UInt8]] {
        let archives = [SeedArchive.everything, SeedArchive.small, SeedArchive.make([])] + SeedArchive.extremes
        return archives.flatMap { archive in (0..<4).map { [$0] + archive } }
    }

    static func run(_ bytes: UnsafeRawBufferPointer) {
        guard let options = bytes.first else { return }
        var archive = Array(bytes.dropFirst())
        if options & 1 != 0 { ArchiveText.repair(&archive) }
        let said = ArchiveText.contents(archive)
        let skipsExisting = options & 2 != 0

        let file = ArchiveTrial(skipsExisting: skipsExisting)
        let isVerified = file.verify(archive)
        expect(file.contents == [:], "verifying imports something")
        if !isVerified { expect(!said.isSound || said.mayBeRefused, "a sound archive is refused") }
        let isImported = isVerified && file.importFile(archive)
        check(file.contents, said)

        let input = ArchiveTrial(skipsExisting: skipsExisting)
        let isRead = input.importPieces(archive)
        check(input.contents, said)
        expect(!isImported || isRead, "what comes in pieces is refused")
        expect(!isImported || input.contents == file.contents, "what comes in pieces is another store")
        expect(isVerified || !isRead, "what comes in pieces is not verified")
        file.close()
        input.close()
    }

    private static func check(_ contents: [String: [UInt8]], _ said: ArchiveText.Contents) {
        for (path, content) in contents {
            expect(said.streams[path]?.contains(content) == true, "\(path) has other bytes")
        }
    }
}

/// A sound archive with damage at one place: it is refused, or no content is any other.
///
/// Input: the kind of damage (0 bytes are other ones, 1 the end is missing, 2 bytes are missing, 3 bytes come between,
/// 4 bytes are there twice), the place (3 bytes), the byte count, and the bytes.
enum DamagedArchiveTarget: FuzzTarget {
    static let name = "damaged-archive"

    static func seeds() -> [[UInt8]] {
        let count = SeedArchive.plain.count
        return (0..<5).flatMap { kind in
            stride(from: 0, to: count, by: 97).map { [UInt8(kind), UInt8($0 & 255), UInt8($0 >> 8), 0, 2, 0x31, 0x22] }
        }
    }

    static func run(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= 5 else { return }
        let input = Array(bytes)
        var archive = SeedArchive.plain
        let place = Int(input.integer(at: 1, as: UInt32.self) & 0xFF_FFFF) % archive.count
        let byteCount = Int(input[4])
        let end = min(archive.count, place + byteCount)
        switch input[0] % 5 {
        // No more than the checksum is sure to notice.
        case 0: for (offset, byte) in input.dropFirst(5).prefix(4).enumerated() where place + offset < archive.count {
            archive[place + offset] = byte
        }
        case 1: archive.removeSubrange(place...)
        case 2: archive.removeSubrange(place..<end)
        case 3: archive.insert(contentsOf: input.dropFirst(5).prefix(byteCount), at: place)
        default: archive.insert(contentsOf: archive[place..<end], at: place)
        }
        let trial = ArchiveTrial(skipsExisting: false)
        let isImported = trial.verify(archive) && trial.importFile(archive)
        let contents = trial.contents.values.map(ArchiveText.order)
        if isImported {
            // The lines of JSON have no checksum: a path may be another one.
            let original = ArchiveText.contents(SeedArchive.plain).streams.values.map { ArchiveText.order($0[0]) }
            expect(contents.sorted() == original.sorted(), "streams are missing, or have other bytes")
        }
        trial.close()
    }
}
