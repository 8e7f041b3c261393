/// The files of a store, sorted out by their names. Those that no name of the format fits are left out.
struct StoreListing {
    private(set) var journal: [(number: UInt64, kind: SegmentDirectory.FileKind)] = []
    /// By rising range, then by generation.
    private(set) var sealed: [SealedIdentity] = []
    /// The names of sealed segments that were being made.
    private(set) var unfinished: [String] = []
    /// What repairs have made whose last steps were not done.
    private(set) var unfinishedRepairs: [SealedIdentity] = []

    /// The suffix of a sealed segment that takes the place of a damaged store, until all of that is out of the way.
    static let repairedSuffix = "repaired"

    init(_ names: [String]) {
        for name in names.sorted() {
            if let file = SegmentDirectory.parse(name) { journal.append(file) }
            if let identity = SealedIdentity.parse(name) { sealed.append(identity) }
            if SealedIdentity.parse(name, suffix: "sealing") != nil { unfinished.append(name) }
            if let identity = SealedIdentity.parse(name, suffix: Self.repairedSuffix) {
                unfinishedRepairs.append(identity)
            }
        }
        sealed.sort { ($0.first, $0.last, $0.generation) < ($1.first, $1.last, $1.generation) }
    }

    /// Of any segment, whatever became of it.
    var largestNumber: UInt64 { max(journal.map(\.number).max() ?? 0, sealed.map(\.last).max() ?? 0) }
}
