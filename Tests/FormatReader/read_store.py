#!/usr/bin/env python3
"""Reads a store of `SegmentedLog`, or of `DurableStreams`, with nothing but `format-spec.md`, no Swift.

    read_store.py DIRECTORY                  one JSON object a line for each living stream, by rising number
    read_store.py DIRECTORY --bytes NUMBER   the bytes of that stream from its start to its tail
    read_store.py DIRECTORY --extract OTHER  as the first, and the bytes of each stream into a file OTHER/NUMBER
    read_store.py DIRECTORY --records ...    the streams as `DurableStreams` means them (section 5): what their rows and
                                             annotations say; the bytes of a fork are also those that it inherits

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
from durable_streams import DurableStreams  # noqa: E402
from store import Store  # noqa: E402
from store_file import Corrupt  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description="Read a store of SegmentedLog, as format-spec.md describes it.")
    parser.add_argument("directory")
    parser.add_argument("--bytes", type=int, metavar="NUMBER", help="write the bytes of this stream only")
    parser.add_argument("--extract", type=Path, metavar="DIRECTORY", help="put each stream's bytes into a file there")
    parser.add_argument("--records", action="store_true", help="read rows and annotations, too")
    arguments = parser.parse_args()
    lock = Path(arguments.directory) / "LOCK"
    with open(lock if lock.exists() else os.devnull, "rb") as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        store = Store(arguments.directory)
        if arguments.records:
            print_records(DurableStreams(store), arguments.extract)
        elif arguments.bytes is None:
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


def print_records(streams, extracted):
    for stream in streams.streams.values():
        print(json.dumps(stream.description()))
        if extracted is not None:
            (extracted / str(stream.number)).write_bytes(streams.content(stream))


if __name__ == "__main__":
    try:
        main()
    except Corrupt as error:
        sys.exit(f"corrupt: {error}")
    except OSError as error:
        print(f"cannot read the store: {error}", file=sys.stderr)
        sys.exit(2)
