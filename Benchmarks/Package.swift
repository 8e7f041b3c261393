// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "durable-streams-benchmarks",
    dependencies: [
        .package(name: "durable-streams", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        .executableTarget(
            name: "engine-benchmarks",
            dependencies: [
                .product(name: "SegmentedLog", package: "durable-streams"),
                .product(name: "DurableStreams", package: "durable-streams"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]
        )
    ],
    swiftLanguageModes: [.v6]
)
