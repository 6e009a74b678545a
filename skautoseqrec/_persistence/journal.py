"""A journal of what happened to a saved model since it was saved: a change is on disk before it is made.

It is an SQLite database with one row per change. While it is open, its newest changes are in a second file, SQLite's
write-ahead log; closing puts them into the first. The database says whether it was closed, so that a log that is
missing is noticed.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Any, cast

from ..exceptions import ModelFileError
from . import database, tables
from .files import identify, naming, sync_file, sync_folder
from .tables import Change, Header
from .wal import log_of

#: When the log has grown beyond so many bytes, it is put into the database.
LONGEST_LOG = 2**20
#: What a row takes beside the content of its change, and more.
ROOM_FOR_THE_REST = 2**10


class Journal:
    """An open journal, which nobody else can open: of one model, written to by one estimator.

    Nothing is written to its files before there is something to record.

    Parameters
    ----------
    path : Path
        Where it is.
    connection : Connection
        To its database.
    header : Header
        What that says of itself, checked.
    """

    _connection: database.Connection | None = None

    def __init__(self, path: Path, connection: database.Connection, header: Header) -> None:
        self.path = path
        #: What the changes are of, for the one who keeps the journal, and what it knows of: how many events had ever
        #: arrived, and the dislikes.
        self.subject: object = None
        self.clock, self.dislikes = 0, cast(object, None)
        self._log = log_of(path)
        self._file = identify(path)
        #: What was committed last, and how long the log was then. One value, so that no interrupt comes between.
        self._committed = header, 0
        self._has_begun = False
        self._process = os.getpid()
        self._lock = RLock()
        self._connection = connection

    def __del__(self) -> None:
        """Release the lock."""
        self.close()

    @classmethod
    def open(cls, path: Path, *, create: bool = False) -> Journal:
        """Return the journal in a file, locked, and every change of it checked.

        Parameters
        ----------
        path : Path
            The file.
        create : bool, default=False
            Whether to make a journal of no model where there is no file, or an empty one.

        Raises
        ------
        ModelFileError
            If the file is not a journal, is damaged, or was written by a newer version.
        BlockingIOError
            If somebody else has it open.
        OSError
            If it cannot be opened.
        """
        log = log_of(path)
        if create and not path.exists():
            # What stands there is of a journal that was removed.
            log.unlink(missing_ok=True)
            path.touch()
        with naming(path), database.named_errors(path):
            had_log = log.exists()
            connection = database.connect(path, may_be_empty=create)
            try:
                if create and tables.is_empty(connection):
                    tables.create(connection)
                    database.checkpoint(connection)
                    sync_folder(path.parent)
                header = tables.check(connection)
                if header.is_open and not had_log:
                    raise ModelFileError(
                        f"the newest changes are missing: there should be a file {log.name} beside it. Put that back, "
                        "or remove this one to begin another journal."
                    )
                return cls(path, connection, header)
            except BaseException:
                database.abandon(connection, log if had_log else None)
                raise

    @property
    def model_id(self) -> bytes | None:
        """Of the model that the journal belongs to; None where none was saved with it yet."""
        return self._committed[0].model_id or None

    @property
    def n_changes(self) -> int:
        """How many changes there are."""
        return self._committed[0].n_changes

    @property
    def is_usable(self) -> bool:
        """Whether it is open, and its files are where they were."""
        return self._connection is not None and self._stands()

    def start(self, model_id: bytes) -> None:
        """Have the journal belong to a model that was just saved, without changes: all at once."""
        with self._lock, database.named_errors(self.path):
            self._begin()
            self._commit(Header.first(model_id)._replace(is_open=1), ("DELETE FROM changes",))
            # What it held is then in neither file.
            self._empty_log()

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
        self.require_process()
        with self._lock:
            before, n_before = mark(), self.n_changes
            try:
                with naming(self.path):
                    self._append(kind, content)
                yield
            except BaseException:
                if mark() == before and self.n_changes > n_before:
                    self._take_back(n_before)
                raise

    def changes(self, first: int) -> Iterator[Change]:
        """Yield the changes from a number on."""
        statement = "SELECT number, kind, content FROM changes WHERE number = ?"
        for number in range(first, self.n_changes + 1):
            # One by one: no question is open while the journal is written to.
            with database.named_errors(self.path):
                (change,) = self._require_open().execute(statement, (number,)).fetchall()
            yield Change(*change)

    def cut(self, n_changes: int) -> None:
        """Take back all changes but the first ones."""
        with self._lock, database.named_errors(self.path):
            self._begin()
            header = self._committed[0]
            statement = "SELECT checksum FROM changes WHERE number = ?"
            last = self._require_open().execute(statement, (n_changes,)).fetchall()
            checksum = last[0][0] if last else Header.first(header.model_id).checksum
            header = header._replace(n_changes=n_changes, checksum=checksum)
            self._commit(header, ("DELETE FROM changes WHERE number > ?", n_changes))

    def close(self) -> None:
        """Put everything into the one file and release the lock; nothing can be recorded any more."""
        if self._connection is None or self._process != os.getpid():
            self._connection = None
            return
        with self._lock:
            # What cannot be put there stays in the log.
            with suppress(sqlite3.Error, OSError, RuntimeError):
                if self._committed[0].is_open:
                    self._begin()
                    self._commit(self._committed[0]._replace(is_open=0))
                    self._empty_log()
            self.abandon()

    def abandon(self) -> None:
        """Release the lock, and leave the files as they are."""
        connection, self._connection = self._connection, None
        if connection is not None and self._process == os.getpid():
            is_needed = self._committed[0].is_open and identify(self.path) == self._file
            database.abandon(connection, self._log if is_needed else None)

    def require_process(self) -> None:
        """Raise RuntimeError in a process that is a copy of the one that opened the journal."""
        if self._process != os.getpid():
            raise RuntimeError(
                f"The journal {self.path} belongs to the process that opened it, of which this one is a copy: use "
                "close_journal() here, which leaves it open there."
            )

    def _take_back(self, n_changes: int) -> None:
        try:
            self.cut(n_changes)
        except BaseException:
            # The journal has a change that was not made: nothing may be added to it.
            self.abandon()
            raise

    def _append(self, kind: int, content: bytes) -> None:
        with database.named_errors(self.path):
            connection = self._require_open()
            largest = connection.getlimit(sqlite3.SQLITE_LIMIT_LENGTH) - ROOM_FOR_THE_REST
            if len(content) > largest:
                raise ValueError(f"A change of {len(content)} bytes is too large for a journal ({largest}): divide it.")
            self._begin()
            if self._committed[1] > LONGEST_LOG:
                self._empty_log()
            header = self._committed[0].after(kind, content)
            row = header.n_changes, kind, content, header.checksum
            self._commit(header, ("INSERT INTO changes VALUES (?, ?, ?, ?)", *row))

    def _begin(self) -> None:
        """Before the first thing is written: say in the database that there is more in the log."""
        if self._has_begun:
            return
        # What a crash left unfinished must not stand behind what is written now.
        self._empty_log()
        self._has_begun = True
        try:
            if not self._committed[0].is_open:
                self._commit(self._committed[0]._replace(is_open=1))
                self._empty_log()
        except BaseException:
            self._has_begun = False
            raise

    def _commit(self, header: Header, *statements: tuple[Any, ...]) -> None:
        """Have statements done and another header written: both on disk afterwards, or neither."""
        connection = self._require_open()
        if header == self._committed[0]:
            return
        try:
            connection.execute("BEGIN IMMEDIATE")
            for statement, *values in statements:
                connection.execute(statement, values)
            connection.execute("UPDATE journal SET model_id = ?, n_changes = ?, checksum = ?, is_open = ?", header)
            connection.execute("COMMIT")
            self._committed = header, self._log.stat().st_size
        except BaseException:
            self._settle(connection)
            raise

    def _settle(self, connection: database.Connection) -> None:
        """Find out what an error or an interrupt has left, and take away what was not committed."""
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            header, length = tables.read_header(connection), self._committed[1]
            if header == self._committed[0]:
                # Of a commit that failed everything may stand there, and would be found after a crash.
                os.truncate(self._log, length)
                sync_file(self._log)
            self._committed = header, self._log.stat().st_size
        except BaseException:
            self.abandon()
            raise

    def _empty_log(self) -> None:
        try:
            database.checkpoint(self._require_open())
        finally:
            self._committed = self._committed[0], self._log.stat().st_size

    def _stands(self) -> bool:
        """Tell whether the files are those that were opened, and nobody else has written to the log."""
        is_same = not self._has_begun or (self._log.exists() and self._log.stat().st_size == self._committed[1])
        return is_same and identify(self.path) == self._file

    def _require_open(self) -> database.Connection:
        self.require_process()
        if self._connection is None:
            raise RuntimeError(
                f"The journal {self.path} is closed: an error of the disk left it in doubt. Load it again."
            )
        if not self._stands():
            # What is written to a file without a name is lost with the process.
            raise RuntimeError(f"The journal {self.path} was removed or replaced: save the model again with a journal.")
        return self._connection
