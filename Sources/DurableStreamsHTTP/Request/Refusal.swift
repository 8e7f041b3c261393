/// A request that is answered without asking the store. The message is sent to the client.
struct Refusal: Error {
    var status: Int
    var message: String

    static func badRequest(_ message: String) -> Refusal {
        Refusal(status: 400, message: message)
    }
}
