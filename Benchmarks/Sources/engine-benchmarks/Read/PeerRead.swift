import Glibc

#if ROCKSDB
    import CRocksDB

    /// Gets by key, and ranges of an iterator.
    struct RocksDBRead: ReadSystem {
        /// Without a cache each read decompresses its block. The files are in the page cache.
        var isCached: Bool
        var name: String { isCached ? "RocksDB, cached" : "RocksDB, decoded" }

        func open(_ directory: String, _ records: RecordSet) throws -> any ReadSession {
            let database = RocksDB(directory, cacheByteCount: isCached ? 512 << 20 : 0)
            let options = rocksdb_writeoptions_create()!
            records.forEach { stream, number, record in
                var failure: UnsafeMutablePointer<CChar>?
                RecordKeys.withBytes(stream: stream, number: UInt64(number)) { key in
                    rocksdb_put(
                        database.handle, options, key.bindMemory(to: CChar.self).baseAddress, key.count,
                        record.bindMemory(to: CChar.self).baseAddress, record.count, &failure)
                }
                RocksDB.check(failure)
            }
            rocksdb_writeoptions_destroy(options)
            database.settle()
            return Session(database: database, options: rocksdb_readoptions_create())
        }

        private struct Session: ReadSession {
            let database: RocksDB
            let options: OpaquePointer

            func read(stream: Int, number: Int, into buffer: UnsafeMutableRawBufferPointer) {
                var failure: UnsafeMutablePointer<CChar>?
                RecordKeys.withBytes(stream: stream, number: UInt64(number)) { key in
                    let slice = rocksdb_get_pinned(
                        database.handle, options, key.bindMemory(to: CChar.self).baseAddress, key.count, &failure)
                    RocksDB.check(failure)
                    var byteCount = 0
                    let bytes = rocksdb_pinnableslice_value(slice, &byteCount)
                    buffer.copyMemory(from: UnsafeRawBufferPointer(start: bytes, count: byteCount))
                    rocksdb_pinnableslice_destroy(slice)
                }
            }

            func scan(stream: Int, into buffer: UnsafeMutableRawBufferPointer) -> Int {
                let iterator = rocksdb_create_iterator(database.handle, options)
                defer { rocksdb_iter_destroy(iterator) }
                RecordKeys.withBytes(stream: stream, number: 0) { key in
                    rocksdb_iter_seek(iterator, key.bindMemory(to: CChar.self).baseAddress, key.count)
                }
                var target = ScanTarget(buffer)
                while rocksdb_iter_valid(iterator) != 0 {
                    var keyByteCount = 0
                    let key = UnsafeRawPointer(rocksdb_iter_key(iterator, &keyByteCount))!
                    guard UInt64(bigEndian: key.loadUnaligned(as: UInt64.self)) == UInt64(stream) else { break }
                    var byteCount = 0
                    let bytes = rocksdb_iter_value(iterator, &byteCount)
                    target.add(UnsafeRawBufferPointer(start: bytes, count: byteCount))
                    rocksdb_iter_next(iterator)
                }
                return target.total
            }

            func close() {
                rocksdb_readoptions_destroy(options)
                database.close()
            }
        }
    }
#endif

#if LMDB
    import CLMDB

    /// Gets by key from the mapped file, in a read transaction that is renewed for each, as is cheapest.
    struct LMDBRead: ReadSystem {
        let name = "LMDB"

        func open(_ directory: String, _ records: RecordSet) throws -> any ReadSession {
            let lmdb = LMDB(directory, syncsCommits: false)
            lmdb.write { transaction in
                records.forEach { stream, number, record in
                    RecordKeys.withBytes(stream: stream, number: UInt64(number)) { lmdb.put(transaction, $0, record) }
                }
            }
            var transaction: OpaquePointer?
            LMDB.check(mdb_txn_begin(lmdb.environment, nil, UInt32(MDB_RDONLY), &transaction))
            mdb_txn_reset(transaction)
            return Session(lmdb: lmdb, transaction: transaction!)
        }

        private struct Session: ReadSession {
            let lmdb: LMDB
            let transaction: OpaquePointer

            func read(stream: Int, number: Int, into buffer: UnsafeMutableRawBufferPointer) {
                LMDB.check(mdb_txn_renew(transaction))
                RecordKeys.withBytes(stream: stream, number: UInt64(number)) { key in
                    var key = MDB_val(mv_size: key.count, mv_data: key.baseAddress)
                    var value = MDB_val()
                    LMDB.check(mdb_get(transaction, lmdb.database, &key, &value))
                    buffer.copyMemory(from: UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size))
                }
                mdb_txn_reset(transaction)
            }

            func scan(stream: Int, into buffer: UnsafeMutableRawBufferPointer) -> Int {
                LMDB.check(mdb_txn_renew(transaction))
                defer { mdb_txn_reset(transaction) }
                var cursor: OpaquePointer?
                LMDB.check(mdb_cursor_open(transaction, lmdb.database, &cursor))
                defer { mdb_cursor_close(cursor) }
                var target = ScanTarget(buffer)
                RecordKeys.withBytes(stream: stream, number: 0) { start in
                    var key = MDB_val(mv_size: start.count, mv_data: start.baseAddress)
                    var value = MDB_val()
                    var code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE)
                    while code == 0, UInt64(bigEndian: key.mv_data.loadUnaligned(as: UInt64.self)) == UInt64(stream) {
                        target.add(UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size))
                        code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)
                    }
                }
                return target.total
            }

            func close() {
                mdb_txn_abort(transaction)
                lmdb.close()
            }
        }
    }
#endif

#if SQLITE
    import CSQLite

    /// Selects by the row's number, with all pages in SQLite's own cache.
    struct SQLiteRead: ReadSystem {
        let name = "SQLite, cached"

        func open(_ directory: String, _ records: RecordSet) throws -> any ReadSession {
            let database = SQLite(directory, syncsCommits: false)
            database.transaction(2) {
                records.forEach { stream, number, record in
                    database.insert(SQLite.key(stream: stream, number: UInt64(number)), record)
                }
            }
            precondition(
                sqlite3_exec(database.connection, "PRAGMA wal_checkpoint(TRUNCATE)", nil, nil, nil) == SQLITE_OK)
            return Session(
                database: database,
                get: SQLite.prepare("SELECT payload FROM records WHERE key = ?", database.connection),
                range: SQLite.prepare(
                    "SELECT payload FROM records WHERE key >= ? AND key < ? ORDER BY key", database.connection))
        }

        private struct Session: ReadSession {
            let database: SQLite
            let get: OpaquePointer
            let range: OpaquePointer

            func read(stream: Int, number: Int, into buffer: UnsafeMutableRawBufferPointer) {
                sqlite3_bind_int64(get, 1, SQLite.key(stream: stream, number: UInt64(number)))
                precondition(sqlite3_step(get) == SQLITE_ROW)
                buffer.copyMemory(from: payload(get))
                sqlite3_reset(get)
            }

            func scan(stream: Int, into buffer: UnsafeMutableRawBufferPointer) -> Int {
                sqlite3_bind_int64(range, 1, SQLite.key(stream: stream, number: 0))
                sqlite3_bind_int64(range, 2, SQLite.key(stream: stream + 1, number: 0))
                var target = ScanTarget(buffer)
                while sqlite3_step(range) == SQLITE_ROW { target.add(payload(range)) }
                sqlite3_reset(range)
                return target.total
            }

            private func payload(_ statement: OpaquePointer) -> UnsafeRawBufferPointer {
                UnsafeRawBufferPointer(
                    start: sqlite3_column_blob(statement, 0), count: Int(sqlite3_column_bytes(statement, 0)))
            }

            func close() {
                sqlite3_finalize(get)
                sqlite3_finalize(range)
                database.close()
            }
        }
    }
#endif

/// Takes records one after the other, from the start of the buffer again when it is full.
struct ScanTarget {
    private let buffer: UnsafeMutableRawBufferPointer
    private var used = 0
    private(set) var total = 0

    init(_ buffer: UnsafeMutableRawBufferPointer) { self.buffer = buffer }

    mutating func add(_ record: UnsafeRawBufferPointer) {
        if used + record.count > buffer.count { used = 0 }
        UnsafeMutableRawBufferPointer(rebasing: buffer[used..<(used + record.count)]).copyMemory(from: record)
        used += record.count
        total += record.count
    }
}
