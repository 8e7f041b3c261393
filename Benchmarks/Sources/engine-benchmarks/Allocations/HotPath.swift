/// Something that a program does very often. Prepared once, then counted.
struct HotPath {
    var name: String
    var count: Int
    var run: () -> Void
    /// Gives its files back.
    var end: () -> Void
}
