"""Logs in files of one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import narwhals as nw

from .._data.interactions import Interactions
from .._data.naming import check_columns
from .._data.reading import read_columns
from .._data.text_files import read_text_file
from .._data.vocabulary import encode, learn_ids


def load_interactions(
    path: Any,
    *,
    columns: Mapping[str, str] | None = None,
    names: Sequence[str] | None = None,
    sep: str | None = None,
) -> Interactions:
    """Read a log from a file.

    Ids are read without loss: a column is read as integers only if each id is spelled as an integer ("007" stays a
    string). Times are whole numbers, decimals or ISO dates, one kind in a column; dates with a zone become UTC.

    Parameters
    ----------
    path : str or path-like
        A ``.csv``, ``.tsv``, ``.jsonl``, ``.ndjson`` or ``.parquet`` file; all but parquet may be compressed (``.gz``).
        With ``sep``, a text file of any other name. Parquet needs pyarrow, polars or pandas to be installed.
    columns : dict or None, default=None
        Names of the columns of a log, by what they hold: ``{"user": ..., "item": ..., "time": ...}``, some or all of
        them. What is not given is found by the usual names (see the user guide).
    names : sequence of str or None, default=None
        Names of all columns of a text file without a header line; None takes the first line for the header.
    sep : str or None, default=None
        What stands between fields, one or several characters; None takes a comma, and a tab in a ``.tsv`` file.

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
        If no package that reads parquet is installed.

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
    path = Path(path)
    if path.suffix == ".parquet":
        if names is not None or sep is not None:
            raise ValueError("names and sep are for text files; a parquet file has names and no separator.")
        read = read_columns(nw.read_parquet(str(path), backend=_parquet_backend()).to_native(), check_columns(columns))
    else:
        read = read_text_file(path, check_columns(columns), names, sep)
    return encode(read, *learn_ids(read))


def _parquet_backend() -> Any:
    for backend in ("pyarrow", "polars", "pandas"):
        if find_spec(backend) is not None:
            return backend
    raise ImportError("Reading parquet needs pyarrow, polars or pandas: pip install pyarrow.")
