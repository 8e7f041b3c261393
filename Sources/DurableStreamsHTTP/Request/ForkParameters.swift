/// The fork headers of a create request.
enum ForkParameters {
    /// Refuses every request that asks for a fork.
    static func check(_ request: borrowing ProtocolRequest) throws(Refusal) {
        if request.forkedFrom != nil || request.forkOffset != nil || request.forkSubOffset != nil {
            throw .badRequest("forks are not supported yet")
        }
    }
}
