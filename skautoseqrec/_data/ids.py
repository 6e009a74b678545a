"""Validation of the ids of a log: they become int64, str, or float64 where fractions are allowed.

Every message names the column and the row, because a log has a million rows and its owner has to find the bad one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

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

#: Why an integer is refused.
TOO_LARGE = "ids beyond 64 bits do not fit; pass them as strings"


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
        return integers(column, name, TOO_LARGE)
    if column.dtype.kind == "f":
        return _id_column_of_floats(column, name, allow_fractions)
    raise TypeError(f"Column {name!r} has dtype {column.dtype}: ids must be integers or strings.")


def plain_ids(values: list[Any], name: str) -> NDArray[Any] | None:
    """Return what :func:`id_column` does for a list of plain integers or of plain text, in fewer calls; else None."""
    kinds = set(map(type, values))
    if kinds == {int}:
        return integers_of_objects(values, name, TOO_LARGE)
    return np.fromiter(values, dtype=object, count=len(values)) if kinds == {str} else None


def first_inexact(dtype: np.dtype[Any]) -> int:
    """Return the least whole number that floats of a dtype, and float64, may have been rounded to."""
    return int(2 ** min(np.finfo(dtype).nmant + 1, np.finfo(np.float64).nmant + 1))


def _id_column_of_floats(column: NDArray[Any], name: str, allow_fractions: bool) -> NDArray[Any]:
    """Return whole numbers as int64; fractions, where they are allowed, as float64."""
    refuse_missing(np.isnan(column), name)
    refuse(np.isinf(column), column, name, "an id cannot be infinite")
    limit = first_inexact(column.dtype)
    reason = f"{column.dtype} is too coarse for ids from 2**{limit.bit_length() - 1} on; pass integers or strings"
    refuse(np.abs(column) >= limit, column, name, reason)
    fractions = column != np.floor(column)
    if not fractions.any():
        return column.astype(np.int64)
    if not allow_fractions:
        refuse(fractions, column, name, "ids must be integers or strings")
    ids = column.astype(np.float64)
    refuse(ids != column, column, name, "float64 is too coarse for this id; pass integers or strings")
    return ids


def _id_column_of_objects(column: NDArray[Any], name: str, allow_fractions: bool) -> NDArray[Any]:
    """Return objects as what they are if all are text or all numbers."""
    values = column.tolist()
    kinds = set(map(type, values))
    if kinds <= {str}:
        return column
    refuse_missing_objects(values, kinds, name)
    if all(issubclass(kind, str) for kind in kinds):
        # A subclass may print as something else: an enum's member does.
        return np.fromiter(map(str.__str__, values), dtype=object, count=len(values))
    if all(is_integer(kind) for kind in kinds):
        return integers_of_objects(values, name, TOO_LARGE)
    if all(is_number(kind) for kind in kinds):
        return _id_column_of_mixed_numbers(values, name, allow_fractions)
    raise _unusable_kinds(values, name)


def _id_column_of_mixed_numbers(values: list[Any], name: str, allow_fractions: bool) -> NDArray[Any]:
    """Return integers among floats, which are no safer than the floats."""
    for row, value in enumerate(values):
        dtype = value.dtype if isinstance(value, np.floating) else np.dtype(np.float64)
        if first_inexact(dtype) <= abs(value) < np.inf:
            raise unfit(value, row, name, f"among floats, {dtype} is too coarse for this id; pass integers or strings")
    return _id_column_of_floats(np.array(values), name, allow_fractions)


def _unusable_kinds(values: list[Any], name: str) -> TypeError:
    for row, value in enumerate(values):
        if not (isinstance(value, str) or is_number(type(value))):
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
