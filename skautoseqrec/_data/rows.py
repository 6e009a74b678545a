"""What a row of a list is: a sequence of values, or one that carries names for them. A dataframe is no list of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy as np

from .checks import TEXT_LIKE, shown


def is_frame(X: Any) -> bool:
    """Tell whether X is a dataframe; to ask narwhals of a list would be the longest part of reading a single event."""
    return type(X) is not list and bool(nw.dependencies.is_into_dataframe(X))


def names_of(row: Any) -> tuple[Any, ...] | None:
    """Return the names that a row carries for its values; None if it carries none."""
    if isinstance(row, Mapping):
        return tuple(row)
    if isinstance(row, tuple) and hasattr(row, "_fields"):
        return tuple(row._fields)
    return tuple(row.keys()) if hasattr(row, "keys") and hasattr(row, "__getitem__") else None  # sqlite3.Row


def listed(row: Any) -> list[Any]:
    """Return the values of a row that is an array: floats as they are, for how coarse they are matters."""
    values = np.asanyarray(row)
    return list(values) if values.dtype.kind == "f" and values.ndim else values.tolist()


def is_row(kind: type) -> bool:
    """Tell whether values of a type are rows: sequences, but not of characters or bytes."""
    return issubclass(kind, Sequence) and not issubclass(kind, TEXT_LIKE)


def no_rows(rows: Sequence[Any]) -> ValueError:
    """Return the error for the first entry that is not a row, or not as long as row 0."""
    widths = [len(row) if is_row(type(row)) else 0 for row in rows]
    row = next((row for row, width in enumerate(widths) if width < 2 or width != widths[0]), 0)
    return ValueError(
        "A list is read as rows of (user, item) or (user, item, time), all of one length; "
        f"row {row} is {shown(rows[row])}. Wrap a single event in a list. Reshape your data."
    )
