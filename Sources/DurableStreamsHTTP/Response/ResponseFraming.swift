/// How an HTTP/1.1 client finds the end of a response body.
public enum ResponseFraming: Sendable {
    /// `Content-Length`, written when there is a body (also an empty one).
    case contentLength
    /// `Transfer-Encoding: chunked`.
    case chunked
    /// Neither: the end of the connection is the end of the body (HTTP/1.0 clients).
    case closeDelimited
}
