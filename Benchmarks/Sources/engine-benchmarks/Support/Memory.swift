import Glibc

/// Resident memory of this process that is not a file's, in bytes.
func anonymousMemoryByteCount() -> Int {
    guard let file = fopen("/proc/self/status", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, 256, file) != nil {
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if text.hasPrefix("RssAnon:") {
            return (Int(text.split { !$0.isNumber }.first ?? "0") ?? 0) * 1024
        }
    }
    return 0
}
