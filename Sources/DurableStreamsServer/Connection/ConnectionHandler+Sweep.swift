internal import Logging
internal import NIOCore

extension ConnectionHandler {
    /// Once a tick, for every connection.
    func sweep(_ tick: UInt32) {
        if deadline <= tick { return losePatience() }
        if state.isWriting { checkProgress() }
        if state.isInputClosed && isLiveReader && !hasProbedHalfClosedClient { probe() }
    }

    private func losePatience() {
        deadline = ConnectionTimeouts.never
        if isAwaitingMemory { return fail(.noMemoryForBody) }
        switch state.patience {
        case .idle:
            if isInsideHead { fail(.headTimedOut) } else { closeWhenWritten() }
        case .body:
            fail(.bodyTimedOut)
        case .linger:
            close()
        case .none:
            break
        }
    }

    /// A client that takes nothing of what it asked for is disconnected after a while.
    private func checkProgress() {
        guard let channel = context?.channel, !channel.isWritable || state.outbound == .closing else { return }
        let pending = (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        if pending == 0 || pending != stalledByteCount {
            stalledByteCount = pending
            stalledTickCount = 0
            return
        }
        stalledTickCount += 1
        guard stalledTickCount >= loop.timeouts.stalledWrite else { return }
        loop.shared.logger.debug(
            "connection closed: it took nothing for too long", metadata: ["pending-bytes": "\(pending)"])
        close()
    }

    /// A client that has closed its half may still listen, or be gone. Only sending something tells: whoever is gone
    /// resets the connection. So a live reader is sent something that means nothing, an interim answer (RFC 9110
    /// section 15.2) or a comment among its events.
    private func probe() {
        hasProbedHalfClosedClient = true
        guard !state.isVersion10 else { return }
        let bytes = session == nil ? ServingLoop.continueBytes : ServingLoop.commentChunk
        write(bytes)
    }

    /// The server shuts down.
    func drain() {
        if state.drain() {
            closeWhenWritten()
        } else if state.outbound == .lingering {
            deadline = min(deadline, loop.deadline(in: 1))
        }
    }
}
