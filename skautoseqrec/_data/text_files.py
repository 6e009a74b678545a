"""A log in a text file: separated fields or JSON lines, plain or compressed, without losing or merging a row."""

from __future__ import annotations

import csv
import gzip
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from .._utils.warn import warn_caller
from .checks import shown
from .interactions import Columns
from .naming import COLUMN_NAMES, choose_columns
from .reading import read_columns
from .times import spells_a_number, time_column, warn_of_mixed_units

#: The separator of a file by its suffix; JSON lines have none.
SEPARATORS = {".csv": ",", ".tsv": "\t"}
JSON_LINES = (".jsonl", ".ndjson")
INTEGER = re.compile(r"[+-]?[0-9]+")
DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
DATE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?( ?Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
#: The zone behind a time of day, and a fraction of a second that microseconds do not hold.
ZONE, NANOSECONDS = re.compile(r"( ?Z|[+-][0-9]{2}:?[0-9]{2})$"), re.compile(r"\.[0-9]{7,9}")


def read_text_file(
    path: Path, columns: Mapping[str, str], names: Sequence[str] | None = None, sep: str | None = None
) -> Columns:
    """Read a log from a text file.

    Parameters
    ----------
    path : Path
        The file.
    columns : mapping
        Names of its columns, by what they hold, where they are given.
    names : sequence of str or None, default=None
        Names of all columns where the file has no header line.
    sep : str or None, default=None
        What stands between fields; None takes that of the suffix.

    Raises
    ------
    ValueError
        If the file is of no known type, or holds no log; the message names the file, and the line or row.
    """
    suffix = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    if sep is None and suffix not in (*SEPARATORS, *JSON_LINES):
        known = ", ".join((*SEPARATORS, *JSON_LINES, ".parquet"))
        raise ValueError(
            f"{path.name!r} is of no known type: use a {known} file, or say what stands between fields, sep=',' say."
        )
    if sep is not None and (not isinstance(sep, str) or not sep):
        raise ValueError(f"sep must be a text of at least one character, not {shown(sep)}.")
    with _opened(path) as file:
        if sep is None and suffix in JSON_LINES:
            if names is not None:
                raise ValueError("names is for files of separated fields: JSON lines have names.")
            return _read_json_lines(file, path.name, columns)
        return _read_fields(file, path.name, columns, names, SEPARATORS.get(suffix, ",") if sep is None else sep)


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    """Open a text file; what is wrong with its bytes is told with its name."""
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as file:
                yield file
        else:
            with path.open(encoding="utf-8-sig", newline="") as file:
                yield file
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name!r} is no text in UTF-8: {error}. Save it as UTF-8.") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path.name!r} is cut off, or no gzip file: {error}") from error


def _read_fields(
    file: TextIO, file_name: str, columns: Mapping[str, str], names: Sequence[str] | None, sep: str
) -> Columns:
    """Read separated fields; those that are not read are dropped."""
    lines = list(file)
    header = _read_header(lines, file_name, sep) if names is None else list(names)
    chosen = choose_columns([name for name in header if name], columns)
    places = [header.index(name) for name in chosen if name is not None]
    body = lines if names is not None else lines[1:]
    rows, first_line = _split(body, sep, places, file_name, len(lines) - len(body)), len(lines) - len(body) + 1
    fields = []
    for line, row in rows:
        if len(row) != len(header):
            raise ValueError(f"Line {line + first_line} has {len(row)} fields where the header has {len(header)}.")
        fields.append([row[place] for place in places])
    if not fields:
        raise ValueError(f"{file_name!r} holds a header and no event.")
    texts = [np.array(column, dtype=object) for column in zip(*fields, strict=True)]
    for text, place in zip(texts, places, strict=True):
        if (text == "").any():
            raise ValueError(
                f"Column {header[place]!r} has a missing value in row {int((text == '').argmax())} of {file_name!r}."
            )
    times = None if chosen.time is None else parse_times(texts[2], chosen.time)
    warn_of_mixed_units(times, str(chosen.time))
    return Columns(_parse_ids(texts[0]), _parse_ids(texts[1]), times)


def _read_header(lines: list[str], file_name: str, sep: str) -> list[str]:
    if not lines:
        raise ValueError(f"{file_name!r} is empty: a header line and at least one event are needed.")
    header = _fields(lines[0], sep)
    if not set(header) & set(COLUMN_NAMES.values()) and any(spells_a_number(name) for name in header):
        raise ValueError(
            f"{file_name!r} begins with data, {header}: a header line is needed, or the names of the columns, "
            "names=('user', 'item', ...)."
        )
    return header


def _split(lines: list[str], sep: str, places: list[int], file_name: str, n_before: int) -> list[tuple[int, list[str]]]:
    """Return the number and the fields of every line that is not blank.

    A quoted field that is not read may go over several lines. If one that is read does, or a quote is never closed, it
    is a quote that belongs to an id: the lines are rows by themselves then, and a warning says so.
    """
    if len(sep) == 1:
        reader, rows = csv.reader(lines, delimiter=sep, strict=True), []
        try:
            for row in reader:
                if row:
                    rows.append((reader.line_num - 1, row))
            if not any(
                "\n" in row[place] or "\r" in row[place] for _, row in rows for place in places if place < len(row)
            ):
                return rows
        except csv.Error as error:
            if "field larger" in str(error):
                raise ValueError(f"Line {reader.line_num + n_before} of {file_name!r}: {error}.") from error
    split = [(line, _fields(text, sep)) for line, text in enumerate(lines) if text.strip()]
    if len(sep) == 1:
        stray = next(line for line, text in enumerate(lines) if text.count('"') % 2)
        warn_caller(
            f"Line {stray + n_before + 1} of {file_name!r} opens a quote that it does not close: it is taken as a part "
            "of the id. A quote that belongs to an id is written twice, inside of quotes."
        )
    return split


def _fields(line: str, sep: str) -> list[str]:
    """Return the fields of one line; a quote that is not closed is a character like others."""
    text = line.rstrip("\r\n")
    if len(sep) > 1:  # no quotes stand in such files
        return text.split(sep)
    try:
        return next(csv.reader([text], delimiter=sep, strict=True), [])
    except csv.Error:
        return next(csv.reader([text], delimiter=sep, quoting=csv.QUOTE_NONE), [])


def _read_json_lines(file: TextIO, file_name: str, columns: Mapping[str, str]) -> Columns:
    rows = []
    for line, text in enumerate(file, start=1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"Line {line} of {file_name!r} is no JSON: {error}") from error
        if not isinstance(row, dict):
            raise ValueError(f"Line {line} of {file_name!r} is {shown(row)}, and no object with names.")
        rows.append(row)
    if not rows:
        raise ValueError(f"{file_name!r} is empty: at least one event is needed.")
    chosen = choose_columns(list(rows[0]), columns)
    wanted = [name for name in chosen if name is not None]
    for place, row in enumerate(rows):
        missing = [name for name in wanted if name not in row]
        if missing:
            raise ValueError(f"Row {place} of {file_name!r} has no {missing[0]!r}, and row 0 has.")
    if chosen.time is not None and all(isinstance(row[chosen.time], str) for row in rows):
        texts = np.array([row[chosen.time] for row in rows], dtype=object)
        rows = [{**row, chosen.time: time} for row, time in zip(rows, parse_times(texts, chosen.time), strict=True)]
    given = {key: name for key, name in zip(("user", "item", "time"), chosen, strict=True) if name is not None}
    return read_columns([{name: row[name] for name in wanted} for row in rows], given)


def _parse_ids(text: NDArray[Any]) -> NDArray[Any]:
    """Return integers if every id is spelled as its integer, otherwise the text unchanged."""
    try:
        numbers = text.astype(np.int64)
    except (ValueError, OverflowError):
        return text
    return numbers if (numbers.astype(str).astype(object) == text).all() else text


def parse_times(texts: NDArray[Any], name: str) -> NDArray[Any]:
    """Return times that are spelled as whole numbers, as decimals or as ISO dates, all in one way.

    Raises
    ------
    ValueError
        If a text spells none of these, or two are spelled in different ways; the message names the row.
    """
    kinds = [_kind_of(text.strip()) for text in texts.tolist()]
    for row, kind in enumerate(kinds):
        if kind is None or (kind == "date") != (kinds[0] == "date"):
            beside = "" if kind is None else f", beside {shown(texts[0])} in row 0"
            raise ValueError(
                f"Column {name!r} holds {shown(texts[row])} in row {row}{beside}: times are whole numbers, decimals "
                "or ISO dates, one kind in the whole column."
            )
    if kinds[0] == "date":
        values = [text.strip() for text in texts.tolist()]
        unit = "ns" if any(map(NANOSECONDS.search, values)) else "us"
        return time_column(np.array([_moment(value, unit, name) for value in values]), name)
    return time_column(texts.astype(str), name, allow_text=True)


def _kind_of(text: str) -> str | None:
    if INTEGER.fullmatch(text) or DECIMAL.fullmatch(text):
        return "number"
    return "date" if DATE.fullmatch(text) else None


def _moment(text: str, unit: str, name: str) -> Any:
    """Return an ISO date in UTC."""
    clock, zone = text, ""
    if found := ZONE.search(text):
        clock, zone = text[: found.start()], found[0].strip(" Z").replace(":", "")
    try:
        day = datetime.fromisoformat(clock[:19])
    except ValueError as error:
        raise ValueError(f"Column {name!r} holds {shown(text)}, which is no date: {error}") from error
    if unit == "ns" and not 1678 <= day.year <= 2261:
        raise ValueError(
            f"Column {name!r} holds {shown(text)}, which does not fit nanoseconds, in which others are: round those."
        )
    moment: Any = np.array(clock.replace(" ", "T"), dtype=f"datetime64[{unit}]")[()]
    minutes = 60 * int(zone[1:3]) + int(zone[3:]) if zone else 0
    return moment + np.timedelta64(minutes if zone[:1] == "-" else -minutes, "m")
