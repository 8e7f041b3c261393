/// Puts a repaired store in the place of the damaged one, so that at every moment one of the two can be recognised.
///
/// The new segment was written and synced under its `.sealing` name, which any opening takes for worthless. Then:
///
///     1. the directory for the old files is made       a crash up to here: the damaged store, as it was
///     2. the new segment is renamed to `.repaired`,
///        and the directory is synced                   from here on: the repaired store, but not yet in place.
///     3. the files of all old segments are moved,           Opening refuses it; a repair goes on at step 3.
///        and both directories are synced
///     4. the new segment is renamed to `.sealed`,
///        and the directory is synced                   from here on: the repaired store
///
/// A server that starts by itself in the middle would remove old files in favour of the new segment, or, without that,
/// open what is left of the old ones; so it must not start there.
struct RepairPublication {
    let path: String
    let fileSystem: any FileSystem
    let oldFilesPath: String

    func path(_ identity: SealedIdentity) -> String { "\(path)/\(identity.name())" }
    func temporaryPath(_ identity: SealedIdentity) -> String { "\(path)/\(identity.name(suffix: "sealing"))" }

    func repairedPath(_ identity: SealedIdentity) -> String {
        "\(path)/\(identity.name(suffix: StoreListing.repairedSuffix))"
    }

    /// Does all steps that were not done yet.
    func publish(_ identity: SealedIdentity) throws(FileSystemError) {
        try fileSystem.createDirectory(oldFilesPath)
        var listing = StoreListing(try fileSystem.listFiles(inDirectory: path))
        if listing.unfinishedRepairs.isEmpty {
            try fileSystem.rename(temporaryPath(identity), to: repairedPath(identity))
            try fileSystem.synchronizeDirectory(path)
            listing = StoreListing(try fileSystem.listFiles(inDirectory: path))
        }
        let names =
            listing.journal.map { SegmentDirectory.name($0.number, $0.kind) } + listing.sealed.map { $0.name() }
            + listing.unfinished
        for name in names { try fileSystem.rename("\(path)/\(name)", to: "\(oldFilesPath)/\(name)") }
        try fileSystem.synchronizeDirectory(oldFilesPath)
        try fileSystem.synchronizeDirectory(path)
        try fileSystem.rename(repairedPath(identity), to: path(identity))
        try fileSystem.synchronizeDirectory(path)
    }
}
