let allTargets: [any FuzzTarget.Type] = [
    JournalFrameTarget.self, SegmentHeaderTarget.self, SealedSegmentTarget.self, DecodedBlockTarget.self,
    WholeStoreTarget.self,
]
