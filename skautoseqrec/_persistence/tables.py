"""The two tables of a journal: one row per change, and one row that says what they are of and how many there are.

Changes are numbered without gaps. The checksum of each goes on from that of the one before. Number and checksum of the
last stand in the other table as well. So none can be missing, added, edited or swapped without being noticed.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from hashlib import sha256
from typing import Any, NamedTuple

from .._utils.words import counted
from ..exceptions import ModelFileError

#: SQLite's way to say whose database a file is, and in which format.
APPLICATION_ID, JOURNAL_VERSION = int.from_bytes(b"skau", "big"), 2
SCHEMA = {
    "changes": "CREATE TABLE changes (number INTEGER PRIMARY KEY, kind INTEGER, content BLOB, checksum BLOB)",
    "journal": "CREATE TABLE journal (model_id BLOB, n_changes INTEGER, checksum BLOB, is_open INTEGER)",
}


class Header(NamedTuple):
    """What a journal says of itself."""

    #: Of the model it belongs to; empty before there is one.
    model_id: bytes
    n_changes: int
    #: Of the last change.
    checksum: bytes
    #: Whether the newest changes may be in the write-ahead log.
    is_open: int

    @classmethod
    def first(cls, model_id: bytes) -> Header:
        """Return the header of a journal without changes."""
        return cls(model_id, 0, sha256(model_id).digest(), 0)

    def after(self, kind: int, content: bytes) -> Header:
        """Return the header with one more change."""
        checksum = sha256(self.checksum + bytes([kind]) + content).digest()
        return self._replace(n_changes=self.n_changes + 1, checksum=checksum)


class Change(NamedTuple):
    """One thing that happened, and the how many-th it was."""

    number: int
    kind: int
    content: bytes


def create(connection: sqlite3.Connection) -> None:
    """Make an empty database a journal of no model."""
    connection.execute("PRAGMA journal_mode = WAL")
    # Together they have a file give up the pages that it does not need, from here on.
    connection.execute("PRAGMA auto_vacuum = FULL")
    connection.execute("VACUUM")
    connection.execute("BEGIN IMMEDIATE")
    for statement in SCHEMA.values():
        connection.execute(statement)
    connection.execute("INSERT INTO journal VALUES (?, ?, ?, ?)", Header.first(b""))
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {JOURNAL_VERSION}")
    connection.execute("COMMIT")


def is_empty(connection: sqlite3.Connection) -> bool:
    """Tell whether a database is one that nobody has written to."""
    ((used,),) = connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
    return not used and _pragma(connection, "application_id") == 0


def check(connection: sqlite3.Connection) -> Header:
    """Return the header of a journal, every change of it checked.

    Raises
    ------
    ModelFileError, sqlite3.Error
        If the database is not a journal, is damaged, or was written by a newer version.
    """
    if _pragma(connection, "application_id") != APPLICATION_ID:
        raise ModelFileError("this is not a journal.")
    version = _pragma(connection, "user_version")
    if version > JOURNAL_VERSION:
        raise ModelFileError(
            f"the journal has format {version}, and this version of skautoseqrec reads up to {JOURNAL_VERSION}. Update "
            "it."
        )
    found = dict(connection.execute("SELECT name, sql FROM sqlite_master").fetchall())
    if version != JOURNAL_VERSION or found != SCHEMA or _pragma(connection, "journal_mode") != "wal":
        raise ModelFileError("the journal is damaged: it has other tables or settings than a journal.")
    result = _pragma(connection, "integrity_check(1)")
    if result != "ok":
        raise ModelFileError(f"the journal is damaged: {result}.")
    header = read_header(connection)
    _check_changes(connection, header)
    return header


def read_header(connection: sqlite3.Connection) -> Header:
    """Return the header of a journal, or raise ModelFileError if there is none."""
    rows = connection.execute("SELECT model_id, n_changes, checksum, is_open FROM journal LIMIT 2").fetchall()
    header = Header(*rows[0]) if len(rows) == 1 else None
    if header is None or [type(value) for value in header] != [bytes, int, bytes, int]:
        raise ModelFileError("the journal is damaged: it does not say which model it belongs to.")
    if len(header.model_id) not in (0, 16) or header.is_open not in (0, 1):
        raise ModelFileError("the journal is damaged: what it says of its model is not as it was written.")
    return header


def _check_changes(connection: sqlite3.Connection, header: Header) -> None:
    found = Header.first(header.model_id)
    rows = connection.execute("SELECT number, kind, content, checksum FROM changes ORDER BY number")
    # A question that is left open would keep the lock.
    with closing(rows):
        for expected, (number, kind, content, checksum) in enumerate(rows, start=1):
            if number != expected:
                raise ModelFileError(f"the journal is damaged: change {expected} is missing.")
            if type(kind) is not int or not 0 <= kind < 256 or type(content) is not bytes:
                raise ModelFileError(f"the journal is damaged: change {number} is none.")
            found = found.after(kind, content)
            if checksum != found.checksum:
                raise ModelFileError(f"the journal is damaged: the checksum of change {number} is another.")
    if found.n_changes != header.n_changes:
        raise ModelFileError(
            f"the journal is damaged: it should have {counted(header.n_changes, 'change')}, and has {found.n_changes}."
        )
    if found.checksum != header.checksum:
        raise ModelFileError("the journal is damaged: what it says of its model is not as it was written.")


def _pragma(connection: sqlite3.Connection, name: str) -> Any:
    ((value,),) = connection.execute(f"PRAGMA {name}").fetchall()
    return value
