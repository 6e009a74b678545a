"""What a column of a log may not hold, and how that is said: by the column, the row and the value."""

from __future__ import annotations

import reprlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Sequences that are one value, whatever they hold.
TEXT_LIKE = (str, bytes, bytearray, memoryview)


def refuse_missing(missing: NDArray[np.bool_], name: str) -> None:
    """Raise ValueError naming the first row in which ``missing`` is true."""
    if missing.any():
        raise ValueError(
            f"Column {name!r} has a missing value (NaN) in row {int(missing.argmax())}. Drop or fill such rows first."
        )


def refuse_other_kind(what: str, known: NDArray[Any], ids: NDArray[Any]) -> None:
    """Raise TypeError if ids are strings and the known ones numbers, or the other way round: none would be found."""
    if len(ids) == 0 or len(known) == 0:
        return
    of_known, of_these = ("strings" if each.dtype.kind in "OUT" else "numbers" for each in (known, ids))
    if of_known != of_these:
        raise TypeError(
            f"{what}: the known ids are {of_known}, but these are {of_these} (first: {shown(ids.tolist()[0])}). "
            "Convert one of them."
        )


def refuse_missing_objects(values: list[Any], kinds: set[type], name: str) -> None:
    """Refuse None, NaN, NaT and pd.NA; only what can be missing is compared, since objects compare as they like."""
    suspects = {kind for kind in kinds if _may_be_missing(kind)}
    if suspects:
        refuse_missing(np.array([type(value) in suspects and _is_missing(value) for value in values]), name)


def _may_be_missing(kind: type) -> bool:
    return kind.__name__ in ("NoneType", "NAType", "NaTType") or issubclass(kind, float | np.inexact | np.datetime64)


def _is_missing(value: Any) -> bool:
    # The comparison of pd.NA has no truth value.
    return value is None or type(value).__name__ == "NAType" or bool(value != value)


def refuse(bad: NDArray[np.bool_], column: NDArray[Any], name: str, reason: str) -> None:
    if bad.any():
        row = int(bad.argmax())
        raise unfit(column[row : row + 1].tolist()[0], row, name, reason)


def unfit(value: Any, row: int, name: str, reason: str) -> ValueError:
    return ValueError(f"Column {name!r} holds {shown(value)} in row {row}: {reason}.")


class _Shown(reprlib.Repr):
    """Values as messages show them: whatever they are, in one line or so."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = 80

    def repr_int(self, x: int, level: int) -> str:
        """Return an integer, or its size: Python refuses to spell very long ones."""
        return repr(x) if abs(x) < 10**self.maxlong else f"an integer of {x.bit_length()} bits"


def is_integer(kind: type) -> bool:
    """Tell whether values of a type are integers; numpy counts durations among its own."""
    return issubclass(kind, int | np.integer) and not issubclass(kind, bool | np.timedelta64)


def is_number(kind: type) -> bool:
    """Tell whether values of a type are integers or floats."""
    return is_integer(kind) or issubclass(kind, float | np.floating)


def integers(column: NDArray[Any], name: str, reason: str) -> NDArray[np.int64]:
    """Return an integer column as int64, or refuse what does not fit."""
    if column.dtype.kind == "u":
        refuse(column > np.iinfo(np.int64).max, column, name, reason)
    return column.astype(np.int64)


def integers_of_objects(values: list[Any], name: str, reason: str) -> NDArray[np.int64]:
    """Return integers of any size as int64, or refuse those that do not fit."""
    for row, value in enumerate(values):
        if not -(2**63) <= value < 2**63:
            raise unfit(value, row, name, reason)
    return np.array(values, dtype=np.int64)


#: Shows a value in a message.
shown = _Shown().repr
