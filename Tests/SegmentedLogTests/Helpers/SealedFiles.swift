import SimulatedDisk

@testable import SegmentedLog

extension SimulatedDisk {
    /// What is in the sealed segments of the store, oldest first. The calls count, but have no effect.
    func sealedModels() throws -> [(identity: SealedIdentity, streams: [SealedModel])] {
        try sealedSegments().map { ($0.identity, try $0.models()) }
    }

    func sealedSegments() throws -> [SealedSegment] {
        var segments: [SealedSegment] = []
        for path in paths {
            guard let identity = SealedIdentity.parse(String(path.dropFirst(TestLog.directory.count + 1))) else { continue }
            segments.append(try SealedSegment.open(path, identity: identity, fileSystem: self))
        }
        return segments
    }
}
