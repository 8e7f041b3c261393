"""Section 2 of `format-spec.md`: journal segments, their frames and entries."""

import struct
import zlib

from store_file import FORMAT_VERSION, LIMIT, StoreFile

JOURNAL_HEADER_BYTE_COUNT = 4096
FRAME_HEADER, ENTRY_HEADER = struct.Struct("<4sIIIQQQqII"), struct.Struct("<BBHIIQQ")
FRAME_MAGIC = b"FRM1"
CREATE, APPEND, DELETE, TRIM = 1, 2, 3, 4
KIND_NAMES = {CREATE: "create", APPEND: "append", DELETE: "delete", TRIM: "trim"}


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
        if frame.entry_count * ENTRY_HEADER.size > frame.table_byte_count:
            return None
        if not frame.synced_sequence < frame.first_sequence <= LIMIT - frame.entry_count:
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
        need(self.position <= LIMIT - self.payload_byte_count, "its position is out of range")
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
