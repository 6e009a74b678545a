"""An SQLite database that one process has to itself: locked, forced to disk, and with its errors named.

The lock is SQLite's own. It is held from the first statement to the end of the connection, so there is no shared
memory beside the database, only the write-ahead log.
"""

from __future__ import annotations

import ctypes
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from weakref import WeakSet

from ..exceptions import ModelFileError
from .wal import find_damage, log_of

#: Of each connection.
SETTINGS = (
    "locking_mode = EXCLUSIVE",
    "synchronous = FULL",
    "fullfsync = ON",
    # Nothing of a row that was deleted stays in the file, which gives up the pages that it does not need.
    "secure_delete = FAST",
    # No frame of the log is written over, and none is left from an earlier log: what is wrong in it is damage.
    "cache_spill = OFF",
    "wal_autocheckpoint = 0",
    # The file may come from anybody.
    "mmap_size = 0",
    "cell_size_check = ON",
    "trusted_schema = OFF",
)
#: Errors of the system, not of what the file holds.
SYSTEM_ERRORS = (sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN)


class Connection(sqlite3.Connection):
    """A connection that can be referred to weakly."""


_connections: WeakSet[Connection] = WeakSet()


def connect(path: Path, *, may_be_empty: bool) -> Connection:
    """Return a connection to a file that exists, locked against all others.

    Raises
    ------
    ModelFileError
        If the file is empty and may not be, or what its log holds is damaged.
    BlockingIOError
        If somebody else has it open.
    OSError
        If there is no such file, or it cannot be written.
    sqlite3.Error
        If it is no database, or cannot be opened.
    """
    _check_files(path, may_be_empty)
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=rw",
        uri=True,
        timeout=0,
        isolation_level=None,
        # Updates may come from several threads, one at a time.
        check_same_thread=False,
        factory=Connection,
    )
    try:
        for setting in SETTINGS:
            connection.execute(f"PRAGMA {setting}")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
    except BaseException as error:
        connection.close()
        if _kind(error) == sqlite3.SQLITE_BUSY:
            raise BlockingIOError(
                f"The journal {path} is open in another process or estimator: only one may write to it. End the other, "
                "or call its close_journal()."
            ) from error
        raise
    _connections.add(connection)
    return connection


def _check_files(path: Path, may_be_empty: bool) -> None:
    """Raise an error where SQLite would pass over what is wrong, or would not say what it is."""
    if not path.is_file():
        if path.exists():
            raise ModelFileError("this is not a file.")
        raise FileNotFoundError(f"There is no file {path}.")
    if not os.access(path, os.R_OK | os.W_OK):
        raise PermissionError(f"The journal {path} has to be readable and writable.")
    log = log_of(path)
    content = _read(log)
    if not path.stat().st_size and (content or not may_be_empty):
        raise ModelFileError("the file is empty, and no journal ever is.")
    place = find_damage(content)
    # While somebody else writes to it, it is another each time.
    if place is not None and content == _read(log):
        raise ModelFileError(f"the journal is damaged: {log.name} is not as it was written at byte {place}.")


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


@contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Raise what SQLite says as OSError where the system failed, as ModelFileError where the file is not as it was.

    Raises
    ------
    ModelFileError
        If the file is no database, or a damaged one.
    OSError
        If it cannot be read or written.
    """
    try:
        yield
    except sqlite3.Error as error:
        kind = _kind(error)
        if kind in SYSTEM_ERRORS:
            raise OSError(f"The journal {path} cannot be read or written: {error}.") from error
        if kind == sqlite3.SQLITE_NOTADB:
            raise ModelFileError("this is not a journal.") from error
        raise ModelFileError(f"the journal is damaged: {error}.") from error
    except UnicodeDecodeError as error:
        raise ModelFileError(f"the journal is damaged: it holds what is no text ({error}).") from error


def _kind(error: BaseException) -> int:
    # The lower eight bits; the others say more.
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF


def checkpoint(connection: Connection) -> None:
    """Put everything that was committed into the database itself, on disk, and empty the log.

    Raises
    ------
    sqlite3.Error
        If that fails: then what was committed is in the log, as before.
    """
    ((is_busy, *_),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    if is_busy:
        raise sqlite3.OperationalError("the write-ahead log is in use")


def abandon(connection: Connection, log: Path | None) -> None:
    """Close a connection and leave the files as they are: with the log, where there was one."""
    # Closing would put the log into the database. It asks for interrupts while it does so.
    connection.interrupt()
    connection.close()
    # An empty log is deleted nevertheless.
    if log is not None and not log.exists():
        log.touch()


def _keep_forever() -> None:
    """Never close the connections of the process that this one was copied from, not even when this one ends.

    Closing would delete the log that the other process still writes to.
    """
    for connection in _connections:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_keep_forever)
