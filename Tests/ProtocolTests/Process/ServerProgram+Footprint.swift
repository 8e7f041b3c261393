import Foundation
import Testing

extension ServerProgram {
    /// Expects that the descriptors of clients that are gone are given back.
    func expectDescriptors(atMost count: Int, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while try descriptorCount > count, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(50))
        }
        let left = try descriptorCount
        #expect(left <= count, "descriptors that are still open", sourceLocation: sourceLocation)
    }

    /// Expects that the program's own memory grows by less than this while `body` runs, and at its end.
    func expectGrowth(
        below byteCount: Int, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
    ) async throws {
        let before = try anonymousByteCount
        try await body()
        let growth = try anonymousByteCount - before
        #expect(growth < byteCount, "grown by \(growth) bytes", sourceLocation: sourceLocation)
    }
}
