/// Why a piece of maintenance was not done. The log goes on without it.
enum MaintenanceFailure: Error {
    /// Tried again after a while.
    case system(FileSystemError)
    /// A file does not hold what was written. Not tried again: its segment stays as it is.
    case damaged(LogReadError)
    /// Another thread must do something first, which it is about to do. Tried again at once.
    case mustYield
    /// Something else must be done first. Tried again after a while.
    case mustWait
    /// The log is being closed, or has stopped. Done when it is opened again.
    case closing
}
