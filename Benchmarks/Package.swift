// swift-tools-version: 6.2
import Foundation
import PackageDescription

/// A storage engine to compare with: used where its headers are, left out where they are not.
struct Peer {
    /// Of the target with its module map, and of its directory in `Sources`.
    var target: String
    var package: String
    var pkgConfig: String?
    var header: String
    /// What the sources ask for with `#if`.
    var condition: String

    /// `BENCHMARK_PEERS` overrides what is found: a list such as `ROCKSDB,SQLITE`, or `none`.
    var isPresent: Bool {
        if let chosen = Context.environment["BENCHMARK_PEERS"] {
            return chosen.split(separator: ",").contains { $0 == condition }
        }
        return FileManager.default.fileExists(atPath: header)
    }
}

let peers = [
    Peer(
        target: "CRocksDB", package: "librocksdb-dev", pkgConfig: "rocksdb", header: "/usr/include/rocksdb/c.h",
        condition: "ROCKSDB"),
    Peer(target: "CLMDB", package: "liblmdb-dev", pkgConfig: "lmdb", header: "/usr/include/lmdb.h", condition: "LMDB"),
    Peer(
        target: "CSQLite", package: "libsqlite3-dev", pkgConfig: "sqlite3", header: "/usr/include/sqlite3.h",
        condition: "SQLITE"),
].filter(\.isPresent)

let package = Package(
    name: "durable-streams-benchmarks",
    dependencies: [
        .package(name: "durable-streams", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    ],
    targets: [
        // Counts allocations and syncs of the whole process, whoever makes them.
        .target(name: "CCallCount"),
        .executableTarget(
            name: "engine-benchmarks",
            dependencies: [
                "CCallCount",
                .product(name: "SegmentedLog", package: "durable-streams"),
                .product(name: "DurableStreams", package: "durable-streams"),
                .product(name: "DurableStreamsHTTP", package: "durable-streams"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ] + peers.map { .target(name: $0.target) },
            swiftSettings: peers.map { .define($0.condition) }
        ),
    ]
        + peers.map {
            .systemLibrary(name: $0.target, pkgConfig: $0.pkgConfig, providers: [.apt([$0.package])])
        },
    swiftLanguageModes: [.v6]
)
