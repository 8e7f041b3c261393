@testable import DurableStreamsHTTP
import Testing

@Suite struct ContentNegotiationTests {
    @Test(arguments: [
        (nil, .identity), ("", .identity), ("gzip", .gzip), ("deflate", .deflate), ("GZip", .gzip), ("x-gzip", .gzip),
        ("gzip, deflate, br", .gzip), ("deflate, gzip", .gzip), ("deflate;q=1, gzip;q=0.5", .deflate),
        ("gzip;q=0", .identity), ("gzip;q=0, deflate", .deflate), ("gzip;q=0.000", .identity), ("*", .gzip),
        ("*;q=0", .identity), ("gzip;q=0, *", .deflate), ("br, *;q=0.1", .gzip), ("identity", .identity),
        ("identity, gzip;q=0.5", .identity), ("identity;q=0.5, gzip;q=0.5", .gzip), ("identity;q=0.5, gzip", .gzip),
        ("identity;q=0", .identity), ("gzip ; q=0.8 , deflate ; Q=0.9", .deflate), ("br", .identity),
        ("gzip;q=2", .identity), ("gzip;q=abc", .identity), ("gzip;level=9", .identity), ("gzip;q=0.1234", .identity),
        (",,gzip,,", .gzip), ("gzipx", .identity), ("gzip;q=1.000", .gzip), ("gzip;q=1.001", .identity),
    ] as [(String?, ContentCoding)])
    func `the coding of highest quality is taken`(field: String?, coding: ContentCoding) {
        #expect(ContentNegotiation.coding(for: field) == coding)
    }
}
