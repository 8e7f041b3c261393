#if LMDB
    import CLMDB
    import SegmentedLog

    /// An LMDB environment with one database. One transaction writes at a time; each commit syncs.
    final class LMDB: @unchecked Sendable {
        let environment: OpaquePointer
        let database: MDB_dbi

        init(_ directory: String, syncsCommits: Bool) {
            var environment: OpaquePointer?
            Self.check(mdb_env_create(&environment))
            self.environment = environment!
            Self.check(mdb_env_set_mapsize(environment, 32 << 30))
            Self.check(mdb_env_set_maxreaders(environment, 1_100))
            Self.check(mdb_env_open(environment, directory, syncsCommits ? 0 : UInt32(MDB_NOSYNC), 0o600))
            var database = MDB_dbi()
            var transaction: OpaquePointer?
            Self.check(mdb_txn_begin(environment, nil, 0, &transaction))
            Self.check(mdb_dbi_open(transaction, nil, 0, &database))
            Self.check(mdb_txn_commit(transaction))
            self.database = database
        }

        static func check(_ code: Int32) {
            precondition(code == 0, String(cString: mdb_strerror(code)))
        }

        func put(_ transaction: OpaquePointer?, _ key: UnsafeMutableRawBufferPointer, _ record: UnsafeRawBufferPointer) {
            var keyValue = MDB_val(mv_size: key.count, mv_data: key.baseAddress)
            var value = MDB_val(mv_size: record.count, mv_data: UnsafeMutableRawPointer(mutating: record.baseAddress))
            Self.check(mdb_put(transaction, database, &keyValue, &value, 0))
        }

        func write(_ body: (OpaquePointer?) -> Void) {
            var transaction: OpaquePointer?
            Self.check(mdb_txn_begin(environment, nil, 0, &transaction))
            body(transaction)
            Self.check(mdb_txn_commit(transaction))
        }

        func close() { mdb_env_close(environment) }
    }

    struct LMDBAppend: AppendSystem {
        let name = "LMDB"

        func canRun(_ appendCase: AppendCase) -> Bool { true }

        func open(_ directory: String, _ appendCase: AppendCase, _ text: SampleText) throws -> any AppendSession {
            let lmdb = LMDB(directory, syncsCommits: appendCase.durability == .sync)
            let syncer = appendCase.durability.intervalMilliseconds.map { milliseconds in
                PeriodicThread(everyMicroseconds: UInt32(milliseconds) * 1_000) {
                    LMDB.check(mdb_env_sync(lmdb.environment, 1))
                }
            }
            return Session(lmdb: lmdb, syncer: syncer, appendCase: appendCase, text: text)
        }

        private struct Session: AppendSession {
            let lmdb: LMDB
            let syncer: PeriodicThread?
            let appendCase: AppendCase
            let text: SampleText
            let keys = RecordKeys()

            func run(nanoseconds: Int64) -> AppendTally {
                runBlockingWriters(appendCase, nanoseconds: nanoseconds) { [self] writer, first in
                    lmdb.write { transaction in
                        for number in first..<(first + appendCase.batch) {
                            let stream = appendCase.stream(of: writer, append: number)
                            RecordKeys.withBytes(stream: stream, number: keys.nextNumber()) { key in
                                text.withRecord(writer &+ number, byteCount: appendCase.byteCount) {
                                    lmdb.put(transaction, key, $0)
                                }
                            }
                        }
                    }
                }
            }

            func close() {
                syncer?.stop()
                lmdb.close()
            }
        }
    }
#endif
