let allTargets: [any FuzzTarget.Type] = [ArchiveTarget.self, DamagedArchiveTarget.self]

/// What the commands' own sources take from the argument parser, which is not built here.
struct ExitCode: Error {
    init(_: Int32) {}
}
