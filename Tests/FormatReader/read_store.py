#!/usr/bin/env python3
"""Reads a store of `SegmentedLog` with nothing but `format-spec.md`: sections 1 to 4, no Swift.

    read_store.py DIRECTORY                  one JSON object a line for each living stream, by rising number
    read_store.py DIRECTORY --bytes NUMBER   the bytes of that stream from its start to its tail
    read_store.py DIRECTORY --extract OTHER  as the first, and the bytes of each stream into a file OTHER/NUMBER

It changes nothing. Exit status: 0 read, 1 the store is corrupt (the reason is on standard error), 2 wrong usage, or a
store that cannot be read or that a process has open, 69 (EX_UNAVAILABLE) the Python package `lz4` is missing.
"""

import argparse
import fcntl
import json
import os
import sys
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

sys.dont_write_bytecode = True
from store import Store  # noqa: E402
from store_file import Corrupt  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description="Read a store of SegmentedLog, as format-spec.md describes it.")
    parser.add_argument("directory")
    parser.add_argument("--bytes", type=int, metavar="NUMBER", help="write the bytes of this stream only")
    parser.add_argument("--extract", type=Path, metavar="DIRECTORY", help="put each stream's bytes into a file there")
    arguments = parser.parse_args()
    lock = Path(arguments.directory) / "LOCK"
    with open(lock if lock.exists() else os.devnull, "rb") as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        store = Store(arguments.directory)
        if arguments.bytes is None:
            for stream in store.streams.values():
                print(json.dumps(stream.description()))
                if arguments.extract is not None:
                    with open(arguments.extract / str(stream.number), "wb") as file:
                        file.writelines(stream.chunks())
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
