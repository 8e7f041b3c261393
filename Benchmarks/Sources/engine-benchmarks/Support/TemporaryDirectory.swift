import Foundation

/// A new directory for one measurement, removed after it.
struct TemporaryDirectory {
    let path: String

    /// - Parameter parent: On the disk that is measured.
    init(in parent: String) throws {
        path = "\(parent)/engine-benchmarks-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }

    /// The bytes of all files in it.
    var byteCount: Int {
        let names = FileManager.default.enumerator(atPath: path)
        var sum = 0
        while let name = names?.nextObject() as? String {
            let attributes = try? FileManager.default.attributesOfItem(atPath: "\(path)/\(name)")
            sum += (attributes?[.size] as? Int) ?? 0
        }
        return sum
    }
}
