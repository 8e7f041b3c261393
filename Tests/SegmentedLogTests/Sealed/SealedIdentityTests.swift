import Testing

@testable import SegmentedLog

struct `The names of sealed segments` {
    @Test func `A name says first, last and generation, and is read back`() {
        let identity = SealedIdentity(first: 3, last: 4_294_967_295, generation: 42)
        #expect(identity.name() == "0000000000000003-0000004294967295-00000042.sealed")
        #expect(identity.name(suffix: "sealing") == "0000000000000003-0000004294967295-00000042.sealing")
        #expect(SealedIdentity.parse(identity.name()) == identity)
        #expect(SealedIdentity.parse(identity.name(suffix: "sealing"), suffix: "sealing") == identity)
        #expect(SealedIdentity.parse(identity.name(suffix: "sealing")) == nil)
    }

    @Test(arguments: [
        "0000000000000003-0000000000000007-00000001", "0000000000000003-0000000000000007-00000001.journal",
        "0000000000000003-0000000000000007-00000001.sealed.sealed", "000000000000003-0000000000000007-00000001.sealed",
        "0000000000000003-0000000000000007-0000001.sealed", "0000000000000003-0000000000000007.sealed",
        "+000000000000003-0000000000000007-00000001.sealed", "0000000000000003-0000000000000007--0000001.sealed",
        "0000000000000008-0000000000000007-00000001.sealed", "0000000000000000-0000000000000007-00000001.sealed",
        "0000000000000003-0000004294967296-00000001.sealed", "0000000000000003.journal", "", ".sealed", "--.sealed",
        "000000000000000٣-0000000000000007-00000001.sealed",
    ])
    func `Another name is not one of a sealed segment`(_ name: String) {
        #expect(SealedIdentity.parse(name) == nil)
    }

    @Test func `A segment is superseded by a larger range around it, or by its own range written again later`() {
        let identity = SealedIdentity(first: 3, last: 7, generation: 5)
        func isSuperseded(_ first: UInt64, _ last: UInt64, _ generation: UInt32) -> Bool {
            identity.isSuperseded(by: SealedIdentity(first: first, last: last, generation: generation))
        }
        #expect(isSuperseded(3, 7, 6))
        #expect(isSuperseded(2, 7, 0))
        #expect(isSuperseded(3, 8, 0))
        #expect(isSuperseded(1, 9, 5))
        #expect(!isSuperseded(3, 7, 5))
        #expect(!isSuperseded(3, 7, 4))
        #expect(!isSuperseded(3, 6, 9))
        #expect(!isSuperseded(4, 7, 9))
        #expect(!isSuperseded(4, 9, 9))
        #expect(!isSuperseded(8, 9, 9))
    }

    @Test func `A range covers its ends and what is between them`() {
        let identity = SealedIdentity(first: 3, last: 7, generation: 0)
        #expect([1, 2, 3, 5, 7, 8].filter(identity.covers) == [3, 5, 7])
    }

    @Test func `Ranges overlap where they share a journal segment`() {
        let identity = SealedIdentity(first: 3, last: 7, generation: 0)
        func overlaps(_ first: UInt64, _ last: UInt64) -> Bool {
            let other = SealedIdentity(first: first, last: last, generation: 0)
            #expect(identity.overlaps(other) == other.overlaps(identity))
            return identity.overlaps(other)
        }
        #expect(overlaps(3, 7) && overlaps(1, 3) && overlaps(7, 9) && overlaps(4, 5) && overlaps(1, 9))
        #expect(!overlaps(1, 2) && !overlaps(8, 9))
    }
}
