import ArgumentParser
import Foundation

struct InputOptions: ParsableArguments {
    @Option(help: "A directory with text or JSON to fill the streams with; generated events if it is not given.")
    var input: String?

    /// What streams are filled with, and what it is called.
    func load() throws -> (bytes: [UInt8], name: String) {
        guard let input else { return (SampleText(byteCount: 32 << 20).bytes, "generated events") }
        var bytes: [UInt8] = []
        let paths = FileManager.default.enumerator(atPath: input)
        var names: [String] = []
        while let name = paths?.nextObject() as? String { names.append(name) }
        for name in names.sorted() {
            let path = "\(input)/\(name)"
            var isDirectory: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), !isDirectory.boolValue,
                let content = FileManager.default.contents(atPath: path)
            else { continue }
            bytes += content
            if bytes.count > 1 << 30 { break }
        }
        guard bytes.count >= 1 << 20 else { throw ValidationError("There is less than 1 MiB in \(input).") }
        return (bytes, "\(URL(fileURLWithPath: input).lastPathComponent), \(bytes.count >> 20) MiB")
    }
}
