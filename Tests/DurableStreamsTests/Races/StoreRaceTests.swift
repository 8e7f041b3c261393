import Glibc
import SegmentedLog
import Synchronization
import Testing

@testable import DurableStreams

/// Things that are asked for at the same moment come one after the other, for everybody in the same order.
@Suite(.serialized, .timeLimit(.minutes(4))) struct StoreRaceTests {
    private func path(_ round: Int, _ name: String = "") -> StreamPath { try! StreamPath("r\(name)/\(round)") }

    private func require(_ record: RaceRecord.State, _ round: Int) throws {
        try #require(record.complaints.isEmpty, "round \(round): \(record.complaints)")
    }

    @Test func `Nothing comes after a close that was acknowledged, and nobody misses it`() throws {
        let race = try StoreRace()
        defer { race.end() }
        let record = RaceRecord()
        let seen = Mutex(Stream.Snapshot(earliest: .start, tail: .start, isClosed: false, isDeleted: false))
        var subscription: TailSubscription?
        let appending = { @Sendable (contender: Int) in
            { @Sendable (round: Int) in
                for number in 0..<3 {
                    let text = "\(contender)-\(number);"
                    let result = race.append(text, to: path(round))
                    record.note(result, text)
                    guard case .failure(let error) = result else { continue }
                    guard case .closed = error else { return record.complain("\(error)") }
                    // Who is told of it finds it.
                    if !(race.store.stream(at: path(round))?.snapshot.isClosed ?? false) { record.complain("not closed") }
                }
            }
        }
        let closing = { @Sendable (round: Int) in
            guard case .success(let receipt) = race.append("", to: path(round), AppendRequest(closes: true)) else {
                return record.complain("the close was refused")
            }
            record.note("end", at: Int(receipt.tail.rawValue))
        }
        try race.run([appending(0), appending(1), closing]) { round in
            record.reset()
            _ = try race.create(CreateRequest(path: path(round))).get()
            let stream = race.store.stream(at: path(round))!
            seen.withLock { $0 = stream.snapshot }
            subscription = stream.subscribe(on: race.store.context.direct) {
                let snapshot = stream.snapshot
                seen.withLock { seen in
                    if snapshot.tail < seen.tail || seen.isClosed && snapshot.tail != seen.tail {
                        record.complain("\(snapshot) after \(seen)")
                    }
                    seen = snapshot
                }
            }
        } check: { round in
            let state = record.now
            try require(state, round)
            let text = try state.appends.text()
            #expect(try race.content(path(round)) == text)
            #expect(state.positions["end"] == text.utf8.count, "round \(round): something came after the close")
            let end = StreamPosition(rawValue: UInt64(text.utf8.count))
            try #require(state.refusals.allSatisfy { $0 == "\(StreamError.closed(finalPosition: end))" })
            #expect(state.appends.count + state.refusals.count == 6)
            // It is woken behind the answers.
            for _ in 0..<50_000 where !seen.withLock({ $0.isClosed }) { usleep(100) }
            try #require(seen.withLock { $0.isClosed && $0.tail == end }, "round \(round): a wake-up is lost")
            subscription?.cancel()
        }
    }

    @Test func `An append belongs to the stream before a deletion or to the one behind it`() throws {
        let race = try StoreRace()
        defer { race.end() }
        let record = RaceRecord()
        var old: Stream?
        let deletions = Atomic<Int>(0)
        var subscription: TailSubscription?
        let appending = { @Sendable (contender: Int) in
            { @Sendable (round: Int) in
                for number in 0..<4 {
                    let text = "\(contender)-\(number);"
                    let result = race.append(text, to: path(round))
                    record.note(result, text, by: contender)
                    if case .failure(let error) = result, "\(error)" != "notFound" { record.complain("\(error)") }
                }
            }
        }
        let replacing = { @Sendable (round: Int) in
            guard case .success = race.delete(path(round)) else { return record.complain("not deleted") }
            if race.store.stream(at: path(round)) != nil { record.complain("there after its deletion") }
            guard case .success(let receipt) = race.create(CreateRequest(path: path(round)), "new|"), receipt.isNew else {
                return record.complain("not created")
            }
        }
        try race.run([appending(0), appending(1), replacing]) { round in
            record.reset()
            _ = try race.create(CreateRequest(path: path(round))).get()
            let stream = race.store.stream(at: path(round))!
            old = stream
            subscription = stream.subscribe(on: race.store.context.direct) {
                if stream.snapshot.isDeleted { deletions.store(round + 1, ordering: .sequentiallyConsistent) }
            }
        } check: { round in
            let state = record.now
            try require(state, round)
            let content = try #require(try race.content(path(round)))
            let new = state.appends.filter { content.contains($0.text) }
            #expect(try new.text(from: "new|") == content, "round \(round)")
            let before = state.appends.filter { !content.contains($0.text) }
            _ = try before.text()
            for contender in 0..<2 {
                let belongsToNew = state.appends.filter { $0.contender == contender }.map { content.contains($0.text) }
                try #require(belongsToNew == belongsToNew.sorted { !$0 && $1 }, "round \(round): back to the old stream")
            }
            for _ in 0..<50_000 where deletions.load(ordering: .sequentiallyConsistent) != round + 1 { usleep(100) }
            try #require(deletions.load(ordering: .sequentiallyConsistent) == round + 1, "round \(round): a wake-up is lost")
            subscription?.cancel()
            try #require(failure { _ = try old!.read(from: .start, byteLimit: 1) } == "notFound")
            try #require(race.store.stream(at: path(round))!.number != old!.number)
            _ = race.delete(path(round))
        }
    }

    @Test func `A fork holds what was appended before it, and keeps it whatever becomes of its source`() throws {
        let race = try StoreRace()
        defer { race.end() }
        let record = RaceRecord()
        let acknowledged = Atomic<Int>(0)
        let isDeleted = Atomic<Bool>(false)
        let appending = { @Sendable (round: Int) in
            for number in 0..<5 {
                let text = "\(number);"
                let result = race.append(text, to: path(round))
                record.note(result, text)
                if case .success(let receipt) = result {
                    acknowledged.store(Int(receipt.tail.rawValue), ordering: .sequentiallyConsistent)
                }
            }
        }
        let forking = { @Sendable (round: Int) in
            let least = acknowledged.load(ordering: .sequentiallyConsistent)
            let wasDeleted = isDeleted.load(ordering: .sequentiallyConsistent)
            let fork = CreateRequest(path: path(round, "-fork"), fork: ForkRequest(source: path(round)))
            switch race.create(fork, "F;") {
            case .failure(let error):
                if "\(error)" != "forkSourceNotFound" { record.complain("\(error)") }
            case .success(let receipt):
                if wasDeleted { record.complain("a fork of what was deleted") }
                let end = Int(receipt.tail.rawValue) - 2
                if end < least { record.complain("the fork has \(end) bytes of \(least)") }
                record.note("end", at: end)
                let second = CreateRequest(path: path(round, "-fork-fork"), fork: ForkRequest(source: path(round, "-fork")))
                if case .failure(let error) = race.create(second, "G;") { record.complain("\(error)") }
            }
        }
        let deleting = { @Sendable (round: Int) in
            for _ in 0..<round % 5 { usleep(30) }
            guard case .success = race.delete(path(round)) else { return record.complain("not deleted") }
            isDeleted.store(true, ordering: .sequentiallyConsistent)
            if try! race.content(path(round)) != nil { record.complain("there after its deletion") }
        }
        var forkCount = 0
        try race.run([appending, forking, deleting]) { round in
            record.reset()
            acknowledged.store(0, ordering: .sequentiallyConsistent)
            isDeleted.store(false, ordering: .sequentiallyConsistent)
            _ = try race.create(CreateRequest(path: path(round))).get()
        } check: { round in
            let state = record.now
            try require(state, round)
            let text = try state.appends.text()
            if let end = state.positions["end"] {
                forkCount += 1
                try #require(end <= text.utf8.count && end % 2 == 0)
                #expect(try race.content(path(round, "-fork")) == text.prefix(end) + "F;", "round \(round)")
                #expect(try race.content(path(round, "-fork-fork")) == text.prefix(end) + "F;G;", "round \(round)")
                try #require(race.store.stream(at: path(round))?.isSoftDeleted == true)
                _ = try race.delete(path(round, "-fork-fork")).get()
                _ = try race.delete(path(round, "-fork")).get()
            }
            try #require(race.store.stream(at: path(round)) == nil)
            try #require(race.store.statistics.streamCount == 0, "round \(round): something is kept that nobody needs")
        }
        // Both orders happen.
        #expect(forkCount > 20 && forkCount < StoreRace.roundCount - 20, "\(forkCount) forks")
    }

    @Test func `An append renews a stream or comes too late`() throws {
        let race = try StoreRace { $0.expirySweepMilliseconds = 1 }
        defer { race.end() }
        let record = RaceRecord()
        // Set when most of the time has passed, and before and after the rest does.
        let isLaterHalf = Atomic<Bool>(false)
        let isPassing = Atomic<Bool>(false)
        let hasPassed = Atomic<Bool>(false)
        let request = { @Sendable (round: Int) in CreateRequest(path: path(round), lifetime: .sliding(seconds: 10)) }
        let appending = { @Sendable (contender: Int) in
            { @Sendable (round: Int) in
                for number in 0..<3 {
                    let isLate = hasPassed.load(ordering: .sequentiallyConsistent)
                    let text = "\(contender)-\(number);"
                    let mark = isLaterHalf.load(ordering: .sequentiallyConsistent) ? 1 : 0
                    let result = race.append(text, to: path(round))
                    record.note(result, text, by: mark)
                    switch result {
                    case .success:
                        // No more time passes from here on.
                        if isLate, race.store.stream(at: path(round)) == nil { record.complain("ended in spite of \(text)") }
                    case .failure(let error):
                        if "\(error)" != "notFound" { record.complain("\(error)") }
                        if !isPassing.load(ordering: .sequentiallyConsistent) { record.complain("ended too early") }
                    }
                }
            }
        }
        let passing = { @Sendable (round: Int) in
            race.clock.advance(milliseconds: 6_000)
            isLaterHalf.store(true, ordering: .sequentiallyConsistent)
            for _ in 0..<round % 8 { usleep(20) }
            isPassing.store(true, ordering: .sequentiallyConsistent)
            race.clock.advance(milliseconds: 4_000)
            hasPassed.store(true, ordering: .sequentiallyConsistent)
            _ = race.store.stream(at: path(round))
            guard case .success(let receipt) = race.create(request(round), "new|") else { return record.complain("not created") }
            record.note(receipt.isNew ? "new" : "old")
        }
        var newCount = 0
        try race.run([appending(0), appending(1), passing]) { round in
            record.reset()
            isLaterHalf.store(false, ordering: .sequentiallyConsistent)
            isPassing.store(false, ordering: .sequentiallyConsistent)
            hasPassed.store(false, ordering: .sequentiallyConsistent)
            _ = try race.create(request(round)).get()
        } check: { round in
            let state = record.now
            try require(state, round)
            let content = try #require(try race.content(path(round)), "round \(round)")
            if state.flags.contains("new") {
                newCount += 1
                #expect(try state.appends.filter { content.contains($0.text) }.text(from: "new|") == content, "round \(round)")
                let before = state.appends.filter { !content.contains($0.text) }
                _ = try before.text()
                #expect(before.allSatisfy { $0.contender == 0 }, "round \(round): ended in spite of \(before)")
            } else {
                #expect(try state.appends.text() == content, "round \(round)")
            }
            _ = race.delete(path(round))
        }
        #expect(newCount > 20, "\(newCount) ended")
    }

    @Test func `Of an original and its duplicates one is stored, and who is told so can read it`() throws {
        let race = try StoreRace()
        defer { race.end() }
        let record = RaceRecord()
        let producing = { @Sendable (contender: Int) in
            { @Sendable (round: Int) in
                let stream = race.store.stream(at: path(round))!
                for sequence in 0..<5 as Range<UInt64> {
                    let stamp = ProducerStamp(identifier: "p", epoch: 0, sequence: sequence)
                    let result = race.append("\(sequence);", to: path(round), AppendRequest(producer: stamp))
                    guard case .success(let receipt) = result else { return record.complain("\(result)") }
                    if receipt.kind == .appended { record.note(result, "\(sequence);", by: contender) }
                    if stream.snapshot.tail.rawValue < 2 * (sequence + 1) { record.complain("\(receipt.kind) too early") }
                }
            }
        }
        try race.run([producing(0), producing(1), producing(2)]) { round in
            record.reset()
            _ = try race.create(CreateRequest(path: path(round))).get()
        } check: { round in
            let state = record.now
            try require(state, round)
            #expect(try state.appends.text() == "0;1;2;3;4;", "round \(round)")
            #expect(try race.content(path(round)) == "0;1;2;3;4;", "round \(round)")
        }
    }
}
