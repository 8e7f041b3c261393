// swift-tools-version: 6.2
import PackageDescription

// Continuous integration sets CI=true: there a warning is an error.
let warnings: [SwiftSetting] = Context.environment["CI"] == nil ? [] : [.treatAllWarnings(as: .error)]

let settings: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ] + warnings

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTPTypes: Target.Dependency = .product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let serviceLifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

let protocolTestDependencies: [Target.Dependency] = [
    "DurableStreamsServer", "DurableStreamsHummingbird", "DurableStreams", "DurableStreamsHTTP", "SimulatedDisk",
    hummingbird, hummingbirdCore, logging, serviceLifecycle,
]

let package = Package(
    name: "durable-streams",
    products: [
        .library(name: "SegmentedLog", targets: ["SegmentedLog"]),
        .library(name: "DurableStreams", targets: ["DurableStreams"]),
        .library(name: "DurableStreamsHTTP", targets: ["DurableStreamsHTTP", "DurableStreamsWire"]),
        .library(name: "DurableStreamsServer", targets: ["DurableStreamsServer"]),
        .library(name: "DurableStreamsHummingbird", targets: ["DurableStreamsHummingbird"]),
        .executable(name: "durable-streams", targets: ["durable-streams"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.1"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: []),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        // System libraries and the C that Swift cannot express.
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "CSystemShims"),

        // The storage engine: files, commits, segments, index, recovery.
        .target(
            name: "SegmentedLog",
            dependencies: ["CLZ4", "CZlib", "CSystemShims"],
            swiftSettings: settings
        ),
        // Stream semantics on the engine, usable in process.
        .target(
            name: "DurableStreams",
            dependencies: ["SegmentedLog"],
            swiftSettings: settings
        ),
        // Header names, offsets, event grammar: what both ends of the wire share.
        .target(
            name: "DurableStreamsWire",
            dependencies: [httpTypes],
            swiftSettings: settings
        ),
        // The protocol as decisions: request value in, response value out. Opens no socket.
        .target(
            name: "DurableStreamsHTTP",
            dependencies: ["DurableStreams", "DurableStreamsWire", "CZlib", nioCore, httpTypes],
            swiftSettings: settings
        ),
        // The SwiftNIO transport, as a service.
        .target(
            name: "DurableStreamsServer",
            dependencies: [
                "DurableStreamsHTTP", "DurableStreams", "DurableStreamsWire",
                nioCore, nioPosix, nioHTTP1, logging, metrics, serviceLifecycle,
            ],
            swiftSettings: settings
        ),
        // The routes in somebody else's Hummingbird app.
        .target(
            name: "DurableStreamsHummingbird",
            dependencies: [
                "DurableStreamsHTTP", "DurableStreams", hummingbird, nioCore, nioPosix, nioHTTP1, nioHTTPTypes,
                httpTypes, serviceLifecycle,
            ],
            swiftSettings: settings
        ),
        // Load on a server of the protocol, and a check of every answer: `durable-streams bench`. Depends on no package.
        .target(
            name: "LoadGenerator",
            dependencies: ["CSystemShims"],
            path: "Benchmarks/Sources/LoadGenerator",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "durable-streams",
            dependencies: [
                "DurableStreamsServer", "DurableStreams", "DurableStreamsHTTP", "SegmentedLog", "LoadGenerator", logging,
                serviceLifecycle,
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Configuration", package: "swift-configuration"),
            ],
            swiftSettings: settings
        ),

        // A disk that loses, tears and refuses what a real one may.
        .target(
            name: "SimulatedDisk",
            dependencies: ["SegmentedLog"],
            path: "Tests/Support/SimulatedDisk",
            swiftSettings: settings
        ),
        .testTarget(
            name: "SegmentedLogTests",
            dependencies: ["SegmentedLog", "SimulatedDisk"],
            exclude: ["Golden"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "DurableStreamsTests",
            dependencies: ["DurableStreams", "SegmentedLog", "SimulatedDisk"],
            exclude: ["Golden"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "DurableStreamsHTTPTests",
            dependencies: [
                "DurableStreamsHTTP", "DurableStreamsWire", "DurableStreams", "SimulatedDisk", nioCore, httpTypes,
            ],
            swiftSettings: settings
        ),
        // The protocol, row by row, as a client sees it through a real socket; and the real program under load and kill -9.
        .testTarget(
            name: "ProtocolTests",
            dependencies: protocolTestDependencies + ["durable-streams"],
            exclude: ["README.md"],
            swiftSettings: settings
        ),
        // The commands for a stopped store, as the real program runs them.
        .testTarget(
            name: "ToolsTests",
            dependencies: ["DurableStreams", "SegmentedLog", "durable-streams"],
            swiftSettings: settings
        ),
        // The same tests of the protocol, on links to the same sources, with Hummingbird in between.
        .testTarget(
            name: "ProtocolOverHummingbirdTests",
            dependencies: protocolTestDependencies,
            // The one is about the process around the server. Of the other's clients Hummingbird takes all they send.
            exclude: ["Hostile/ChurnTests.swift", "Hostile/FloodTests.swift"],
            swiftSettings: settings + [.define("HUMMINGBIRD_TRANSPORT")]
        ),
        // The load generator: what it takes for true, and that it notices what is not.
        .testTarget(
            name: "LoadGeneratorTests",
            dependencies: ["LoadGenerator", "durable-streams"],
            swiftSettings: settings
        ),
        // The transport: its decisions without a socket, and itself with one.
        .testTarget(
            name: "DurableStreamsServerTests",
            dependencies: [
                "DurableStreamsServer", "DurableStreams", "DurableStreamsHTTP", nioCore, nioEmbedded, nioPosix, nioHTTP1,
                logging,
            ],
            swiftSettings: settings
        ),
    ],
    swiftLanguageModes: [.v6]
)
