#if ROCKSDB
    import CRocksDB
    import SegmentedLog

    /// A RocksDB with its default options, which write the log of a group of threads at once.
    final class RocksDB: @unchecked Sendable {
        let handle: OpaquePointer
        private let options: OpaquePointer
        private let table: OpaquePointer
        private let cache: OpaquePointer

        /// - Parameter cacheByteCount: Of decoded blocks; 0 for none at all.
        init(_ directory: String, cacheByteCount: Int = 256 << 20) {
            options = rocksdb_options_create()
            table = rocksdb_block_based_options_create()
            cache = rocksdb_cache_create_lru(max(1 << 20, cacheByteCount))
            rocksdb_options_set_create_if_missing(options, 1)
            // As much as the engine's blocks are compressed.
            rocksdb_options_set_compression(options, Int32(rocksdb_lz4_compression))
            if cacheByteCount == 0 {
                rocksdb_block_based_options_set_no_block_cache(table, 1)
            } else {
                rocksdb_block_based_options_set_block_cache(table, cache)
            }
            rocksdb_block_based_options_set_block_size(table, 16 << 10)
            rocksdb_options_set_block_based_table_factory(options, table)
            var failure: UnsafeMutablePointer<CChar>?
            handle = rocksdb_open(options, directory, &failure)
            Self.check(failure)
        }

        static func check(_ failure: UnsafeMutablePointer<CChar>?) {
            if let failure { preconditionFailure(String(cString: failure)) }
        }

        func syncLog() {
            var failure: UnsafeMutablePointer<CChar>?
            rocksdb_flush_wal(handle, 1, &failure)
            Self.check(failure)
        }

        /// Puts everything into sorted files, at the last level.
        func settle() {
            let flushOptions = rocksdb_flushoptions_create()
            rocksdb_flushoptions_set_wait(flushOptions, 1)
            var failure: UnsafeMutablePointer<CChar>?
            rocksdb_flush(handle, flushOptions, &failure)
            Self.check(failure)
            rocksdb_flushoptions_destroy(flushOptions)
            rocksdb_compact_range(handle, nil, 0, nil, 0)
        }

        func close() {
            rocksdb_close(handle)
            rocksdb_options_destroy(options)
            rocksdb_block_based_options_destroy(table)
            rocksdb_cache_destroy(cache)
        }
    }

    struct RocksDBAppend: AppendSystem {
        let name = "RocksDB"

        func canRun(_ appendCase: AppendCase) -> Bool { true }

        func open(_ directory: String, _ appendCase: AppendCase, _ text: SampleText) throws -> any AppendSession {
            let database = RocksDB(directory)
            let options = rocksdb_writeoptions_create()!
            rocksdb_writeoptions_set_sync(options, appendCase.durability == .sync ? 1 : 0)
            let syncer = appendCase.durability.intervalMilliseconds.map { milliseconds in
                PeriodicThread(everyMicroseconds: UInt32(milliseconds) * 1_000) { database.syncLog() }
            }
            return Session(database: database, options: options, syncer: syncer, appendCase: appendCase, text: text)
        }

        private struct Session: AppendSession, @unchecked Sendable {
            let database: RocksDB
            let options: OpaquePointer
            let syncer: PeriodicThread?
            let appendCase: AppendCase
            let text: SampleText
            let keys = RecordKeys()

            func run(nanoseconds: Int64) -> AppendTally {
                runBlockingWriters(appendCase, nanoseconds: nanoseconds) { [self] writer, first in
                    var failure: UnsafeMutablePointer<CChar>?
                    let batch = appendCase.batch > 1 ? rocksdb_writebatch_create() : nil
                    for number in first..<(first + appendCase.batch) {
                        let stream = appendCase.stream(of: writer, append: number)
                        RecordKeys.withBytes(stream: stream, number: keys.nextNumber()) { key in
                            text.withRecord(writer &+ number, byteCount: appendCase.byteCount) { record in
                                let keyBytes = key.bindMemory(to: CChar.self).baseAddress
                                let bytes = record.bindMemory(to: CChar.self).baseAddress
                                if let batch {
                                    rocksdb_writebatch_put(batch, keyBytes, key.count, bytes, record.count)
                                } else {
                                    rocksdb_put(
                                        database.handle, options, keyBytes, key.count, bytes, record.count, &failure)
                                }
                            }
                        }
                    }
                    if let batch {
                        rocksdb_write(database.handle, options, batch, &failure)
                        rocksdb_writebatch_destroy(batch)
                    }
                    RocksDB.check(failure)
                }
            }

            func close() {
                syncer?.stop()
                rocksdb_writeoptions_destroy(options)
                database.close()
            }
        }
    }
#endif
