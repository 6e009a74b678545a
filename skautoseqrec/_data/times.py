"""Validation of the times of a log: they become numbers or datetime64."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._utils.warn import warn_caller
from .checks import (
    integers,
    integers_of_objects,
    is_integer,
    is_number,
    refuse,
    refuse_missing,
    refuse_missing_objects,
    shown,
    unfit,
)

#: Seconds since 1970 of times that people log, and how many of a unit are a second.
SECONDS = (3e8, 6e9)
UNITS = {"seconds": 1.0, "milliseconds": 1e3, "microseconds": 1e6, "nanoseconds": 1e9}


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
        return integers(column, name, "a time must be below 2**63")
    if column.dtype.kind == "f":
        return _floats_of_time(column, name)
    raise TypeError(f"Column {name!r} has dtype {column.dtype}: timestamps must be integers, floats or datetimes.")


def _time_column_of_objects(column: NDArray[Any], name: str) -> NDArray[Any]:
    values = column.tolist()
    kinds = set(map(type, values))
    refuse_missing_objects(values, kinds, name)
    if all(issubclass(kind, date | np.datetime64) for kind in kinds):
        return _moments(values, name)
    for row, value in enumerate(values):
        if not is_number(type(value)):
            raise TypeError(
                f"Column {name!r} holds {shown(value)} ({type(value).__name__}) in row {row}: "
                "timestamps must be integers, floats or datetimes, one kind in the whole column. "
                "Text is parsed by pandas.to_datetime, for example."
            )
    whole = [value if is_integer(type(value)) else 0 for value in values]
    integers = integers_of_objects(whole, name, "a time must be below 2**63")
    if all(is_integer(kind) for kind in kinds):
        return integers
    return np.array([float(value) for value in values])


def _floats_of_time(column: NDArray[Any], name: str) -> NDArray[np.float64]:
    refuse_missing(np.isnan(column), name)
    largest = 2.0 ** (np.finfo(column.dtype).nmant + 1)
    if column.dtype.itemsize < 8 and (np.abs(column) > largest).any():
        warn_caller(
            f"Column {name!r} has dtype {column.dtype}, which cannot tell whole numbers above {largest:,.0f} apart: "
            "times that differ may be equal in it. Keep times as integers, float64 or datetimes."
        )
    with np.errstate(over="ignore"):  # what float64 cannot hold becomes infinite
        times = column.astype(np.float64)
    refuse(np.isinf(times), column, name, "a time cannot be infinite")
    return times


def warn_of_mixed_units(times: NDArray[Any] | None, name: str) -> None:
    """Warn of times of which some are seconds since 1970 and others milliseconds, microseconds or nanoseconds."""
    if times is None or len(times) < 2 or times.dtype.kind not in "iuf":
        return
    units = [(SECONDS[0] * factor <= times) & (times < SECONDS[1] * factor) for factor in UNITS.values()]
    first = {unit: int(is_unit.argmax()) for unit, is_unit in zip(UNITS, units, strict=True) if is_unit.any()}
    if len(first) > 1:
        seen = " and ".join(f"{unit} since 1970 ({times[row]!s} in row {row})" for unit, row in first.items())
        warn_caller(f"Column {name!r} looks like {seen}. All times of a log must be of one unit: convert them.")


def _moments(values: list[Any], name: str) -> NDArray[np.datetime64]:
    """Return datetimes and dates in UTC, all in the finest of their units."""
    moments = [_utc(value) for value in values]
    times = np.array(moments)
    # What a unit cannot hold wraps around in silence.
    wrapped = times.astype("datetime64[s]") != np.array([moment.astype("datetime64[s]") for moment in moments])
    if wrapped.any():
        row = int(wrapped.argmax())
        unit = np.datetime_data(times.dtype)[0]
        raise unfit(values[row], row, name, f"others are in {unit}, which this one does not fit; round them")
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
    refuse_missing_objects(values, set(map(type, values)), name)
    row = next(row for row, value in enumerate(values) if not spells_a_number(value))
    raise TypeError(
        f"Column {name!r} holds {shown(values[row])} in row {row}: timestamps must be integers, floats or datetimes."
    )


def spells_a_number(text: str) -> bool:
    """Tell whether a text is a number; 1_0, which Python reads as 10, is none."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text
