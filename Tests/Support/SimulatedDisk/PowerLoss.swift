/// What becomes of that which was not synchronized when the power fails.
public enum PowerLossMode: Sendable, CaseIterable {
    /// One of the others, as the seed has it; mostly ``independent``.
    case seeded
    /// Everything happened to have reached the disk.
    case everythingKept
    /// Nothing had.
    case everythingLost
    /// Of each file the first so many writes, the last of them torn; of the directories the first so many operations.
    case prefix
    /// Each write and each operation on its own, see the fault model at ``SimulatedDisk``.
    case independent
}

extension PowerLossMode {
    func resolved(_ generator: inout SeededGenerator) -> PowerLossMode {
        guard self == .seeded else { return self }
        return switch generator.integer(below: 10) {
        case 0: .everythingKept
        case 1: .everythingLost
        case 2, 3: .prefix
        default: .independent
        }
    }
}

/// Decides for the unsynchronized writes of one file which of their bytes are found after a power failure.
struct WriteSurvival {
    let mode: PowerLossMode
    var generator: SeededGenerator

    private static let sectorByteCount = 512

    mutating func survivors(of writes: [Inode.UnsynchronizedWrite], on durable: [UInt8]) -> [UInt8] {
        var content = durable
        switch mode {
        case .everythingLost: break
        case .everythingKept:
            for write in writes { content.put(write.bytes[...], at: write.offset) }
        case .prefix:
            let keptCount = generator.integer(below: writes.count + 1)
            for write in writes.prefix(keptCount) { content.put(write.bytes[...], at: write.offset) }
            if keptCount < writes.count { tear(writes[keptCount], to: &content) }
        case .seeded, .independent:
            // How much is kept differs from file to file: in some nearly all, in some nearly nothing.
            let keptOutOfTen = 1 + generator.integer(below: 9)
            for write in writes { decide(write, keptOutOfTen, &content) }
        }
        return content
    }

    private mutating func decide(
        _ write: Inode.UnsynchronizedWrite, _ keptOutOfTen: Int, _ content: inout [UInt8]
    ) {
        if generator.chance(keptOutOfTen, outOf: 10) {
            content.put(write.bytes[...], at: write.offset)
            return
        }
        switch generator.integer(below: 5) {
        case 0: tear(write, to: &content)
        case 1: scatter(write, to: &content)
        case 2: garble(write, to: &content)
        case 3:
            // Lost, but the new size of the file was not: zeros.
            content.grow(to: write.offset + write.bytes.count)
        default: break
        }
    }

    /// The first bytes only.
    private mutating func tear(_ write: Inode.UnsynchronizedWrite, to content: inout [UInt8]) {
        let count = generator.integer(below: write.bytes.count)
        content.put(write.bytes.prefix(count), at: write.offset)
    }

    /// Each sector on its own.
    private mutating func scatter(_ write: Inode.UnsynchronizedWrite, to content: inout [UInt8]) {
        var start = write.offset
        let end = write.offset + write.bytes.count
        while start < end {
            let sectorEnd = min(end, (start / Self.sectorByteCount + 1) * Self.sectorByteCount)
            if generator.chance(1, outOf: 2) {
                let part = write.bytes[start - write.offset ..< sectorEnd - write.offset]
                content.put(part, at: start)
            }
            start = sectorEnd
        }
    }

    /// All of it is there, but a stretch of it (or the whole) is random. Not where the same bytes were before.
    private mutating func garble(_ write: Inode.UnsynchronizedWrite, to content: inout [UInt8]) {
        guard !content.has(write.bytes, at: write.offset) else { return }
        content.put(write.bytes[...], at: write.offset)
        let count = write.bytes.count
        let start = generator.chance(1, outOf: 2) ? 0 : generator.integer(below: count)
        let length = generator.chance(1, outOf: 2) ? count - start : 1 + generator.integer(below: count - start)
        content.put(generator.bytes(count: length)[...], at: write.offset + start)
    }
}

/// A change to a directory that was not synchronized yet.
struct DirectoryOperation {
    enum Change {
        case create(String, Inode)
        case rename(String, to: String)
        case unlink(String)
    }

    /// Those that must still be synchronized before it is durable: the only one, or two of a rename between them.
    var directories: Set<String>
    let change: Change

    init(_ directories: Set<String>, _ change: Change) {
        self.directories = directories
        self.change = change
    }

    var isDurable: Bool { directories.isEmpty }

    var names: [String] {
        switch change {
        case .create(let name, _), .unlink(let name): [name]
        case .rename(let name, let newName): [name, newName]
        }
    }

    func apply(to names: inout [String: Inode]) {
        switch change {
        case .create(let name, let inode): names[name] = inode
        case .rename(let name, let newName): names[newName] = names.removeValue(forKey: name)
        case .unlink(let name): names[name] = nil
        }
    }

    /// The names that are found after a power failure.
    static func survivors(
        of operations: [DirectoryOperation], on durable: [String: Inode], mode: PowerLossMode,
        generator: inout SeededGenerator
    ) -> [String: Inode] {
        var names = durable
        switch mode {
        case .everythingLost: break
        case .everythingKept: for operation in operations { operation.apply(to: &names) }
        case .prefix:
            // One metadata journal in order, as ext4 has it.
            let count = generator.integer(below: operations.count + 1)
            for operation in operations.prefix(count) { operation.apply(to: &names) }
        case .seeded, .independent:
            // The worst that POSIX allows: only what concerns the same name keeps its order.
            let keptOutOfTen = 1 + generator.integer(below: 9)
            var lost: Set<String> = []
            for operation in operations {
                let isKept = generator.chance(keptOutOfTen, outOf: 10)
                if isKept, lost.isDisjoint(with: operation.names) {
                    operation.apply(to: &names)
                } else {
                    lost.formUnion(operation.names)
                }
            }
        }
        return names
    }
}
