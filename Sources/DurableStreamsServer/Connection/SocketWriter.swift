internal import Glibc
internal import NIOCore

/// Sends to a connection's socket directly what that takes at once; the rest goes by way of the channel.
///
/// Nearly every answer fits into the socket's buffer as a whole. By way of the channel, through its pipeline and its own
/// buffer, it costs 2 µs more. Owned by the connection's handler, confined to the event loop.
struct SocketWriter {
    private let channel: any Channel
    /// Nil where the channel is none on a socket.
    private let socket: NIOBSDSocket.Handle?
    /// Whether bytes may lie in the channel's buffer. They have to leave first.
    private var channelMayHoldBytes = false

    init(_ channel: any Channel) {
        self.channel = channel
        socket = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable { (socket: NIOBSDSocket.Handle) in
            socket
        }
    }

    /// Whether there is no need to wait until the socket has taken more.
    var isWritable: Bool { !channelMayHoldBytes || channel.isWritable }

    /// Sends what the socket takes now. Returns the rest, which has to go by way of the channel, before anything else.
    ///
    /// It is given to the channel by the caller, and not here, because a channel that finds its socket broken calls back
    /// before it returns.
    mutating func send(_ bytes: ByteBuffer) -> ByteBuffer? {
        var rest = bytes
        if channelMayHoldBytes { lookAtChannel() }
        // A channel that is closed has given its descriptor back, and another connection may have it.
        if let socket, !channelMayHoldBytes, channel.isActive {
            let count = rest.withUnsafeReadableBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count == rest.readableBytes { return nil }
            // Whatever the failure is, the channel meets it again and deals with it.
            rest.moveReaderIndex(forwardBy: max(0, count))
        }
        channelMayHoldBytes = true
        return rest
    }

    /// The channel is about to be given bytes that were not offered here.
    mutating func willUseChannel() { channelMayHoldBytes = true }

    private mutating func lookAtChannel() {
        channelMayHoldBytes = (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) != 0
    }
}
