#!/usr/bin/env python3
"""Reads a store of `SegmentedLog` with nothing but `format-spec.md`: sections 1 to 4, no Swift.

    read_store.py DIRECTORY                  one JSON object a line for each living stream, by rising number
    read_store.py DIRECTORY --bytes NUMBER   the bytes of that stream from its start to its tail

It changes nothing. Exit status: 0 read, 1 the store is corrupt (the reason is on standard error), 2 wrong usage, a store that
cannot be read or that a process has open, 69 (EX_UNAVAILABLE) the Python package `lz4` is missing.
Numbers in comments are sections of the document.
"""

import argparse
import fcntl
import hashlib
import json
import mmap
import os
import re
import struct
import sys
import zlib
from pathlib import Path

SYSTEM_PYTHON = "/usr/bin/python3"
try:
    import lz4.block
except ImportError:
    # Debian's python3-lz4 belongs to the system's Python, which need not be the first on the path.
    if os.path.exists(SYSTEM_PYTHON) and os.environ.get("READ_STORE_RETRIED") is None:
        os.environ["READ_STORE_RETRIED"] = "1"
        os.execv(SYSTEM_PYTHON, [SYSTEM_PYTHON] + sys.argv)
    print("The Python package lz4 is missing (apt install python3-lz4, or pip install lz4).", file=sys.stderr)
    sys.exit(69)

FORMAT_VERSION = 1
JOURNAL_HEADER_BYTE_COUNT = 4096
SEALED_HEADER_BYTE_COUNT, FOOTER_BYTE_COUNT = 64, 128
BLOCK_ROW_BYTE_COUNT, STREAM_ROW_BYTE_COUNT = 40, 56
FRAME_HEADER, ENTRY_HEADER = struct.Struct("<4sIIIQQQqII"), struct.Struct("<BBHIIQQ")
FRAME_MAGIC = b"FRM1"
CREATE, APPEND, DELETE, TRIM = 1, 2, 3, 4
KIND_NAMES = {CREATE: "create", APPEND: "append", DELETE: "delete", TRIM: "trim"}


class Corrupt(Exception):
    """Damage, with the name of the file and the byte offset."""

    def __init__(self, file, offset, reason):
        super().__init__(f"{file.name}: byte {offset}: {reason}")


class StoreFile:
    """A file of the store, mapped read-only."""

    def __init__(self, path):
        self.name = path.name
        with open(path, "rb") as file:
            empty = os.fstat(file.fileno()).st_size == 0
            self.bytes = memoryview(b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    def need(self, holds, offset, reason):
        if not holds:
            raise Corrupt(self, offset, reason)

    def need_zero(self, begin, end):
        self.need(not any(self.bytes[begin:end]), begin, "reserved bytes are not zero")


def rounded_up(offset):
    return (offset + 7) // 8 * 8


class JournalSegment(StoreFile):
    """Section 2."""

    def __init__(self, path, number):
        super().__init__(path)
        self.number = number
        self.need(len(self.bytes) >= JOURNAL_HEADER_BYTE_COUNT, 0, "shorter than a header")
        self.need(self.bytes[:8] == b"SEGLOGJ1", 0, "no magic of a journal segment")
        version, header_byte_count, own_number, byte_count, self.store = struct.unpack_from("<IIQQ16s", self.bytes, 8)
        self.need(version == FORMAT_VERSION, 8, f"format version {version}")
        self.need(zlib.crc32(self.bytes[:4092]) == struct.unpack_from("<I", self.bytes, 4092)[0], 4092, "checksum")
        self.need(header_byte_count == JOURNAL_HEADER_BYTE_COUNT, 12, "byte count of the header")
        self.need(own_number == number, 16, "segment number is not that of the name")
        self.need(byte_count == len(self.bytes) and 1 << 16 <= byte_count <= 1 << 30, 24, "byte count of the file")
        self.need_zero(48, 4092)

    def frame(self, offset):
        """The frame at this offset if it verifies (4.2), else None."""
        if offset + FRAME_HEADER.size > len(self.bytes) or self.bytes[offset : offset + 4] != FRAME_MAGIC:
            return None
        frame = Frame(self, offset)
        limit = len(self.bytes) - offset
        if not FRAME_HEADER.size <= frame.byte_count <= limit or frame.segment_number != self.number:
            return None
        if frame.table_byte_count > frame.byte_count - FRAME_HEADER.size:
            return None
        seed = zlib.crc32(self.store)
        return frame if zlib.crc32(self.bytes[offset + 8 : frame.end], seed) == frame.checksum else None

    def frames_anywhere(self, offset):
        """Every frame that verifies at a multiple of 8 from the offset on."""
        while (offset := self.bytes.obj.find(FRAME_MAGIC, offset)) >= 0:
            if offset % 8 == 0 and (frame := self.frame(offset)) is not None:
                yield frame
            offset += 1


class Frame:
    """Section 2.2."""

    def __init__(self, segment, offset):
        self.segment, self.offset = segment, offset
        fields = FRAME_HEADER.unpack_from(segment.bytes, offset)
        _, self.checksum, self.byte_count, self.table_byte_count, self.segment_number = fields[:5]
        self.first_sequence, self.synced_sequence, self.time, self.entry_count, self.previous_checksum = fields[5:]
        self.end = offset + self.byte_count

    def entries(self):
        """Section 2.3. The checksum held, so anything odd in here is damage."""
        file, offset = self.segment, self.offset + FRAME_HEADER.size
        payload_begin = table_end = offset + self.table_byte_count
        file.need(self.synced_sequence < self.first_sequence, self.offset + 32, "synced before it was written")
        continued = None
        for index in range(self.entry_count):
            file.need(offset + ENTRY_HEADER.size <= table_end, offset, "the entry table ends in an entry")
            entry = Entry(self, offset, self.first_sequence + index, payload_begin)
            entry.verify(table_end, continued)
            yield entry
            offset = entry.annotation_end
            payload_begin = entry.payload_end
            continued = entry if entry.continues else None
        file.need(offset == table_end, offset, "bytes behind the last entry of the table")
        file.need(payload_begin == self.end, payload_begin, "bytes behind the last payload")
        file.need(continued is None, offset, "the last entry of a frame is continued")


class Entry:
    def __init__(self, frame, offset, sequence, payload_begin):
        self.file, self.offset, self.sequence, self.time = frame.segment, offset, sequence, frame.time
        self.frame_end, self.payload_begin = frame.end, payload_begin
        fields = ENTRY_HEADER.unpack_from(self.file.bytes, offset)
        self.kind, self.flags, self.reserved, annotation_byte_count, self.payload_byte_count = fields[:5]
        self.stream, self.position = fields[5:]
        self.annotation_end = offset + ENTRY_HEADER.size + annotation_byte_count
        self.payload_end = payload_begin + self.payload_byte_count
        self.continues = self.flags == 1

    @property
    def annotation(self):
        return self.file.bytes[self.offset + ENTRY_HEADER.size : self.annotation_end]

    @property
    def payload(self):
        return self.file.bytes[self.payload_begin : self.payload_end]

    def verify(self, table_end, continued):
        def need(holds, reason):
            self.file.need(holds, self.offset, reason)

        need(self.kind in KIND_NAMES, f"entry of kind {self.kind}")
        need(self.flags <= 1 and self.reserved == 0, "unknown flags or reserved bytes of an entry")
        need(self.annotation_end <= table_end, "the annotation is longer than the entry table")
        need(self.payload_end <= self.frame_end, "the payload is longer than the frame")
        if continued is not None:
            need(self.kind == APPEND and self.stream == continued.stream, "an entry does not continue the one before")
        if self.kind == CREATE:
            need(self.stream == self.sequence and self.position == 0, "a create entry has its own number, position 0")
        else:
            need(1 <= self.stream < self.sequence, "entry of a stream that does not exist yet")
        if self.kind != APPEND:
            need(self.payload_byte_count == 0, "only appends have a payload")
        if self.kind in (DELETE, TRIM):
            need(not self.continues and len(self.annotation) == 0, "delete or trim with annotation or continued")
        if self.kind == APPEND and self.continues:
            need(len(self.annotation) == 0, "the annotation of an append is with its last entry")


class SealedSegment(StoreFile):
    """Section 3."""

    def __init__(self, path, first, last, generation):
        super().__init__(path)
        self.first, self.last, self.generation = first, last, generation
        self.need(len(self.bytes) >= SEALED_HEADER_BYTE_COUNT + FOOTER_BYTE_COUNT, 0, "shorter than header and footer")
        self.need(self.bytes[:8] == b"SEGLOGS1", 0, "no magic of a sealed segment")
        version, header_byte_count, own_first, own_last, own_generation = struct.unpack_from("<IIQQI", self.bytes, 8)
        self.need(version == FORMAT_VERSION, 8, f"format version {version}")
        self.need(zlib.crc32(self.bytes[:60]) == struct.unpack_from("<I", self.bytes, 60)[0], 60, "checksum")
        self.need(header_byte_count == SEALED_HEADER_BYTE_COUNT, 12, "byte count of the header")
        self.need((own_first, own_last, own_generation) == (first, last, generation), 16, "not what the name says")
        self.need_zero(36, 40)
        self.need_zero(56, 60)
        self.store = bytes(self.bytes[40:56])
        self.seed = zlib.crc32(self.store)
        self.read_footer()
        self.read_streams(self.read_blocks())

    def read_footer(self):
        footer = len(self.bytes) - FOOTER_BYTE_COUNT
        self.need(self.bytes[footer : footer + 8] == b"SEGLOGF1", footer, "no magic of a footer")
        checksum = zlib.crc32(self.bytes[footer:-4], zlib.crc32(self.bytes[:SEALED_HEADER_BYTE_COUNT], self.seed))
        self.need(checksum == struct.unpack_from("<I", self.bytes, len(self.bytes) - 4)[0], footer, "checksum")
        self.need_zero(footer + 88, footer + 124)
        (self.blocks_end, self.index_begin, self.block_count, index_checksum, self.table_begin, self.stream_count,
         table_checksum, self.rows_begin, self.rows_byte_count, rows_checksum, self.last_checksum,
         self.first_sequence, self.end_sequence) = struct.unpack_from("<QQIIQIIQQIIQQ", self.bytes, footer + 8)
        rows_end = self.rows_begin + self.rows_byte_count
        self.need(self.blocks_end >= SEALED_HEADER_BYTE_COUNT and self.index_begin == rounded_up(self.blocks_end)
                  and self.table_begin == self.index_begin + self.block_count * BLOCK_ROW_BYTE_COUNT
                  and self.rows_begin == self.table_begin + self.stream_count * STREAM_ROW_BYTE_COUNT
                  and footer == rounded_up(rows_end), footer, "the areas do not follow each other")
        self.need_zero(self.blocks_end, self.index_begin)
        self.need_zero(rows_end, footer)
        self.need(1 <= self.first_sequence <= self.end_sequence, footer + 72, "sequence numbers")
        for begin, end, checksum in ((self.index_begin, self.table_begin, index_checksum),
                                     (self.table_begin, self.rows_begin, table_checksum),
                                     (self.rows_begin, rows_end, rows_checksum)):
            self.need(zlib.crc32(self.bytes[begin:end], self.seed) == checksum, begin, "checksum")

    def read_blocks(self):
        blocks, stored_begin = [], SEALED_HEADER_BYTE_COUNT
        for offset in range(self.index_begin, self.table_begin, BLOCK_ROW_BYTE_COUNT):
            block = Block(self, offset)
            self.need(block.begin == stored_begin, offset + 8, "a block does not follow the one before")
            stored_begin = block.begin + block.stored_byte_count
            blocks.append(block)
        self.need(stored_begin == self.blocks_end, self.index_begin, "the blocks do not end where they should")
        return blocks

    def read_streams(self, blocks):
        self.streams, row_begin, first_block, number_before = {}, 0, 0, 0
        for offset in range(self.table_begin, self.rows_begin, STREAM_ROW_BYTE_COUNT):
            stream = SealedStream(self, offset)
            self.need(number_before < stream.number < self.end_sequence, offset, "stream number")
            number_before = stream.number
            self.streams[stream.number] = stream
            if stream.is_tombstone:
                continue
            self.need(stream.row_begin == row_begin, offset + 16, "a row does not follow the one before")
            row_begin += stream.row_byte_count
            self.need(row_begin <= self.rows_byte_count, offset + 12, "the row is longer than the area of rows")
            stream.row = bytes(self.bytes[self.rows_begin + stream.row_begin : self.rows_begin + row_begin])
            self.need(stream.first_block == (first_block if stream.block_count else 0), offset + 40, "first block")
            self.need(stream.block_count <= len(blocks) - first_block, offset + 44, "number of blocks")
            stream.blocks = blocks[first_block : first_block + stream.block_count]
            first_block += stream.block_count
            for before, block in zip(stream.blocks, stream.blocks[1:]):
                self.need(block.position == before.end_position, block.row_offset, "gap between blocks of a segment")
            if stream.blocks:
                self.need(stream.blocks[-1].end_position <= stream.tail, offset + 32, "a block behind the tail")
        self.need(row_begin == self.rows_byte_count, self.rows_begin, "rows of no stream")
        self.need(first_block == len(blocks), self.index_begin, "blocks of no stream")


class SealedStream:
    """Section 3.3."""

    def __init__(self, segment, offset):
        fields = struct.unpack_from("<QB3sIQQQIIq", segment.bytes, offset)
        self.number, flags, reserved, self.row_byte_count, self.row_begin, self.start, self.tail = fields[:7]
        self.first_block, self.block_count, self.time = fields[7:]
        segment.need(flags <= 1 and not any(reserved), offset + 8, "unknown flags or reserved bytes")
        self.is_tombstone = flags == 1
        if self.is_tombstone:
            segment.need_zero(offset + 9, offset + STREAM_ROW_BYTE_COUNT)
        segment.need(self.start <= self.tail, offset + 24, "the start is behind the tail")
        self.row, self.blocks = b"", []


class Block:
    """Sections 3.4 and 3.5."""

    def __init__(self, segment, offset):
        self.segment, self.row_offset = segment, offset
        fields = struct.unpack_from("<QQIIIHBBq", segment.bytes, offset)
        self.position, self.begin, self.stored_byte_count, self.payload_byte_count, self.checksum = fields[:5]
        self.boundary_byte_count, self.codec, flags, self.time = fields[5:]
        segment.need(self.codec <= 1 and flags <= 1, offset + 30, "unknown codec or flags")
        segment.need(1 <= self.payload_byte_count <= 65536, offset + 20, "byte count of the payload")
        segment.need(self.begin + self.stored_byte_count <= segment.blocks_end, offset + 8, "stored bytes")
        self.begins_entry = flags == 1
        self.end_position = self.position + self.payload_byte_count

    def decoded(self):
        """The payload, and the positions in the stream at which an entry begins."""
        segment, decoded_byte_count = self.segment, self.payload_byte_count + self.boundary_byte_count
        stored = segment.bytes[self.begin : self.begin + self.stored_byte_count]
        segment.need(zlib.crc32(stored, segment.seed) == self.checksum, self.begin, "checksum of a block")
        decoded = bytes(stored)
        if self.codec == 1:
            try:
                decoded = lz4.block.decompress(decoded, uncompressed_size=decoded_byte_count)
            except lz4.block.LZ4BlockError as error:
                raise Corrupt(segment, self.begin, f"LZ4: {error}") from error
        segment.need(len(decoded) == decoded_byte_count, self.begin, "byte count of a decoded block")
        return decoded[: self.payload_byte_count], self.entry_begins(decoded[self.payload_byte_count :])

    def entry_begins(self, boundary_list):
        position, offset, begins = self.position, 0, set()
        while offset < len(boundary_list):
            number, width = 0, 0
            while True:
                self.segment.need(width < 5 and offset < len(boundary_list), self.begin, "boundary list")
                byte = boundary_list[offset]
                number |= (byte & 0x7F) << 7 * width
                offset, width = offset + 1, width + 1
                if byte < 0x80:
                    break
            if position != self.position or self.begins_entry:
                begins.add(position)
            self.segment.need(number >= 2, self.begin, "empty piece in a boundary list")
            position += number // 2
        self.segment.need(position == self.end_position, self.begin, "the pieces do not add up")
        return begins


class Stream:
    """What is known of a stream while the segments are read; `pieces` are (position, end, block or entry)."""

    def __init__(self, number):
        self.number, self.row, self.start, self.tail, self.time = number, None, 0, 0, None
        self.deleted, self.pieces, self.entries = False, [], []

    def add_sealed(self, segment, sealed):
        self.deleted = self.deleted or sealed.is_tombstone
        if sealed.is_tombstone:
            return
        segment.need(sealed.tail >= self.tail, segment.table_begin, f"stream {self.number} became shorter")
        self.row, self.tail, self.time = sealed.row, sealed.tail, sealed.time
        self.start = max(self.start, sealed.start)
        for block in sealed.blocks:
            self.add_piece(segment, block.row_offset, block.position, block.end_position, block)

    def add_piece(self, file, offset, position, end, source):
        file.need(not self.pieces or self.pieces[-1][1] <= position, offset, f"stream {self.number}: bytes twice")
        self.pieces.append((position, end, source))

    def apply(self, entry):
        need = lambda holds, reason: entry.file.need(holds, entry.offset, f"stream {self.number}: {reason}")
        need(not self.deleted, "entry behind its deletion")
        self.time = entry.time
        self.entries.append(entry)
        if entry.kind == TRIM:
            self.start = max(self.start, entry.position)
            self.tail = max(self.tail, entry.position)
            return
        need(entry.position >= self.tail, "an entry begins before the tail")
        self.tail = entry.position + entry.payload_byte_count
        self.deleted = entry.kind == DELETE
        if entry.payload_byte_count:
            self.add_piece(entry.file, entry.offset, entry.position, self.tail, entry)

    def chunks(self):
        """The bytes from the start to the tail (4.1)."""
        position = self.start
        for begin, end, source in self.pieces:
            if end <= self.start:
                continue
            payload, begins = source.decoded() if isinstance(source, Block) else (source.payload, {begin})
            if begin < self.start and position == self.start and self.start not in begins:
                raise CorruptStream(self, position, "its start is not where an entry begins")
            if begin > position:
                raise CorruptStream(self, position, f"bytes up to position {begin} are missing")
            yield payload[position - begin :]
            position = end
        if position != self.tail:
            raise CorruptStream(self, position, f"bytes up to its tail {self.tail} are missing")

    def description(self):
        digest = hashlib.sha256()
        for chunk in self.chunks():
            digest.update(chunk)
        return {
            "number": self.number, "start": self.start, "tail": self.tail, "time": self.time,
            "row": None if self.row is None else self.row.hex(),
            "entries": [{"kind": KIND_NAMES[entry.kind], "sequence": entry.sequence, "position": entry.position,
                         "annotation": entry.annotation.hex()} for entry in self.entries],
            "sha256": digest.hexdigest(),
        }


class CorruptStream(Corrupt):
    def __init__(self, stream, position, reason):
        Exception.__init__(self, f"stream {stream.number}: position {position}: {reason}")


class Store:
    def __init__(self, directory):
        self.streams = {}
        journal_paths, sealed_paths = listing(directory)
        sealed = [SealedSegment(path, *name) for name, path in sealed_paths]
        journal = [JournalSegment(path, number) for number, path in journal_paths]
        for file in sealed + journal:
            file.need(file.store == (sealed + journal)[0].store, 0, "segment of another store")
        for before, segment in zip(sealed, sealed[1:]):
            segment.need(segment.first_sequence >= before.end_sequence, 0, "sequence numbers twice")
        for segment in sealed:
            for number, stream in segment.streams.items():
                self.streams.setdefault(number, Stream(number)).add_sealed(segment, stream)
        for frame in journal_frames(journal, sealed[-1] if sealed else None):
            for entry in frame.entries():
                self.apply(entry)
        self.streams = {number: stream for number, stream in sorted(self.streams.items()) if not stream.deleted}

    def apply(self, entry):
        if entry.kind == CREATE:
            self.streams[entry.stream] = Stream(entry.stream)
        # Entries of streams that nothing tells of belong to deleted streams (2.3), as do those of streams with a tombstone.
        stream = self.streams.get(entry.stream)
        if stream is not None and not (stream.deleted and not stream.entries):
            stream.apply(entry)


def listing(directory):
    """What is not superseded (1): journal segments as (number, path), sealed ones as ((first, last, generation), path)."""
    journal, sealed = [], []
    for path in sorted(Path(directory).iterdir()):
        if match := re.fullmatch(r"(\d{16})\.journal", path.name, re.ASCII):
            if 1 <= int(match[1]) <= 0xFFFF_FFFF:
                journal.append((int(match[1]), path))
        elif match := re.fullmatch(r"(\d{16})-(\d{16})-(\d{8})\.sealed", path.name, re.ASCII):
            sealed.append((tuple(map(int, match.groups())), path))

    def supersedes(one, other):
        range_covers = one[0] <= other[0] and other[1] <= one[1]
        return range_covers and (one[:2] != other[:2] or one[2] > other[2])

    kept = [item for item in sealed if not any(supersedes(other[0], item[0]) for other in sealed)]
    for (before, _), (name, path) in zip(kept, kept[1:]):
        if name[0] <= before[1]:
            raise Corrupt(path, 0, "its range overlaps that of another sealed segment")
    journal = [(number, path) for number, path in journal
               if not any(first <= number <= last for (first, last, _), _ in kept)]
    if kept and journal and journal[0][0] < kept[-1][0][1]:
        raise Corrupt(journal[0][1], 0, "a journal segment before a sealed one")
    return journal, kept


def journal_frames(segments, newest_sealed):
    """The frames of the log, in their order (4.2)."""
    # The next sequence number, and the checksum of the frame before: None while it is not known.
    next_sequence, checksum = (newest_sealed.end_sequence, newest_sealed.last_checksum) if newest_sealed else (1, None)
    at_begin, index, offset = True, 0, JOURNAL_HEADER_BYTE_COUNT

    def continues(frame):
        if frame is None:
            return False
        if at_begin and (newest_sealed is None or frame.first_sequence > next_sequence):
            return True
        return frame.first_sequence == next_sequence and frame.previous_checksum == checksum

    while index < len(segments):
        frame = segments[index].frame(offset)
        if continues(frame):
            yield frame
            next_sequence, checksum = frame.first_sequence + frame.entry_count, frame.checksum
            at_begin, offset = False, rounded_up(frame.end)
            continue
        later = range(index + 1, len(segments)) if offset > JOURNAL_HEADER_BYTE_COUNT else ()
        following = next((i for i in later if continues(segments[i].frame(JOURNAL_HEADER_BYTE_COUNT))), None)
        if following is None:
            break
        index, offset = following, JOURNAL_HEADER_BYTE_COUNT
    for segment in segments[index:]:
        for frame in segment.frames_anywhere(offset):
            if min(frame.first_sequence, frame.synced_sequence) >= next_sequence:
                raise Corrupt(segment, frame.offset, f"a frame says that sequence number {next_sequence} was synced, "
                                                     "but the log ends before it")
        offset = JOURNAL_HEADER_BYTE_COUNT


def main():
    parser = argparse.ArgumentParser(description="Read a store of SegmentedLog, as format-spec.md describes it.")
    parser.add_argument("directory")
    parser.add_argument("--bytes", type=int, metavar="NUMBER", help="write the bytes of this stream only")
    arguments = parser.parse_args()
    lock = Path(arguments.directory) / "LOCK"
    with open(lock if lock.exists() else os.devnull, "rb") as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        store = Store(arguments.directory)
        if arguments.bytes is None:
            for stream in store.streams.values():
                print(json.dumps(stream.description()))
        elif (stream := store.streams.get(arguments.bytes)) is not None:
            for chunk in stream.chunks():
                sys.stdout.buffer.write(chunk)
        else:
            parser.error(f"there is no stream {arguments.bytes}")


if __name__ == "__main__":
    try:
        main()
    except Corrupt as error:
        sys.exit(f"corrupt: {error}")
    except OSError as error:
        print(f"cannot read the store: {error}", file=sys.stderr)
        sys.exit(2)
