"""The event log: one line of JSON for each update (events, or a dislike), in the order in which updates were made.

The number of an update is that of its line, from 1. A refit says up to which number it knows the log.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from pathlib import Path

from pydantic import TypeAdapter
from schemas import Event, Update

UPDATE: TypeAdapter[Update] = TypeAdapter(Update)
Row = tuple[int | str, int | str] | tuple[int | str, int | str, object]


def rows_of(events: list[Event]) -> list[Row]:
    """Return events as rows of a log: without times if none has one."""
    if all(event.time is None for event in events):
        return [(event.user, event.item) for event in events]
    return [(event.user, event.item, event.time) for event in events]


def to_line(update: Update) -> bytes:
    """Return an update as a line of the log."""
    return UPDATE.dump_json(update) + b"\n"


def read_updates(path: Path, start: int = 0, stop: int | None = None) -> Iterator[Update]:
    """Yield the updates between two bytes of a log; a last line without its end was never acknowledged.

    Raises
    ------
    ValueError
        If a line is no update. The message names its first byte.
    """
    with path.open("rb") as file:
        file.seek(start)
        while (stop is None or start < stop) and (line := file.readline()).endswith(b"\n"):
            try:
                yield UPDATE.validate_json(line)
            except ValueError as error:
                raise ValueError(f"{path} is damaged: the line at byte {start} is no update.") from error
            start += len(line)


class EventLog:
    """The log as its one writer has it.

    Parameters
    ----------
    path : Path
        The file; it is made where there is none. What a crash left of a last line is cut off.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("a+b")
        #: Where each line ends.
        self._ends = array("Q")
        self._file.seek(0)
        end = 0
        for line in self._file:
            if line.endswith(b"\n"):
                end += len(line)
                self._ends.append(end)
        self._file.truncate(end)
        sync_folder(path.parent)

    def __len__(self) -> int:
        """Return the number of updates."""
        return len(self._ends)

    def append(self, line: bytes) -> int:
        """Put a line on the disk and return its number."""
        self._file.write(line)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._ends.append(self._end_of(len(self)) + len(line))
        return len(self)

    def read(self, first: int, last: int) -> Iterator[Update]:
        """Yield the updates after number ``first`` up to number ``last``, also beside the writer."""
        return read_updates(self._path, self._end_of(first), self._end_of(last))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _end_of(self, number: int) -> int:
        return self._ends[number - 1] if number else 0


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, where the system can."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
