"""Logs in files of one's own."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TextIO

import narwhals as nw

from .._data.interactions import Interactions
from .._data.naming import Chosen, check_columns, choose_columns
from .._data.reading import read_columns
from .._data.text_files import TextFormat, read_text_file
from .._data.text_opening import plain_name
from .._data.vocabulary import encode, learn_ids
from .._utils.arguments import check_flag, check_path
from .._utils.warn import warn_caller


def load_interactions(
    path: Any,
    *,
    columns: Mapping[str, str] | None = None,
    names: Sequence[str] | None = None,
    sep: str | None = None,
    encoding: str = "utf-8",
    time_format: str | None = None,
    decimal: str = ".",
    skip_missing: bool = False,
    events: bool = False,
) -> Interactions:
    """Read a log from a file.

    Ids are read without loss: a column is read as integers only if each id is spelled as an integer ("007" stays a
    string). Times are whole numbers, decimals or ISO dates, one kind in a column; dates with a zone become UTC.

    Parameters
    ----------
    path : str, path-like or open text file with a name
        A ``.csv``, ``.tsv``, ``.jsonl``, ``.ndjson`` or ``.parquet`` file; text may be compressed: ``.gz``, or ``.zst``
        (needs zstandard). With ``sep``, a text file of any other name. Parquet needs pyarrow or polars.
    columns : dict or None, default=None
        Names of the columns of a log, by what they hold: ``{"user": ..., "item": ..., "time": ..., "weight": ...,
        "event": ...}``, some or all of them. What is not given is found by the usual names (see the user guide).
    names : sequence of str or None, default=None
        Names of all columns of a text file without a header line; None takes the first line for the header.
    sep : str or None, default=None
        What stands between fields, one or several characters; None takes a comma, and a tab in a ``.tsv`` file.
    encoding : str, default="utf-8"
        How a text file spells characters.
    time_format : str or None, default=None
        How a text file spells dates, in the letters of ``datetime.strptime``, "%m/%d/%Y %H:%M" for instance. None reads
        numbers and ISO dates.
    decimal : {".", ","}, default="."
        What stands before the decimals of a time in a text file: "5,25" is 5.25 with a comma.
    skip_missing : bool, default=False
        Whether rows that lack a value of a column that is read are left out, with a warning; otherwise they are an
        error.
    events : bool, default=False
        Whether the kinds of events are looked for by the usual names ("event", "action", ...). A column that
        ``columns`` names is read anyway.

    Returns
    -------
    interactions : Interactions
        The log, rows as in the file.

    Raises
    ------
    ValueError
        If the file's type is unknown, or the file holds no log. The message names the line, or the column and row.
    FileNotFoundError
        If the file does not exist.
    ImportError
        If no package that reads such a file is installed.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skautoseqrec.datasets import load_interactions
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "log.csv"
    ...     with path.open("w") as file:
    ...         print("CustomerID,sku,when", "ann,007,5", "bob,008,6", sep=chr(10), file=file)
    ...     load_interactions(path, columns={"time": "when"}).item_ids
    array(['007', '008'], dtype=object)
    """
    columns = check_columns(columns)
    check_flag(skip_missing, "skip_missing", may_be_none=False)
    path = path if isinstance(path, io.TextIOBase) else check_path(path, "path")
    return read_log(path, TextFormat(columns, names, sep, encoding, time_format, decimal, skip_missing, events))


def read_log(path: Path | TextIO, form: TextFormat) -> Interactions:
    """Return what :func:`load_interactions` does, given how a text file spells a log; parquet has columns alone.

    Raises
    ------
    ValueError, FileNotFoundError, ImportError
        As there.
    """
    columns, events = form.columns, form.asks_for_events
    if isinstance(path, Path) and path.suffix == ".parquet":
        if form.names is not None or form.sep is not None or form.time_format is not None:
            raise ValueError("names, sep and time_format are for text files; a parquet file says these itself.")
        frame = _read_parquet(path)
        if form.skip_missing:
            frame = _complete(frame, choose_columns(frame.columns, columns, events), path.name)
        read = read_columns(frame.to_native(), columns, events)
    else:
        read = read_text_file(path, form)
        if events and read.kinds is None:
            raise ValueError(
                f"{plain_name(Path(path.name)).name!r} has no column of kinds of events: name it, "
                "columns={'event': ...}."
            )
    return encode(read, *learn_ids(read))


def _read_parquet(path: Path) -> Any:
    backend = _parquet_backend()
    try:
        return nw.read_parquet(str(path), backend=backend)
    except ImportError as error:  # pandas is there, and nothing that it reads parquet with
        raise _no_parquet() from error
    except OSError:
        raise
    except Exception as error:  # each of the packages has errors of its own
        raise ValueError(f"{path.name!r} is no parquet file, or damaged: {error}") from error


def _complete(frame: Any, chosen: Chosen, file_name: str) -> Any:
    """Return the rows of a frame of which nothing that is read is missing, and warn of the others."""
    complete = frame.drop_nulls([name for name in chosen if name is not None])
    if len(complete) < len(frame):
        n_left_out = len(frame) - len(complete)
        warn_caller(f"Rows of {file_name!r} that lack a value are left out: {n_left_out:,} of {len(frame):,}.")
    return complete


def _parquet_backend() -> Any:
    for backend in ("pyarrow", "polars", "pandas"):
        if find_spec(backend) is not None:
            return backend
    raise _no_parquet()


def _no_parquet() -> ImportError:
    return ImportError("Reading parquet needs pyarrow, or polars: pip install pyarrow.")
