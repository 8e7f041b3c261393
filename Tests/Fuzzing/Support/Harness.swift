internal import Glibc

/// Something that takes bytes from anywhere, and the inputs to begin with.
protocol FuzzTarget: SendableMetatype {
    static var name: String { get }
    /// Inputs that get far. The fuzzer changes them.
    static func seeds() -> [[UInt8]]
    /// Must not trap, whatever the bytes are; says with ``expect(_:_:line:)`` what must hold of the result.
    static func run(_ bytes: UnsafeRawBufferPointer)
}

/// Chosen by the environment variable FUZZ_TARGET. Set once, before the first input.
nonisolated(unsafe) private var chosen: (any FuzzTarget.Type)?

/// Called by libFuzzer before anything else. Where FUZZ_SEEDS names a directory, it is filled with the target's seeds.
@_cdecl("LLVMFuzzerInitialize")
func initializeFuzzer(
    _: UnsafeMutablePointer<CInt>?, _: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>?
) -> CInt {
    let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
    chosen = allTargets.first { $0.name == name }
    guard let chosen else {
        print("FUZZ_TARGET must be one of: \(allTargets.map { $0.name }.joined(separator: " "))")
        exit(2)
    }
    guard let directory = getenv("FUZZ_SEEDS").map({ String(cString: $0) }) else { return 0 }
    for (index, seed) in chosen.seeds().enumerated() {
        guard let file = fopen("\(directory)/seed-\(index)", "wb") else {
            print("cannot write seeds into \(directory)")
            exit(2)
        }
        fwrite(seed, 1, seed.count, file)
        fclose(file)
    }
    return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
func fuzzOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    chosen?.run(UnsafeRawBufferPointer(start: bytes, count: count))
    return 0
}

/// As `precondition`, which says nothing when it is optimized.
func expect(_ holds: Bool, _ message: @autoclosure () -> String = "it does not hold", line: Int = #line) {
    if !holds { fail(message(), line: line) }
}

func fail(_ message: String, line: Int = #line) -> Never {
    print("line \(line): \(message)")
    fflush(nil)
    abort()
}

extension [UInt8] {
    /// The little-endian integer at `offset`, which has all its bytes here.
    func integer<Integer: FixedWidthInteger>(at offset: Int, as _: Integer.Type = Integer.self) -> Integer {
        withUnsafeBytes { Integer(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Integer.self)) }
    }

    mutating func set<Integer: FixedWidthInteger>(_ value: Integer, at offset: Int) {
        withUnsafeMutableBytes { $0.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Integer.self) }
    }
}
