import ArgumentParser
import DurableStreams

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Create the streams of a file that 'export' has written.",
        discussion: """
            \(StreamArchive.explanation)

            The store is opened for this, as a server does it, and created if it is missing; no server can have it \
            meanwhile. Positions, and with them the offsets that clients know, begin at 0 again: those of \
            streams that were never trimmed stay the same. Sliding lifetimes are counted anew.

            Nothing is imported if one of the streams exists (or, from standard input, nothing from that one \
            on), unless --skip-existing is given. Checksums are verified before a file is imported; from standard input, \
            before a stream is complete.

            An import that was broken off can be repeated with --skip-existing: what is there is skipped, and a \
            stream of which only the beginning is there is completed.

            Exits with 0; with 1 if something was not imported; with 2 if the command was not understood or the \
            store cannot be opened.
            """
    )

    @Argument(help: "The store's directory.")
    var store: String

    @Argument(help: "The file to be read; - for standard input.")
    var file: String

    @Flag(help: "Leave streams that exist as they are, but for those that have the beginning of what is in the file.")
    var skipExisting = false

    func run() async throws {
        do {
            let input = try ArchiveInput(file)
            // Before the store is opened, which may make it.
            try StreamArchive.readHeader(input)
            let store = try ArchiveStore.open(store)
            defer { store.close() }
            var importer = ArchiveImporter(store: store, skipsExisting: skipExisting)
            if file != "-" { try importer.verify(ArchiveInput(file)) }
            try await importer.run(input)
            store.close()
            guard !store.statistics.isStopped else {
                throw ArchiveError(
                    description: "the store could not be written: repeat the import with --skip-existing")
            }
            ProgressLine.clear()
            ToolOutput.printError(
                "imported \(ToolOutput.plural(importer.importedCount, "stream")), "
                    + "\(ToolOutput.bytes(importer.importedByteCount)); skipped \(importer.skippedCount)")
        } catch let error as ArchiveError {
            ProgressLine.clear()
            ToolOutput.printError("\(error)")
            throw ToolStatus.damage
        }
    }
}
