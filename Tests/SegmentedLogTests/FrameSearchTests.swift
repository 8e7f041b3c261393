import SimulatedDisk
import Testing

@testable import SegmentedLog

/// Frames behind the end of a log are found, whatever else is there.
struct `Frame search` {
    private static let identifier = StoreIdentifier(low: 0x0706_0504_0302_0100, high: 0x0F0E_0D0C_0B0A_0908)

    @Test(arguments: 1 ... 5) func `Long frames and short ones are found, and those with a wrong byte are not`(
        seed: UInt64
    ) throws {
        var generator = SeededGenerator(seed: seed, purpose: "frame search")
        var file = generator.bytes(count: 300_000)
        var places: [Int] = []
        var offset = 4096
        while offset < file.count - 70_000 {
            let byteCount = 56 + generator.integer(below: generator.chance(1, outOf: 3) ? 60_000 : 3_000)
            let frame = Self.frame(payload: generator.bytes(count: byteCount - 56), claiming: byteCount)
            file.replace(at: offset, with: frame)
            if generator.chance(1, outOf: 3) {
                file[offset + 8 + generator.integer(below: byteCount - 8)] ^= 1
            } else {
                places.append(offset)
            }
            offset += (byteCount + 8 * generator.integer(below: 100)).roundedUp(to: 8)
        }
        #expect(try Self.search(file) == places)
    }

    @Test(.timeLimit(.minutes(1))) func `What looks like many long frames is passed over in good time`() throws {
        var file = [UInt8](repeating: 0, count: 4 << 20)
        // Each of them says that it goes on to the end of the file.
        for offset in stride(from: 4096, to: file.count - 56, by: 56) {
            file.replace(at: offset, with: Self.frame(payload: [], claiming: file.count - offset))
        }
        #expect(try Self.search(file) == [])
    }

    private static func frame(payload: [UInt8], claiming byteCount: Int) -> [UInt8] {
        var frame = [UInt8](repeating: 0, count: 56)
        frame.withUnsafeMutableBytes {
            FrameHeader(
                frameByteCount: byteCount, tableByteCount: 0, segmentNumber: 1,
                firstSequenceNumber: LogSequenceNumber(rawValue: 9), syncedSequenceNumber: .none, committedAt: 0,
                entryCount: 0, previousChecksum: 0
            ).encode(into: $0.baseAddress!)
        }
        frame += payload
        frame.withUnsafeMutableBytes {
            var checksum = Checksum(continuing: identifier.checksumSeed)
            checksum.add(UnsafeRawBufferPointer(rebasing: $0[8...]))
            FrameHeader.seal($0.baseAddress!, checksum: checksum.value)
        }
        return frame
    }

    private static func search(_ file: [UInt8]) throws -> [Int] {
        let disk = SimulatedDisk(seed: 1)
        disk.setContent("/file", file)
        let segment = try JournalSegment(number: 1, file: try disk.openFile("/file"), byteCount: file.count)
        var search = FrameSearch(segment: segment, storeIdentifier: identifier)
        var places: [Int] = []
        var place = 4096
        while let (found, frame) = search.next(from: place) {
            places.append(found)
            place = found + frame.paddedByteCount
        }
        return places
    }
}
