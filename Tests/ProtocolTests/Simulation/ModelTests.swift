import Testing

extension BlackBox {
    @Suite struct `Random operations` {
        @Test(arguments: 0..<8 as Range<UInt64>)
        func `Every answer is the one of the model`(client: UInt64) async throws {
            let seed = SeededGenerator.seed &+ client
            var model = try await ModelClient(seed: seed)
            do {
                try await model.run(stepCount: 300)
            } catch {
                Issue.record(error, "seed \(seed), last steps:\n\(model.history.suffix(30).joined(separator: "\n"))")
            }
        }
    }
}
