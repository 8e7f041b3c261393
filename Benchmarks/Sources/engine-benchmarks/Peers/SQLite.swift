#if SQLITE
    import CSQLite
    import SegmentedLog

    /// An SQLite database in WAL mode on one connection, which is for one thread at a time.
    final class SQLite: @unchecked Sendable {
        let connection: OpaquePointer
        private let insertion: OpaquePointer
        private let begin: OpaquePointer
        private let commit: OpaquePointer

        init(_ directory: String, syncsCommits: Bool) {
            let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
            var connection: OpaquePointer?
            precondition(sqlite3_open_v2("\(directory)/records.sqlite", &connection, flags, nil) == SQLITE_OK)
            self.connection = connection!
            // FULL syncs the write-ahead log at each commit; OFF leaves it to the operating system.
            for statement in [
                "PRAGMA journal_mode=WAL", "PRAGMA synchronous=\(syncsCommits ? "FULL" : "OFF")",
                "PRAGMA cache_size=-262144",
                // The key is the row's own number, which is the cheapest that SQLite has: no index beside the table.
                "CREATE TABLE IF NOT EXISTS records(key INTEGER PRIMARY KEY, payload BLOB NOT NULL)",
            ] {
                precondition(sqlite3_exec(connection, statement, nil, nil, nil) == SQLITE_OK, statement)
            }
            insertion = Self.prepare("INSERT INTO records VALUES(?, ?)", connection)
            begin = Self.prepare("BEGIN IMMEDIATE", connection)
            commit = Self.prepare("COMMIT", connection)
        }

        static func prepare(_ text: String, _ connection: OpaquePointer?) -> OpaquePointer {
            var statement: OpaquePointer?
            let code = sqlite3_prepare_v3(connection, text, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
            precondition(code == SQLITE_OK, text)
            return statement!
        }

        /// Of a stream, and growing within it.
        static func key(stream: Int, number: UInt64) -> Int64 { Int64(stream) << 40 | Int64(number) }

        func insert(_ key: Int64, _ record: UnsafeRawBufferPointer) {
            sqlite3_bind_int64(insertion, 1, key)
            // A null destructor: the bytes stay where they are until the statement has run.
            sqlite3_bind_blob(insertion, 2, record.baseAddress, Int32(record.count), nil)
            step(insertion)
        }

        /// A single insertion is a transaction by itself.
        func transaction(_ count: Int, _ body: () -> Void) {
            if count > 1 { step(begin) }
            body()
            if count > 1 { step(commit) }
        }

        private func step(_ statement: OpaquePointer) {
            let code = sqlite3_step(statement)
            precondition(code == SQLITE_DONE, String(cString: sqlite3_errmsg(connection)))
            sqlite3_reset(statement)
        }

        func close() {
            for statement in [insertion, begin, commit] { sqlite3_finalize(statement) }
            sqlite3_close(connection)
        }
    }

    struct SQLiteAppend: AppendSystem {
        let name = "SQLite"

        /// It has no way to sync from time to time.
        func canRun(_ appendCase: AppendCase) -> Bool { appendCase.durability.intervalMilliseconds == nil }

        func open(_ directory: String, _ appendCase: AppendCase, _ text: SampleText) throws -> any AppendSession {
            Session(
                database: SQLite(directory, syncsCommits: appendCase.durability == .sync), appendCase: appendCase,
                text: text)
        }

        private struct Session: AppendSession {
            let database: SQLite
            let appendCase: AppendCase
            let text: SampleText
            let keys = RecordKeys()
            let lock = PlainLock()

            func run(nanoseconds: Int64) -> AppendTally {
                runBlockingWriters(appendCase, nanoseconds: nanoseconds) { [self] writer, first in
                    lock.withLock {
                        database.transaction(appendCase.batch) {
                            for number in first..<(first + appendCase.batch) {
                                let stream = appendCase.stream(of: writer, append: number)
                                text.withRecord(writer &+ number, byteCount: appendCase.byteCount) {
                                    database.insert(SQLite.key(stream: stream, number: keys.nextNumber()), $0)
                                }
                            }
                        }
                    }
                }
            }

            func close() { database.close() }
        }
    }
#endif
