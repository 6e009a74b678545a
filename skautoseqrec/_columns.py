"""Validation of one column of a log: ids become int64 or str, times become numbers or datetime64.

Every message names the column and the row, because a log has a million rows and its owner has to find the bad one.
"""

from __future__ import annotations

import reprlib
from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Sequences that are one value, whatever they hold.
TEXT_LIKE = (str, bytes, bytearray, memoryview)


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
    if column.dtype.kind in ("O", "T"):
        return _id_column_of_objects(column.astype(object, copy=False), name, allow_fractions)
    if column.dtype.kind == "U":
        return column.astype(object)
    if column.dtype.kind in "iu":
        return _integers(column, name, "ids beyond 64 bits do not fit; pass them as strings")
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
    if allow_text and column.dtype.kind in "UT":
        column = _numbers_from_text(column.astype(object), name)
    if column.dtype.kind == "O":
        column = _time_column_of_objects(column, name)
    if column.dtype.kind == "M":
        refuse_missing(np.isnat(column), name)
        return column.astype(column.dtype.newbyteorder("="), copy=False)
    if column.dtype.kind in "iu":
        return _integers(column, name, "a time must be below 2**63")
    if column.dtype.kind == "f":
        return _floats_of_time(column, name)
    raise TypeError(f"Column {name!r} has dtype {column.dtype}: timestamps must be integers, floats or datetimes.")


def refuse_missing(missing: NDArray[np.bool_], name: str) -> None:
    """Raise ValueError naming the first row in which ``missing`` is true."""
    if missing.any():
        raise ValueError(
            f"Column {name!r} has a missing value (NaN) in row {int(missing.argmax())}. Drop or fill such rows first."
        )


def largest_exact(dtype: np.dtype[Any]) -> int:
    """Return the least whole number that floats of a dtype, and float64, may have been rounded to."""
    return int(2 ** min(np.finfo(dtype).nmant + 1, np.finfo(np.float64).nmant + 1))


def _id_column_of_floats(column: NDArray[Any], name: str, allow_fractions: bool) -> NDArray[Any]:
    """Return whole numbers as int64; fractions, where they are allowed, as float64."""
    refuse_missing(np.isnan(column), name)
    _refuse(np.isinf(column), column, name, "an id cannot be infinite")
    limit = largest_exact(column.dtype)
    reason = f"{column.dtype} is too coarse for ids from 2**{limit.bit_length() - 1} on; pass integers or strings"
    _refuse(np.abs(column) >= limit, column, name, reason)
    fractions = column != np.floor(column)
    if not fractions.any():
        return column.astype(np.int64)
    if not allow_fractions:
        _refuse(fractions, column, name, "ids must be integers or strings")
    ids = column.astype(np.float64)
    _refuse(ids != column, column, name, "float64 is too coarse for this id; pass integers or strings")
    return ids


def _id_column_of_objects(column: NDArray[Any], name: str, allow_fractions: bool) -> NDArray[Any]:
    """Return objects as what they are if all are text or all numbers."""
    values = column.tolist()
    kinds = set(map(type, values))
    if kinds <= {str}:
        return column
    _refuse_missing_objects(values, kinds, name)
    if all(issubclass(kind, str) for kind in kinds):
        # A subclass may print as something else: an enum's member does.
        return np.fromiter(map(str.__str__, values), dtype=object, count=len(values))
    if all(_is_integer(kind) for kind in kinds):
        return _integers_of_objects(values, name, "ids beyond 64 bits do not fit; pass them as strings")
    if all(_is_number(kind) for kind in kinds):
        return _id_column_of_mixed_numbers(values, name, allow_fractions)
    raise _unusable_kinds(values, name, kinds)


def _id_column_of_mixed_numbers(values: list[Any], name: str, allow_fractions: bool) -> NDArray[Any]:
    """Return integers among floats, which are no safer than the floats."""
    limit = largest_exact(np.dtype(np.float64))
    for row, value in enumerate(values):
        if _is_integer(type(value)) and abs(int(value)) >= limit:
            raise _unfit(value, row, name, "among floats, ids from 2**53 on are too coarse; pass integers or strings")
    return _id_column_of_floats(np.array(values), name, allow_fractions)


def _unusable_kinds(values: list[Any], name: str, kinds: set[type]) -> TypeError:
    for row, value in enumerate(values):
        if not (isinstance(value, str) or _is_number(type(value))):
            return TypeError(
                f"Column {name!r} holds {shown(value)} ({type(value).__name__}) in row {row}: "
                "ids must be integers or strings."
            )
    row = next(row for row, value in enumerate(values) if isinstance(value, str) != isinstance(values[0], str))
    return TypeError(
        f"Column {name!r} mixes types: row 0 holds {shown(values[0])} ({type(values[0]).__name__}), "
        f"row {row} holds {shown(values[row])} ({type(values[row]).__name__}). "
        "Make all of its ids strings or all integers."
    )


def _integers(column: NDArray[Any], name: str, reason: str) -> NDArray[np.int64]:
    """Return an integer column as int64, or refuse what does not fit."""
    if column.dtype.kind == "u":
        _refuse(column > np.iinfo(np.int64).max, column, name, reason)
    return column.astype(np.int64)


def _integers_of_objects(values: list[Any], name: str, reason: str) -> NDArray[np.int64]:
    """Return integers of any size as int64, or refuse those that do not fit."""
    for row, value in enumerate(values):
        if not -(2**63) <= value < 2**63:
            raise _unfit(value, row, name, reason)
    return np.array(values, dtype=np.int64)


def _time_column_of_objects(column: NDArray[Any], name: str) -> NDArray[Any]:
    values = column.tolist()
    kinds = set(map(type, values))
    _refuse_missing_objects(values, kinds, name)
    if all(issubclass(kind, date | np.datetime64) for kind in kinds):
        return _moments(values, name)
    for row, value in enumerate(values):
        if not _is_number(type(value)):
            raise TypeError(
                f"Column {name!r} holds {shown(value)} ({type(value).__name__}) in row {row}: "
                "timestamps must be integers, floats or datetimes, one kind in the whole column. "
                "Text is parsed by pandas.to_datetime, for example."
            )
    whole = [value if _is_integer(type(value)) else 0 for value in values]
    integers = _integers_of_objects(whole, name, "a time must be below 2**63")
    if all(_is_integer(kind) for kind in kinds):
        return integers
    return np.array([float(value) for value in values])


def _floats_of_time(column: NDArray[Any], name: str) -> NDArray[np.float64]:
    refuse_missing(np.isnan(column), name)
    with np.errstate(over="ignore"):  # what float64 cannot hold becomes infinite
        times = column.astype(np.float64)
    _refuse(np.isinf(times), column, name, "a time cannot be infinite")
    return times


def _moments(values: list[Any], name: str) -> NDArray[np.datetime64]:
    """Return datetimes and dates in UTC, all in the finest of their units."""
    moments = [_utc(value) for value in values]
    times = np.array(moments)
    # What a unit cannot hold wraps around in silence.
    wrapped = times.astype("datetime64[s]") != np.array([moment.astype("datetime64[s]") for moment in moments])
    if wrapped.any():
        row = int(wrapped.argmax())
        unit = np.datetime_data(times.dtype)[0]
        raise _unfit(values[row], row, name, f"others are in {unit}, which this one does not fit; round them")
    return times


def _utc(value: date | np.datetime64) -> np.datetime64:
    """Return a datetime as numpy's, in UTC; Python's own conversion fails at the ends of its calendar."""
    if hasattr(value, "to_datetime64"):  # pandas' Timestamp, whose nanoseconds datetime does not know
        return np.datetime64(value.to_datetime64())
    if isinstance(value, datetime) and value.tzinfo is not None:
        return np.datetime64(value.replace(tzinfo=None)) - np.timedelta64(value.utcoffset())
    return np.datetime64(value)


def _numbers_from_text(column: NDArray[Any], name: str) -> NDArray[Any]:
    values = column.tolist()
    for kind, dtype in ((int, np.int64), (float, np.float64)):
        try:
            return np.array([kind(value) for value in values], dtype=dtype)
        except (ValueError, OverflowError, TypeError):
            continue
    _refuse_missing_objects(values, set(map(type, values)), name)
    row = next(row for row, value in enumerate(values) if not spells_a_number(value))
    raise TypeError(
        f"Column {name!r} holds {shown(values[row])} in row {row}: timestamps must be integers, floats or datetimes."
    )


def spells_a_number(text: str) -> bool:
    """Tell whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_integer(kind: type) -> bool:
    """Tell whether values of a type are integers; numpy counts durations among its own."""
    return issubclass(kind, int | np.integer) and not issubclass(kind, bool | np.timedelta64)


def _is_number(kind: type) -> bool:
    """Tell whether values of a type are integers or floats."""
    return _is_integer(kind) or issubclass(kind, float | np.floating)


def _refuse_missing_objects(values: list[Any], kinds: set[type], name: str) -> None:
    """Refuse None, NaN, NaT and pd.NA; only what can be missing is compared, since objects compare as they like."""
    suspects = {kind for kind in kinds if _may_be_missing(kind)}
    if suspects:
        refuse_missing(np.array([type(value) in suspects and _is_missing(value) for value in values]), name)


def _may_be_missing(kind: type) -> bool:
    return kind.__name__ in ("NoneType", "NAType", "NaTType") or issubclass(kind, float | np.inexact | np.datetime64)


def _is_missing(value: Any) -> bool:
    # The comparison of pd.NA has no truth value.
    return value is None or type(value).__name__ == "NAType" or bool(value != value)


def _refuse(bad: NDArray[np.bool_], column: NDArray[Any], name: str, reason: str) -> None:
    if bad.any():
        row = int(bad.argmax())
        raise _unfit(column[row : row + 1].tolist()[0], row, name, reason)


def _unfit(value: Any, row: int, name: str, reason: str) -> ValueError:
    return ValueError(f"Column {name!r} holds {shown(value)} in row {row}: {reason}.")


class _Shown(reprlib.Repr):
    """Values as messages show them: whatever they are, in one line or so."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = 80

    def repr_int(self, x: int, level: int) -> str:
        """Return an integer, or its size: Python refuses to spell very long ones."""
        return repr(x) if abs(x) < 10**self.maxlong else f"an integer of {x.bit_length()} bits"


#: Shows a value in a message.
shown = _Shown().repr
