import DurableStreams
import DurableStreamsHummingbird
import Hummingbird
import Logging
import NIOCore

// The code of the article `Mounting`, as it stands there.

/// What the app knows of a request: its connection, and who sent it.
struct ChatContext: DurableStreamsRequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel
    var user: String?

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}

/// Lets in whoever has a token.
struct TokenMiddleware: RouterMiddleware {
    let usersByToken: [String: String]

    func handle(
        _ request: Hummingbird.Request, context: ChatContext,
        next: (Hummingbird.Request, ChatContext) async throws -> Hummingbird.Response
    ) async throws -> Hummingbird.Response {
        // Browsers ask what they may send before they send it, and that without a token.
        if request.method == .options { return try await next(request, context) }
        guard let authorization = request.headers[.authorization], authorization.hasPrefix("Bearer "),
            let user = usersByToken[String(authorization.dropFirst("Bearer ".count))]
        else { throw HTTPError(.unauthorized, message: "a token is needed") }
        var context = context
        context.user = user
        return try await next(request, context)
    }
}

func chatRouter(store: StreamStore) -> Router<ChatContext> {
    let router = Router(context: ChatContext.self)
    router.add(middleware: LogRequestsMiddleware(.info))
    router.get("health") { _, _ in "fine" }
    router.group()
        .add(middleware: TokenMiddleware(usersByToken: ["secret": "ada"]))
        .addDurableStreams(store, at: "/v1/stream")
    return router
}

func serveChats() async throws {
    let store = try StreamStore.open(directory: "./chats")
    defer { store.close() }
    try await Application(router: chatRouter(store: store)).runService()
}
