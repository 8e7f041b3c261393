"""Section 5 of `format-spec.md`: the streams of `DurableStreams`, forks with what they inherit."""

from journal_segment import APPEND, CREATE
from records import MalformedRecord, State, append, creation, state_of_row
from store import CorruptStream


class DurableStream:
    """A stream of the engine with what its row and its annotations say."""

    def __init__(self, stream):
        self.stream, self.number = stream, stream.number
        self.state = None if stream.row is None else state_of_row(stream.number, stream.row)
        for entry in stream.entries:
            if entry.kind == CREATE:
                self.state = State(creation(stream.number, entry.annotation))
            elif self.state is None:
                raise MalformedRecord(stream.number, "create record", "missing")
            elif entry.kind == APPEND:
                self.state.apply(append(stream.number, entry.annotation))
        self.fork = self.state.created["fork"]
        # Where its own bytes begin: what the engine counts from 0.
        self.base = self.fork["divergence"] if self.fork else 0

    @property
    def tail(self):
        return self.base + self.stream.tail

    @property
    def earliest(self):
        start = self.fork["start"] if self.fork and self.stream.start == 0 else self.base + self.stream.start
        return max(start, self.state.moved_start)

    def description(self):
        created = self.state.created
        return {
            "number": self.number, "path": created["path"], "contentType": created["contentType"],
            "createdAt": created["createdAt"], "lifetime": created["lifetime"], "retention": created["retention"],
            "fork": self.fork, "closed": self.state.closed, "softlyDeleted": self.state.softly_deleted,
            "sequence": self.state.sequence,
            "producers": sorted(self.state.producers.values(), key=lambda stamp: stamp["identifier"].encode("utf-8")),
            "closedBy": self.state.closed_by, "earliest": self.earliest, "tail": self.tail, "usedAt": self.stream.time,
        }


class DurableStreams:
    def __init__(self, store):
        self.streams = {stream.number: DurableStream(stream) for stream in store.streams.values()}
        for stream in self.streams.values():
            if stream.fork and stream.fork["source"] not in self.streams:
                raise MalformedRecord(stream.number, "create record", "its source does not exist")

    def content(self, stream):
        """The bytes that can be read, from the earliest position to the tail."""
        return b"".join(self.pieces(stream, stream.earliest, stream.tail))

    def pieces(self, stream, begin, end):
        """The bytes between two positions of a stream, those that it inherits from its source."""
        while stream.fork and begin < stream.base:
            source = self.streams[stream.fork["source"]]
            yield from self.pieces(source, begin, min(end, stream.base))
            begin = min(end, stream.base)
        if begin >= end:
            return
        own_begin = stream.base + stream.stream.start
        if begin < own_begin:
            raise CorruptStream(stream.stream, begin, "bytes that are needed were trimmed")
        yield b"".join(stream.stream.chunks())[begin - own_begin : end - own_begin]
