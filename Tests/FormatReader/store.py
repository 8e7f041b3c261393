"""Sections 1 and 4 of `format-spec.md`: which files count, and what all of them together say."""

import hashlib
import re
from pathlib import Path

from journal_segment import CREATE, DELETE, JOURNAL_HEADER_BYTE_COUNT, KIND_NAMES, TRIM, JournalSegment
from sealed_segment import Block, SealedSegment
from store_file import Corrupt, rounded_up


class Stream:
    """What is known of a stream while the segments are read; `pieces` are (position, end, block or entry)."""

    def __init__(self, number):
        self.number, self.row, self.start, self.tail, self.time = number, None, 0, 0, None
        self.deleted, self.pieces, self.entries = False, [], []
        # The first entry of the journal behind a gap: then the stream must be deleted.
        self.entry_behind_gap = None

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
        if self.deleted or entry.kind == DELETE:
            self.deleted = True
            return
        if entry.kind != TRIM and entry.position > self.tail:
            self.entry_behind_gap = self.entry_behind_gap or entry
        if self.entry_behind_gap is not None:
            return
        self.time = entry.time
        self.entries.append(entry)
        if entry.kind == TRIM:
            entry.file.need(entry.position <= self.tail, entry.offset, f"stream {self.number}: a trim behind its tail")
            self.start = max(self.start, entry.position)
            return
        entry.file.need(entry.position == self.tail, entry.offset, f"stream {self.number}: an entry before the tail")
        self.tail += entry.payload_byte_count
        if entry.payload_byte_count:
            self.add_piece(entry.file, entry.offset, entry.position, self.tail, entry)

    def chunks(self):
        """The bytes from the start to the tail (4.1)."""
        position = self.start
        for begin, end, source in self.pieces:
            if end <= self.start:
                continue
            payload = source.decoded() if isinstance(source, Block) else source.payload
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
        for stream in self.streams.values():
            if (entry := stream.entry_behind_gap) is not None:
                raise Corrupt(entry.file, entry.offset, f"stream {stream.number}: bytes before the entry are missing")

    def apply(self, entry):
        if entry.kind == CREATE:
            self.streams[entry.stream] = Stream(entry.stream)
        # Entries of streams that nothing tells of belong to deleted streams (2.3).
        if (stream := self.streams.get(entry.stream)) is not None:
            stream.apply(entry)


def listing(directory):
    """What is not superseded (1): journal segments as (number, path), sealed as ((first, last, generation), path)."""
    journal, sealed = [], []
    for path in sorted(Path(directory).iterdir()):
        if match := re.fullmatch(r"(\d{16})\.journal", path.name, re.ASCII):
            if 1 <= int(match[1]) <= 0xFFFF_FFFF:
                journal.append((int(match[1]), path))
        elif match := re.fullmatch(r"(\d{16})-(\d{16})-(\d{8})\.sealed", path.name, re.ASCII):
            first, last, generation = map(int, match.groups())
            if 1 <= first <= last <= 0xFFFF_FFFF:
                sealed.append(((first, last, generation), path))

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
