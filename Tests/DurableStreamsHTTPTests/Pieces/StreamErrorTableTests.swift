import DurableStreams
@testable import DurableStreamsHTTP
import NIOCore
import Testing

@Suite struct StreamErrorTableTests {
    private static let position = StreamPosition(rawValue: 9)

    private static let refusals: [(StreamError, Int)] = [
        (.notFound, 404), (.gone, 410), (.alreadyExists, 409), (.closed(finalPosition: position), 409),
        (.contentTypeMismatch(stream: .octetStream), 409), (.contentTypeMissing, 400), (.sequenceNotGreater, 409),
        (.emptyAppend, 400), (.emptyJSONArray, 400), (.producerGap(expected: 1, received: 3, tail: position), 409),
        (.producerEpochStale(current: 2, tail: position), 403), (.producerEpochMustStartAtZero(tail: position), 400),
        (.positionInsideMessage, 400), (.trimmed(earliest: position), 410),
        (.forkSourceNotFound, 404), (.forkSourceGone, 409), (.subOffsetBeyondAppend, 400),
        (.positionBeyondTail(tail: position), 400),
        (.tooLarge(byteCountLimit: 5), 413), (.diskFull, 507), (.unavailable(reason: "/secret/path"), 503),
        (.damaged(reason: "/secret/path"), 410), (.shuttingDown, 503),
    ]

    @Test(arguments: refusals)
    func `every refusal has its status and says why in words`(error: StreamError, status: Int) throws {
        let response = ProtocolResponse.refusal(error, of: .append)
        #expect(response.status == status)
        #expect(response.contentType == "text/plain; charset=utf-8")
        #expect(response.cacheControl.value?.description == "no-store")
        let message = String(buffer: try #require(response.body))
        #expect(!message.isEmpty)
        #expect(!message.contains("secret"))
        #expect((response.retryAfterSeconds != nil) == (status == 503))
    }

    @Test func `a soft-deleted stream stands in the way of a new one`() {
        #expect(ProtocolResponse.refusal(.gone, of: .create).status == 409)
        #expect(ProtocolResponse.refusal(.gone, of: .read).status == 410)
        #expect(ProtocolResponse.refusal(.gone, of: .delete).status == 410)
    }

    @Test func `a fork from before the earliest offset is a bad request`() {
        #expect(ProtocolResponse.refusal(.trimmed(earliest: Self.position), of: .create).status == 400)
    }

    @Test func `refusals of producers carry their numbers`() {
        let gap = ProtocolResponse.refusal(.producerGap(expected: 1, received: 3, tail: Self.position), of: .append)
        #expect(gap.producerGap?.expected == 1)
        #expect(gap.producerGap?.received == 3)
        #expect(gap.nextOffset == Self.position)
        let stale = ProtocolResponse.refusal(.producerEpochStale(current: 2, tail: Self.position), of: .append)
        #expect(stale.producerEpoch == 2)
        #expect(stale.nextOffset == Self.position)
    }
}
