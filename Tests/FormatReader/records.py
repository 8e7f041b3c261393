"""Section 5 of `format-spec.md`: what `DurableStreams` keeps in the annotations of entries, and in rows."""

import struct

from store_file import LIMIT, Corrupt

VERSION = 1
NO_LIMIT = 2**64 - 1
DIVERGENCE_LIMIT = 2**62


class MalformedRecord(Corrupt):
    def __init__(self, stream, kind, reason):
        Exception.__init__(self, f"stream {stream}: its {kind}: {reason}")


class Record:
    """Reads fields from front to back, all of them little endian."""

    def __init__(self, stream, kind, content):
        self.stream, self.kind, self.content, self.offset = stream, kind, bytes(content), 0

    def need(self, holds, reason):
        if not holds:
            raise MalformedRecord(self.stream, self.kind, reason)

    def take(self, byte_count):
        self.need(byte_count <= len(self.content) - self.offset, "ends too early")
        self.offset += byte_count
        return self.content[self.offset - byte_count : self.offset]

    def number(self, layout):
        return struct.unpack("<" + layout, self.take(struct.calcsize("<" + layout)))[0]

    def block(self):
        return self.take(self.number("I"))

    def text(self):
        content = self.block()
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise MalformedRecord(self.stream, self.kind, "a string is not UTF-8") from error

    def stamp(self):
        return {"identifier": self.text(), "epoch": self.number("Q"), "sequence": self.number("Q")}

    def begin(self, known_flags):
        """Version and flags, which all records begin with."""
        self.need(self.number("B") == VERSION, "unknown version")
        flags = self.number("B")
        self.need(flags & ~known_flags == 0, "unknown flags")
        return flags

    def end(self):
        self.need(self.offset == len(self.content), "bytes behind its end")


def creation(stream, annotation):
    """Section 5.1."""
    record = Record(stream, "create record", annotation)
    flags = record.begin(1 | 2)
    found = {"closed": flags & 1 != 0, "createdAt": record.number("q"), "path": record.text()}
    record.need(found["path"].isascii(), "its path is not ASCII")
    found["contentType"] = record.text()
    kind = record.number("B")
    record.need(kind <= 2, "unknown lifetime")
    found["lifetime"] = None
    if kind == 1:
        found["lifetime"] = {"seconds": record.number("Q")}
    elif kind == 2:
        found["lifetime"] = {"until": record.number("q"), "text": record.text()}
    found["retention"] = None
    if flags & 2:
        limits = (record.number("Q"), record.number("Q"))
        ages, sizes = (None if limit == NO_LIMIT else limit for limit in limits)
        found["retention"] = {"ageSeconds": ages, "byteCount": sizes}
    origin = record.number("B")
    record.need(origin <= 1, "unknown origin")
    found["fork"] = fork(record, stream) if origin == 1 else None
    record.end()
    return found


def fork(record, stream):
    found = {"source": record.number("Q"), "start": record.number("Q"), "offset": record.number("Q"),
             "subOffset": record.number("Q"), "divergence": record.number("Q")}
    flags = record.number("B")
    found["inheritsLifetime"], found["sourcePath"] = flags == 1, record.text()
    record.need(flags <= 1, "unknown flags of a fork")
    record.need(1 <= found["source"] < stream, "its source is not older")
    record.need(found["start"] <= found["offset"] <= found["divergence"] < DIVERGENCE_LIMIT, "positions of a fork")
    return found


def append(stream, annotation):
    """Section 5.2."""
    found = {"closes": False, "sequence": None, "producer": None, "deletesSoftly": False, "start": None}
    if len(annotation) == 0:
        return found
    record = Record(stream, "append record", annotation)
    flags = record.begin(1 | 2 | 4 | 8 | 16 | 32)
    record.need(flags != 0, "no flags")
    found["closes"], found["deletesSoftly"] = flags & 1 != 0, flags & 16 != 0
    if flags & 2:
        found["sequence"] = record.text()
    if flags & 4:
        found["producer"] = record.stamp()
    if flags & 32:
        found["start"] = record.number("Q")
        record.need(found["start"] <= LIMIT, "its position is out of range")
    record.end()
    return found


def state_of_row(stream, row):
    """Section 5.3: the same as `State` says of a stream that is in the journal only."""
    record = Record(stream, "row", row)
    flags = record.begin(1 | 2 | 4 | 8 | 16 | 32)
    state = State(creation(stream, record.block()))
    state.closed, state.softly_deleted = flags & 1 != 0, flags & 16 != 0
    if flags & 2:
        state.sequence = record.text()
    if flags & 4:
        count = record.number("I")
        record.need(count >= 1, "no producers")
        before = None
        for _ in range(count):
            stamp = record.stamp()
            identifier = stamp["identifier"].encode("utf-8")
            record.need(before is None or before < identifier, "the producers' identifiers do not rise")
            before = identifier
            state.producers[stamp["identifier"]] = stamp
    if flags & 8:
        record.need(state.closed, "closed by a producer, but not closed")
        state.closed_by = record.stamp()
    if flags & 32:
        state.moved_start = record.number("Q")
    record.end()
    return state


class State:
    """What the annotations of a stream's entries come to."""

    def __init__(self, created):
        self.created, self.closed, self.softly_deleted = created, created["closed"], False
        self.sequence, self.producers, self.closed_by, self.moved_start = None, {}, None, 0

    def apply(self, record):
        self.closed = self.closed or record["closes"]
        self.softly_deleted = self.softly_deleted or record["deletesSoftly"]
        if record["sequence"] is not None:
            self.sequence = record["sequence"]
        if (stamp := record["producer"]) is not None:
            self.producers[stamp["identifier"]] = stamp
            if record["closes"]:
                self.closed_by = stamp
        self.moved_start = max(self.moved_start, record["start"] or 0)
