"""What the files of a store have in common."""

import mmap
import os

FORMAT_VERSION = 1
# Sequence numbers and positions are not above.
LIMIT = 2**63 - 1


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
