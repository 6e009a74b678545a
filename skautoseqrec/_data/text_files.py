"""A log in a text file: separated fields or JSON lines, plain or compressed, without losing or merging a row."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np
from numpy.typing import NDArray

from .._utils.warn import warn_caller
from .checks import shown
from .interactions import Columns
from .naming import COLUMN_NAMES, EVENT, KEYS, PAIR, choose_columns
from .reading import read_columns
from .text_lines import fields_of, split_lines
from .text_opening import open_text, plain_name
from .time_texts import parse_times
from .times import spells_a_number, warn_of_mixed_units
from .weights import Kinds, weight_column

#: The separator of a file by its suffix; JSON lines have none.
SEPARATORS = {".csv": ",", ".tsv": "\t"}
JSON_LINES = (".jsonl", ".ndjson")
#: What a whole float has behind its integer.
#: What may stand between fields where a first line has but one.
OTHER_SEPARATORS = (";", "\t", "|", ",")
#: What is read as ids.
IDS = (*PAIR, EVENT)
WHOLE_FLOAT = re.compile(r"(?<=\d)\.0+$")


class NoCompleteRowError(ValueError):
    """Every row of a file lacks something; a piece of a longer file may be so."""


class TextFormat(NamedTuple):
    """How a text file spells a log.

    Parameters
    ----------
    columns : mapping
        Names of its columns, by what they hold, where they are given.
    names : sequence of str or None
        Names of all columns where the file has no header line.
    sep : str or None
        What stands between fields; None takes that of the suffix.
    encoding : str
        How characters are spelled.
    time_format : str or None
        How dates are spelled, in the letters of ``datetime.strptime``; None for numbers and ISO dates.
    decimal : {".", ","}
        What stands before the decimals of a time.
    skip_missing : bool
        Whether rows that lack a value are left out; otherwise they are an error.
    asks_for_events : bool
        Whether the kinds of events are looked for by the usual names.
    keeps_text : collection of str
        Which of "user", "item" and "event" stay as they are spelled, though they look like whole numbers.
    """

    columns: Mapping[str, str]
    names: Sequence[str] | None = None
    sep: str | None = None
    encoding: str = "utf-8"
    time_format: str | None = None
    decimal: str = "."
    skip_missing: bool = False
    asks_for_events: bool = False
    keeps_text: Collection[str] = ()

    def check(self) -> None:
        """Raise ValueError if a file cannot be spelled so; ``sep`` is checked apart."""
        if not isinstance(self.decimal, str) or self.decimal not in (".", ","):
            raise ValueError(f"decimal must be '.' or ',', not {shown(self.decimal)}.")
        if not isinstance(self.time_format, str | None):
            raise ValueError(f"time_format must be a text such as '%m/%d/%Y %H:%M', not {shown(self.time_format)}.")
        is_list = isinstance(self.names, Sequence) and not isinstance(self.names, str)
        if self.names is not None and not (is_list and all(isinstance(name, str) for name in self.names)):
            raise ValueError(f"names must be a list of the names of all columns, not {shown(self.names)}.")

    def times_of(self, texts: NDArray[Any], name: str) -> NDArray[Any]:
        """Return the times that texts of a column spell."""
        return parse_times(self._with_points(texts), name, self.time_format)

    def weights_of(self, texts: NDArray[Any], name: str) -> NDArray[np.int64]:
        """Return the weights that texts of a column spell, in units."""
        texts = self._with_points(texts)
        is_number = np.array([spells_a_number(text) for text in texts.tolist()], dtype=bool)
        if not is_number.all():
            row = int((~is_number).argmax())
            raise ValueError(f"Column {name!r} holds {shown(texts[row])} in row {row}, and weights are numbers.")
        return weight_column(texts.astype(np.float64), name)

    def _with_points(self, texts: NDArray[Any]) -> NDArray[Any]:
        """Return texts of numbers with points before their decimals."""
        if self.decimal == ".":
            return texts
        return np.array([text.replace(",", ".") for text in texts.tolist()], dtype=object)


def read_text_file(path: Path | TextIO, form: TextFormat) -> Columns:
    """Read a log from a text file.

    Parameters
    ----------
    path : Path or open text file with a name
        The file.
    form : TextFormat
        How it spells a log.

    Raises
    ------
    ValueError
        If the file is of no known type, or holds no log; the message names the file, and the line or row.
    """
    sep, name = form.sep, _path_of(path)
    suffix = plain_name(name).suffix
    if sep is None and suffix not in (*SEPARATORS, *JSON_LINES):
        known = ", ".join((*SEPARATORS, *JSON_LINES, ".parquet"))
        raise ValueError(
            f"{name.name!r} is of no known type: use a {known} file, or say what stands between fields, sep=',' say."
        )
    if sep is not None:
        check_separator(sep)
    form.check()
    with _opened(path, form.encoding) as file:
        if sep is None and suffix in JSON_LINES:
            if form.names is not None:
                raise ValueError("names is for files of separated fields: JSON lines have names.")
            return _read_json_lines(file, name.name, form)
        return _read_fields(file, name.name, form._replace(sep=SEPARATORS.get(suffix, ",") if sep is None else sep))


def check_separator(sep: Any) -> None:
    """Raise ValueError if fields cannot be told apart by it."""
    if not isinstance(sep, str) or not sep:
        raise ValueError(f"sep must be a text of at least one character, not {shown(sep)}.")
    if any(mark in sep for mark in '"\r\n'):
        raise ValueError(f"sep must hold no quote and no end of a line, not {shown(sep)}.")


def _path_of(path: Path | TextIO) -> Path:
    name = path if isinstance(path, Path) else getattr(path, "name", None)
    if not isinstance(name, str | Path):
        raise ValueError(
            "path is an open file without a name, which says what it holds. Give it one: file.name = 'log.csv'."
        )
    return Path(name)


@contextmanager
def _opened(path: Path | TextIO, encoding: str) -> Iterator[TextIO]:
    """Open a text file that is not open already."""
    if not isinstance(path, Path):
        yield path
        return
    with open_text(path, encoding) as file:
        yield file


def _read_fields(file: TextIO, file_name: str, form: TextFormat) -> Columns:
    """Read separated fields; those that are not read are dropped."""
    lines, sep = list(file), str(form.sep)
    header = _read_header(lines, file_name, sep) if form.names is None else list(form.names)
    chosen = choose_columns([name for name in header if name], form.columns, form.asks_for_events)
    keys = [key for key, name in chosen._asdict().items() if name is not None]
    places = [header.index(getattr(chosen, key)) for key in keys]
    body = lines if form.names is not None else lines[1:]
    rows, first_line = split_lines(body, sep, places, file_name, len(lines) - len(body)), len(lines) - len(body) + 1
    fields = []
    for line, row in rows:
        if len(row) != len(header):
            raise ValueError(f"Line {line + first_line} has {len(row)} fields where the header has {len(header)}.")
        fields.append([row[place] for place in places])
    if not fields:
        raise ValueError(f"{file_name!r} holds a header and no event.")
    if form.skip_missing:
        fields = _complete(fields, file_name)
    texts = {key: np.array(column, dtype=object) for key, column in zip(keys, zip(*fields, strict=True), strict=True)}
    for text, place in zip(texts.values(), places, strict=True):
        if (text == "").any():
            raise ValueError(
                f"Column {header[place]!r} has a missing value in row {int((text == '').argmax())} of {file_name!r}. "
                "skip_missing=True leaves such rows out."
            )
    times = None if chosen.time is None else form.times_of(texts["time"], chosen.time)
    warn_of_mixed_units(times, str(chosen.time))
    weights = None if chosen.weight is None else form.weights_of(texts["weight"], chosen.weight)
    ids = {key: text if key in form.keeps_text else parse_ids(text) for key, text in texts.items() if key in IDS}
    kinds = None if chosen.event is None else Kinds(ids["event"], chosen.event)
    return Columns(ids["user"], ids["item"], times, weights, kinds)


def _complete(rows: list[list[Any]], file_name: str) -> list[list[Any]]:
    """Return the rows of which nothing is missing, and warn of the others."""
    complete = [row for row in rows if not any(value is None or value == "" for value in row)]
    if not complete:
        raise NoCompleteRowError(f"{file_name!r} has no row of which nothing is missing.")
    if len(complete) < len(rows):
        n_left_out = len(rows) - len(complete)
        warn_caller(f"Rows of {file_name!r} that lack a value are left out: {n_left_out:,} of {len(rows):,}.")
    return complete


def _read_header(lines: list[str], file_name: str, sep: str) -> list[str]:
    if not lines:
        raise ValueError(f"{file_name!r} is empty: a header line and at least one event are needed.")
    header = fields_of(lines[0], sep)
    other = next((mark for mark in OTHER_SEPARATORS if mark in lines[0]), None)
    if len(header) == 1 and other is not None:
        raise ValueError(
            f"{file_name!r} has no {sep!r} in its first line, and has {other!r}: say what stands between fields, "
            f"sep={other!r}."
        )
    if not set(header) & set(COLUMN_NAMES.values()) and any(spells_a_number(name) for name in header):
        raise ValueError(
            f"{file_name!r} begins with data, {header}: a header line is needed, or the names of the columns, "
            "names=('user', 'item', ...)."
        )
    return header


def _read_json_lines(file: TextIO, file_name: str, form: TextFormat) -> Columns:
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
    chosen = choose_columns(list(rows[0]), form.columns, form.asks_for_events)
    wanted = [name for name in chosen if name is not None]
    for place, row in enumerate(rows):
        missing = [name for name in wanted if name not in row]
        if missing:
            raise ValueError(f"Row {place} of {file_name!r} has no {missing[0]!r}, and row 0 has.")
    if form.skip_missing:
        complete = _complete([[row[name] for name in wanted] for row in rows], file_name)
        rows = [dict(zip(wanted, row, strict=True)) for row in complete]
    if chosen.time is not None and all(isinstance(row[chosen.time], str) for row in rows):
        texts = np.array([row[chosen.time] for row in rows], dtype=object)
        times = form.times_of(texts, chosen.time)
        rows = [{**row, chosen.time: time} for row, time in zip(rows, times, strict=True)]
    given = {key: name for key, name in zip(KEYS, chosen, strict=True) if name is not None}
    return read_columns([{name: row[name] for name in wanted} for row in rows], given)


def parse_ids(text: NDArray[Any]) -> NDArray[Any]:
    """Return integers if every id is spelled as its integer, or as a whole float; otherwise the text unchanged.

    A table whose column once lacked a value writes its integers as floats.
    """
    # Most files have none, and a search in each id would be a good part of reading them.
    if not any(".0" in each for each in text.tolist()):
        return _integers(text, text)
    return _integers(np.array([WHOLE_FLOAT.sub("", each) for each in text.tolist()], dtype=object), text)


def _integers(spelled: NDArray[Any], text: NDArray[Any]) -> NDArray[Any]:
    """Return what is spelled as integers, or the text if one is not."""
    try:
        numbers = spelled.astype(np.int64)
    except (ValueError, OverflowError):
        return text
    return numbers if (numbers.astype(str).astype(object) == spelled).all() else text
