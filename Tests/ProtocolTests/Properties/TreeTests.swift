import Testing

extension BlackBox {
    @Suite struct `Random trees of forks` {
        /// All clients at the same time, so that what one does to its streams can not show in those of another.
        @Test(arguments: ["text/plain", "application/json"])
        func `Every answer is the one of the model`(type: String) async throws {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for client in 0..<6 as Range<UInt64> {
                    group.addTask {
                        let seed = SeededGenerator.seed &+ client &* 7_919
                        var model = try await TreeClient(seed: seed, type: type)
                        do {
                            try await model.run(stepCount: Rounds.count(400))
                        } catch {
                            let steps = model.history.suffix(40).joined(separator: "\n")
                            Issue.record(error, "seed \(seed), last steps:\n\(steps)")
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}
