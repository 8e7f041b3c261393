public import Hummingbird
public import NIOCore

/// A request context that knows the connection of its request.
///
/// A live read can wait for long, and only the connection tells that its client has gone meanwhile. Hummingbird hands
/// the connection to a context when it makes one; the context just has to keep it:
///
///     struct AppContext: DurableStreamsRequestContext {
///         var coreContext: CoreRequestContextStorage
///         let channel: any Channel
///
///         init(source: ApplicationRequestContextSource) {
///             coreContext = CoreRequestContextStorage(source: source)
///             channel = source.channel
///         }
///     }
///
/// A context that is made from another one takes over its `channel`.
public protocol DurableStreamsRequestContext: RequestContext {
    /// The connection that the request came on.
    var channel: any Channel { get }
}

/// The context of an app that needs nothing of its own in it.
public struct BasicDurableStreamsRequestContext: DurableStreamsRequestContext {
    public var coreContext: CoreRequestContextStorage
    public let channel: any Channel

    public init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}
