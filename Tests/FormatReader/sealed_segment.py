"""Section 3 of `format-spec.md`: sealed segments, their streams and blocks."""

import struct
import zlib

import lz4.block

from store_file import FORMAT_VERSION, LIMIT, Corrupt, StoreFile, rounded_up

SEALED_HEADER_BYTE_COUNT, FOOTER_BYTE_COUNT = 64, 128
BLOCK_ROW_BYTE_COUNT, STREAM_ROW_BYTE_COUNT = 40, 56


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
        self.need(1 <= self.first_sequence <= self.end_sequence <= LIMIT, footer + 72, "sequence numbers")
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
        segment.need(self.start <= self.tail <= LIMIT, offset + 24, "the start is behind the tail")
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
        decoded_byte_count = self.payload_byte_count + self.boundary_byte_count
        stored_limit = decoded_byte_count if self.codec == 0 else (decoded_byte_count * 15 - 1) // 16
        segment.need(self.boundary_byte_count >= 1, offset + 28, "no boundaries")
        segment.need(1 <= self.stored_byte_count <= stored_limit, offset + 16, "byte count of the stored bytes")
        segment.need(self.begin + self.stored_byte_count <= segment.blocks_end, offset + 8, "stored bytes")
        self.end_position = self.position + self.payload_byte_count

    def decoded(self):
        """The payload."""
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
        self.verify_boundaries(decoded[self.payload_byte_count :])
        return decoded[: self.payload_byte_count]

    def verify_boundaries(self, boundary_list):
        position, offset = self.position, 0
        while offset < len(boundary_list):
            number, width = 0, 0
            while True:
                self.segment.need(width < 5 and offset < len(boundary_list), self.begin, "boundary list")
                byte = boundary_list[offset]
                number |= (byte & 0x7F) << 7 * width
                offset, width = offset + 1, width + 1
                if byte < 0x80:
                    break
            self.segment.need(number >= 2, self.begin, "empty piece in a boundary list")
            position += number // 2
        self.segment.need(position == self.end_position, self.begin, "the pieces do not add up")
