import Glibc
import SegmentedLog
import SimulatedDisk
import Testing

/// Segments' numbers have 32 bits.
struct `Last segment number` {
    @Test func `A store whose last number is taken is refused`() throws {
        let disk = SimulatedDisk(seed: 1)
        disk.setContent("/store/0000004294967295.recycled", [1])
        let error = #expect(throws: LogOpenError.self) { try TestLog(disk) }
        guard case .system(let failure) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(failure.errno == EOVERFLOW)
    }

    @Test func `A store with one number left opens, and says so when it needs another`() throws {
        let disk = SimulatedDisk(seed: 1)
        disk.setContent("/store/0000004294967294.recycled", [1])
        let test = try TestLog(disk)
        let stream = try test.createNow(payload: [1, 2, 3])
        #expect(test.events.warnings.count == 1)
        test.log.close()
        #expect(try TestLog(disk).recovered.streams[stream.number]?.bytes == [1, 2, 3])
    }
}
