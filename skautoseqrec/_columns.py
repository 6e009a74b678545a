"""Validation of one column of a log: ids become int64 or str, times become numbers or datetime64.

Every message names the column and the row, because a log has a million rows and its owner has to find the bad one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST_EXACT_FLOAT = 2**53


def id_column(values: Any, name: str, *, allow_fractions: bool = False) -> NDArray[Any]:
    """Return the ids of one column as int64, float64 or an object array of str.

    Parameters
    ----------
    values : array-like of shape (n_rows,)
        The ids as they came.
    name : str
        Name of the column, for messages.
    allow_fractions : bool, default=False
        Whether a float that is not a whole number is an id. Arrays allow it, since scikit-learn's generic tools
        feed them; in a dataframe it means that the wrong column was named.

    Returns
    -------
    ids : ndarray of shape (n_rows,)
        dtype int64, float64 (only with fractions) or object (str).
    """
    column = np.asarray(values)
    if column.dtype.kind == "O":
        return _id_column_of_objects(column, name, allow_fractions)
    if column.dtype.kind in "UT":
        return column.astype(object)
    if column.dtype.kind == "i":
        return column.astype(np.int64)
    if column.dtype.kind == "u":
        _refuse(column > np.iinfo(np.int64).max, column, name, "ids above 2**63 - 1 do not fit; pass them as strings")
        return column.astype(np.int64)
    if column.dtype.kind == "f":
        return _id_column_of_floats(column, name, allow_fractions)
    raise TypeError(f"Column {name!r} has dtype {column.dtype}: ids must be integers or strings.")


def time_column(values: Any, name: str, *, allow_text: bool = False) -> NDArray[Any]:
    """Return the times of one column as int64, float64 or datetime64 (UTC).

    Parameters
    ----------
    values : array-like of shape (n_rows,)
        The times as they came.
    name : str
        Name of the column, for messages.
    allow_text : bool, default=False
        Whether text that spells numbers is read as numbers. True for an array of strings, whose owner had no
        other way to write a time.

    Returns
    -------
    times : ndarray of shape (n_rows,)
        dtype int64, float64 or datetime64.
    """
    column = np.asarray(values)
    if column.dtype.kind == "O":
        column = _time_column_of_objects(column, name)
    if column.dtype.kind in "UT" and allow_text:
        column = _numbers_from_text(column, name)
    if column.dtype.kind == "M":
        _refuse(np.isnat(column), column, name, "the time is missing (NaT)")
        return column
    if column.dtype.kind in "iu":
        _refuse(column > np.iinfo(np.int64).max, column, name, "a time must be below 2**63")
        return column.astype(np.int64)
    if column.dtype.kind == "f":
        refuse_missing(np.isnan(column), name)
        _refuse(np.isinf(column), column, name, "a time cannot be infinite")
        return column.astype(np.float64)
    raise TypeError(f"Column {name!r} has dtype {column.dtype}: timestamps must be integers, floats or datetimes.")


def refuse_missing(missing: NDArray[np.bool_], name: str) -> None:
    """Raise ValueError naming the first row in which ``missing`` is true."""
    if missing.any():
        raise ValueError(
            f"Column {name!r} has a missing value (NaN) in row {int(missing.argmax())}. Drop or fill such rows first."
        )


def _id_column_of_floats(column: NDArray[Any], name: str, allow_fractions: bool) -> NDArray[Any]:
    refuse_missing(np.isnan(column), name)
    _refuse(np.isinf(column), column, name, "an id cannot be infinite")
    fractions = column != np.floor(column)
    if fractions.any():
        if not allow_fractions:
            _refuse(fractions, column, name, "ids must be integers or strings")
        return column.astype(np.float64)
    _refuse(
        np.abs(column) > LARGEST_EXACT_FLOAT,
        column,
        name,
        "floats above 2**53 are too coarse for ids; pass integers or strings",
    )
    return column.astype(np.int64)


def _id_column_of_objects(column: NDArray[Any], name: str, allow_fractions: bool) -> NDArray[Any]:
    kinds = set(map(type, column.tolist()))
    if kinds <= {str}:
        return column
    refuse_missing(np.fromiter(map(_is_missing, column), bool, len(column)), name)
    if all(issubclass(kind, str) for kind in kinds):
        return np.array([str(value) for value in column], dtype=object)
    if all(issubclass(kind, int | np.integer) and kind is not bool for kind in kinds):
        _refuse(
            np.array([not -(2**63) <= value < 2**63 for value in column]),
            column,
            name,
            "ids beyond 64 bits do not fit; pass them as strings",
        )
        return column.astype(np.int64)
    if all(issubclass(kind, int | np.integer | float | np.floating) and kind is not bool for kind in kinds):
        return _id_column_of_floats(column.astype(np.float64), name, allow_fractions)
    raise _unusable_kinds(column, name, kinds)


def _unusable_kinds(column: NDArray[Any], name: str, kinds: set[type]) -> TypeError:
    if any(issubclass(kind, str) for kind in kinds):
        row = next(row for row, value in enumerate(column) if isinstance(value, str) != isinstance(column[0], str))
        return TypeError(
            f"Column {name!r} mixes types: row 0 holds {column[0]!r} ({type(column[0]).__name__}), "
            f"row {row} holds {column[row]!r} ({type(column[row]).__name__}). "
            "Make all of its ids strings or all integers."
        )
    row = next(row for row, value in enumerate(column) if not _is_number(value))
    return TypeError(
        f"Column {name!r} holds {column[row]!r} ({type(column[row]).__name__}) in row {row}: "
        "ids must be integers or strings."
    )


def _time_column_of_objects(column: NDArray[Any], name: str) -> NDArray[Any]:
    refuse_missing(np.fromiter(map(_is_missing, column), bool, len(column)), name)
    values = column.tolist()
    if all(isinstance(value, date | np.datetime64) for value in values):
        return np.array([_utc(value) for value in values], dtype="datetime64")
    wrong = [not _is_number(value) for value in values]
    if any(wrong):
        row = wrong.index(True)
        raise TypeError(
            f"Column {name!r} holds {values[row]!r} ({type(values[row]).__name__}) in row {row}: "
            "timestamps must be integers, floats or datetimes, one kind in the whole column. "
            "Text is parsed by pandas.to_datetime, for example."
        )
    return np.array(values)


def _utc(value: date | np.datetime64) -> date | np.datetime64:
    """Return a datetime without its time zone, moved to UTC, as numpy's datetime64 wants it."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


def _numbers_from_text(column: NDArray[Any], name: str) -> NDArray[Any]:
    for dtype in (np.int64, np.float64):
        try:
            return column.astype(dtype)
        except ValueError:
            continue
    row = next(row for row, value in enumerate(column) if not spells_a_number(value))
    raise TypeError(
        f"Column {name!r} holds {str(column[row])!r} in row {row}: timestamps must be integers, floats or datetimes."
    )


def spells_a_number(text: str) -> bool:
    """Tell whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _is_missing(value: Any) -> bool:
    """Tell whether a value is None, NaN, NaT or pd.NA (whose comparisons have no truth value)."""
    return value is None or type(value).__name__ == "NAType" or bool(value != value)


def _refuse(bad: NDArray[np.bool_], column: Sequence[Any] | NDArray[Any], name: str, reason: str) -> None:
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(f"Column {name!r} holds {column[row]} in row {row}: {reason}.")
