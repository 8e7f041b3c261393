/// What can be kept in a ``PathTable``: it knows its path itself.
protocol PathKeyed {
    /// The bytes of the normalized path, lent for the time of the call.
    func withPathBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result
}

/// A hash table of values that hold their own keys: 12 bytes for each place, of which 53 to 80 % are taken. A
/// dictionary keeps the key beside the value, and takes 24 bytes for each place, of which 38 to 75 % are taken.
///
/// Open addressing with linear probing. The places are in the order of the hashes but for collisions, so growing goes
/// through the old table and the new one front to back. A look-up compares a few hashes, which lie side by side, and
/// then one path. Not thread-safe; see ``Catalog``.
struct PathTable<Value: PathKeyed & Sendable>: Sendable {
    /// 0 marks an empty place.
    private var hashes: ContiguousArray<UInt32> = []
    private var values: ContiguousArray<Value?> = []
    private(set) var count = 0

    private static var smallestCapacity: Int { 8 }

    /// The place of the value with this path, or nil.
    /// - Parameter hash: The path's, not 0.
    func place(of path: UnsafeRawBufferPointer, hash: UInt32) -> Int? {
        guard count > 0 else { return nil }
        var place = home(of: hash, capacity: hashes.count)
        while hashes[place] != 0 {
            if hashes[place] == hash, let value = values[place], value.withPathBytes({ $0.hasSameBytes(as: path) }) {
                return place
            }
            place = next(place)
        }
        return nil
    }

    /// The value at a place that ``place(of:hash:)`` gave. Places are good until the table is changed.
    subscript(place: Int) -> Value {
        get { values[place]! }
        set { values[place] = newValue }
    }

    /// Adds a value whose path is not in the table.
    mutating func insert(_ value: Value, hash: UInt32) {
        // At most four fifths are taken; above that probing becomes long.
        if (count + 1) * 5 > hashes.count * 4 { grow() }
        Self.put(value, hash: hash, into: &hashes, &values)
        count += 1
    }

    /// Removes the value at a place and closes the gap, so that no marks of removed values pile up.
    mutating func remove(at place: Int) {
        var gap = place
        var candidate = next(gap)
        while hashes[candidate] != 0 {
            let home = home(of: hashes[candidate], capacity: hashes.count)
            // One that is at or behind its home anyway must not move before it.
            if distance(from: home, to: candidate) >= distance(from: gap, to: candidate) {
                hashes[gap] = hashes[candidate]
                values[gap] = values[candidate]
                gap = candidate
            }
            candidate = next(candidate)
        }
        hashes[gap] = 0
        values[gap] = nil
        count -= 1
    }

    /// Calls back with every value, in no particular order.
    func forEach(_ body: (Value) -> Void) {
        for case let value? in values { body(value) }
    }

    private mutating func grow() {
        let capacity = max(Self.smallestCapacity, hashes.count + hashes.count / 2)
        var newHashes = ContiguousArray<UInt32>(repeating: 0, count: capacity)
        var newValues = ContiguousArray<Value?>(repeating: nil, count: capacity)
        for place in hashes.indices {
            // Moved, not copied: counting references is most of the cost.
            guard let value = values[place].take() else { continue }
            Self.put(value, hash: hashes[place], into: &newHashes, &newValues)
        }
        hashes = newHashes
        values = newValues
    }

    private static func put(
        _ value: consuming Value, hash: UInt32, into hashes: inout ContiguousArray<UInt32>,
        _ values: inout ContiguousArray<Value?>
    ) {
        var place = home(of: hash, capacity: hashes.count)
        while hashes[place] != 0 { place = place + 1 == hashes.count ? 0 : place + 1 }
        hashes[place] = hash
        values[place] = value
    }

    /// Where a value with this hash is if it has met no other: hashes are spread evenly, in their order.
    private static func home(of hash: UInt32, capacity: Int) -> Int {
        Int(truncatingIfNeeded: (UInt64(hash) &* UInt64(capacity)) &>> 32)
    }

    private func home(of hash: UInt32, capacity: Int) -> Int { Self.home(of: hash, capacity: capacity) }

    private func next(_ place: Int) -> Int { place + 1 == hashes.count ? 0 : place + 1 }

    private func distance(from start: Int, to end: Int) -> Int {
        end >= start ? end - start : end - start + hashes.count
    }
}
