import Foundation

/// Files that are too large for the project and are read from where they are.
enum RealInput {
    /// Names the folder with the files. Without it the tests that need them are left out.
    static let variable = "DURABLE_STREAMS_TEST_DATA"

    static var isPresent: Bool {
        ["amazon_cellphones.ndjson", "twitter.json"].allSatisfy { name in
            folder.map { FileManager.default.isReadableFile(atPath: "\($0)/\(name)") } ?? false
        }
    }

    static func bytes(_ name: String) throws -> [UInt8] {
        guard let folder else { throw ClientError.malformed("\(variable) is not set") }
        return try Array(Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")))
    }

    private static var folder: String? { ProcessInfo.processInfo.environment[variable] }

    /// About 35 KB of English with line ends and indentation.
    static func longText() -> String {
        let license = URL(fileURLWithPath: "/usr/share/common-licenses/GPL-3")
        if let data = try? Data(contentsOf: license) { return String(decoding: data, as: UTF8.self) }
        return (0..<700).map { "  \($0). An append-only stream of bytes, line \($0) — «né».\n\n" }.joined()
    }

    /// The text cut after the white space that follows each word; nothing is lost.
    static func words(of text: String) -> [String] {
        var words: [String] = []
        var word = ""
        var hasEnded = false
        for scalar in text.unicodeScalars {
            let isSpace = scalar.properties.isWhitespace
            if hasEnded, !isSpace {
                words.append(word)
                word = ""
            }
            hasEnded = isSpace
            word.unicodeScalars.append(scalar)
        }
        if !word.isEmpty { words.append(word) }
        return words
    }
}
