"""What stands in SQLite's write-ahead log: all that was committed, an unfinished end that a crash left, or damage.

SQLite reads the log up to the last whole transaction and passes over the rest. After a crash the rest is the
transaction that was under way. Where the log is damaged, the rest is whole transactions, and SQLite says nothing. So
the log is looked at before SQLite opens it. Its format is fixed: https://www.sqlite.org/fileformat2.html#walformat
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

#: Magic number, version, page size, number of the checkpoint, two salts and two checksums.
HEADER = struct.Struct(">8I")
#: Number of the page, size of the database, two salts and two checksums; the page stands behind it.
FRAME = struct.Struct(">6I")
#: By the magic number: how the checksums read the bytes.
BYTE_ORDERS = {0x377F0682: "<u4", 0x377F0683: ">u4"}
#: What a disk fills at once.
BLOCK = 4096


def log_of(path: Path) -> Path:
    """Return where SQLite keeps the write-ahead log of a database."""
    return path.with_name(f"{path.name}-wal")


def find_damage(log: bytes) -> int | None:
    """Return the byte at which a log is damaged; None if it is whole, or a crash can have left it.

    A killed process leaves the last frame shorter than the others. A disk that lost power may have made room for the
    end of the log and not have filled it: then the file is zero from the begin of some block on.
    """
    start, end = _first_broken(log)
    last_block = (end - 1) // BLOCK * BLOCK
    was_never_filled = last_block >= start and not any(log[last_block:])
    return None if start == end or was_never_filled else start


def _first_broken(log: bytes) -> tuple[int, int]:
    """Return where the first piece begins and ends whose checksum is another, an empty range if there is none."""
    if len(log) < HEADER.size:
        return 0, 0
    magic, _, page_size, _, *salts, one, other = HEADER.unpack_from(log)
    order = BYTE_ORDERS.get(magic)
    if order is None:
        return 0, HEADER.size
    sums = _add(log[: HEADER.size - 8], (0, 0), order)
    if sums != (one, other):
        return 0, HEADER.size
    size = FRAME.size + page_size
    for start in range(HEADER.size, len(log) - size + 1, size):
        _, _, *found, one, other = FRAME.unpack_from(log, start)
        # Each checksum goes on from the one before: none is right behind a frame that is wrong.
        sums = _add(log[start : start + 8] + log[start + FRAME.size : start + size], sums, order)
        if found != salts or sums != (one, other):
            return start, start + size
    return 0, 0


def _add(content: bytes, sums: tuple[int, int], order: str) -> tuple[int, int]:
    """Return SQLite's two checksums of bytes that follow others."""
    first, second = sums
    words = np.frombuffer(content, dtype=order).tolist()
    for one, other in zip(words[::2], words[1::2], strict=True):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + other + first) & 0xFFFFFFFF
    return first, second
