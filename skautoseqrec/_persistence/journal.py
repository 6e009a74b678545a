"""A journal of what happened to a saved model since it was saved: append-only, forced to disk record by record.

A header names the model that the journal belongs to. Behind it stand records: kind, length and a checksum of these,
the content, and a checksum of that. A crash may leave the last record unfinished, which nobody was told of; anything
else that is not as it was written is damage, and is never passed over.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ..exceptions import ModelFileError
from .files import lock_file, naming, stands_at, write_atomically

MAGIC = b"skautoseqrec journal\n"
FORMAT_VERSION = 1
#: Magic, version, id of the model; behind it a checksum of these.
HEADER = struct.Struct(f"<{len(MAGIC)}sH16s")
#: Kind and length of the content; behind it a checksum of these.
PREFIX = struct.Struct("<BQ")
CHECKSUM = struct.Struct("<I")
HEADER_SIZE, PREFIX_SIZE = HEADER.size + CHECKSUM.size, PREFIX.size + CHECKSUM.size


class Record(NamedTuple):
    """One thing that happened, and where in the journal it stands."""

    kind: int
    content: bytes
    start: int
    end: int


class Journal:
    """An open journal, which no other process may open: of one model, written to by one estimator.

    Parameters
    ----------
    path : Path
        Where it is.
    descriptor : int
        The open file, locked.
    model_id : bytes or None
        Of the model it belongs to; None if the file is empty, its start having been cut short.
    end : int
        Where the next record goes.
    """

    def __init__(self, path: Path, descriptor: int, model_id: bytes | None, end: int) -> None:
        self.path = path
        self.model_id = model_id
        self.end = end
        #: What the records are of, for the one who keeps the journal, and how many events had ever arrived in it.
        self.subject: object = None
        self.clock = 0
        self._descriptor = descriptor
        self._process = os.getpid()

    def __del__(self) -> None:
        """Release the lock."""
        self.close()

    @classmethod
    def start(cls, path: Path, model_id: bytes) -> Journal:
        """Put a new, empty journal in the place of what was there."""
        packed = HEADER.pack(MAGIC, FORMAT_VERSION, model_id)
        opened: list[int] = []

        def write(temporary: Path) -> None:
            temporary.write_bytes(_sealed(packed))
            # Locked before it has its name: nobody else can be first.
            opened.append(lock_file(temporary))

        try:
            write_atomically(path, write)
        except BaseException:
            for descriptor in opened:
                os.close(descriptor)
            raise
        return cls(path, opened[0], model_id, HEADER_SIZE)

    @classmethod
    def open(cls, path: Path, *, create: bool = False) -> Journal:
        """Return the journal in a file, locked.

        Parameters
        ----------
        path : Path
            The file.
        create : bool, default=False
            Whether to make an empty file where there is none.

        Raises
        ------
        ModelFileError
            If the file is not a journal, its header is damaged, or it was written by a newer version.
        BlockingIOError
            If somebody else has it open.
        OSError
            If it cannot be opened, or the platform has no locks.
        """
        descriptor = lock_file(path, create=create)
        try:
            with naming(path):
                return cls(path, descriptor, _read_model_id(descriptor), os.fstat(descriptor).st_size)
        except BaseException:
            os.close(descriptor)
            raise

    def close(self) -> None:
        """Release the lock; nothing can be recorded any more."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)

    @contextmanager
    def record(self, kind: int, content: bytes, mark: Callable[[], Any]) -> Iterator[None]:
        """Record what is done in the block: on disk before it is done, and taken back if it fails.

        Parameters
        ----------
        kind : int
            What is done; below 256.
        content : bytes
            With what.
        mark : callable
            Returns something that is another once it is done; only where an interrupt hits the block's last moment, the
            thing may be done though the block fails.
        """
        self._require_open()
        before, start = mark(), self.end
        try:
            self._write(_sealed(PREFIX.pack(kind, len(content))) + _sealed(content))
            yield
        except BaseException:
            if mark() == before:
                self.cut(start)
            raise

    def records(self, start: int) -> Iterator[Record]:
        """Yield the records from a place on; what a crash left unfinished at the end is cut off.

        Raises
        ------
        ModelFileError
            If a record is damaged; the message says where.
        """
        while start < self.end:
            record = self._read(start)
            if record is None:
                self.cut(start)
                return
            yield record
            start = record.end

    def cut(self, end: int) -> None:
        """Take back what stands from a place on."""
        descriptor, self._descriptor = self._descriptor, -1
        try:
            os.ftruncate(descriptor, end)
            os.fsync(descriptor)
        except BaseException:
            # What the file holds is not known any more: nothing may be added to it.
            os.close(descriptor)
            raise
        self._descriptor, self.end = descriptor, end

    def _read(self, start: int) -> Record | None:
        """Return the record at a place, None if it was never finished."""
        prefix = os.pread(self._descriptor, PREFIX_SIZE, start)
        if len(prefix) < PREFIX_SIZE:
            return None
        kind, length = PREFIX.unpack(prefix[: PREFIX.size])
        if _sealed(prefix[: PREFIX.size]) != prefix:
            if self._is_blank(start + PREFIX_SIZE):
                return None
            raise ModelFileError(f"the journal is damaged at byte {start}: no record begins there.")
        end = start + PREFIX_SIZE + length + CHECKSUM.size
        if end > self.end:
            return None
        content, checksum = self._read_range(start + PREFIX_SIZE, end)
        if _sealed(content) != content + checksum:
            # A disk that lost power may have made room for the last record and not have filled it.
            if end == self.end and not any(checksum):
                return None
            raise ModelFileError(
                f"the journal is damaged between bytes {start} and {end}: the record's checksum is wrong."
            )
        return Record(kind, content, start, end)

    def _read_range(self, start: int, end: int) -> tuple[bytes, bytes]:
        pieces = []
        while start < end:
            piece = os.pread(self._descriptor, end - start, start)
            if not piece:
                raise ModelFileError(f"the journal was cut off at byte {start} while it was read.")
            pieces.append(piece)
            start += len(piece)
        together = b"".join(pieces)
        return together[: -CHECKSUM.size], together[-CHECKSUM.size :]

    def _is_blank(self, start: int) -> bool:
        return all(not any(os.pread(self._descriptor, 2**16, place)) for place in range(start, self.end, 2**16))

    def _write(self, packed: bytes) -> None:
        rest = memoryview(packed)
        while rest:
            rest = rest[os.pwrite(self._descriptor, rest, self.end + len(packed) - len(rest)) :]
        os.fsync(self._descriptor)
        self.end += len(packed)

    def require_process(self) -> None:
        """Raise RuntimeError in a process that is a copy of the one that opened the journal."""
        if self._process != os.getpid():
            raise RuntimeError(
                f"The journal {self.path} belongs to the process that opened it, of which this one is a copy: use "
                "close_journal() here, which leaves it open there."
            )

    def _require_open(self) -> None:
        self.require_process()
        if self._descriptor >= 0 and not stands_at(self._descriptor, self.path):
            # What is written to a file without a name is lost with the process.
            raise RuntimeError(f"The journal {self.path} was removed or replaced: save the model again with a journal.")
        if self._descriptor < 0:
            raise RuntimeError(
                f"The journal {self.path} is closed: an error of the disk left it in doubt. Load it again."
            )


def _read_model_id(descriptor: int) -> bytes | None:
    """Return the id of the model that a journal belongs to; None if the file is empty."""
    header = os.pread(descriptor, HEADER_SIZE, 0)
    if not header:
        return None
    if len(header) < HEADER_SIZE or not header.startswith(MAGIC):
        raise ModelFileError("this is not a journal.")
    _, version, model_id = HEADER.unpack(header[: HEADER.size])
    if _sealed(header[: HEADER.size]) != header:
        raise ModelFileError("the header of the journal is damaged.")
    if version > FORMAT_VERSION:
        raise ModelFileError(
            f"the journal has format {version}, and this version of skautoseqrec reads up to {FORMAT_VERSION}."
        )
    return bytes(model_id)


def _sealed(packed: bytes) -> bytes:
    """Return bytes with their checksum behind."""
    return packed + CHECKSUM.pack(zlib.crc32(packed))
