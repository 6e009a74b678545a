"""The ground truth: every event in order of arrival, append-only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._ragged import GrowableArray


class EventStore:
    """Users, items and times of all events; the position of an event is its sequence number.

    Parameters
    ----------
    users, items : ndarray of shape (n_events,)
        Codes.
    times : ndarray of shape (n_events,) or None
        int64, float64 or datetime64; None where the log has no times.
    """

    def __init__(self, users: NDArray[np.int64], items: NDArray[np.int64], times: NDArray[Any] | None) -> None:
        self._users = GrowableArray(users)
        self._items = GrowableArray(items)
        self._times = None if times is None else GrowableArray(times)

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self._users)

    @property
    def times(self) -> NDArray[Any] | None:
        """Times of the events, NaN or NaT where a log came without; None if none ever had one."""
        return None if self._times is None else self._times.view(len(self))

    def between(self, start: int, stop: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return users and items of the events with sequence numbers ``start, ..., stop - 1``."""
        return self._users.view(stop)[start:], self._items.view(stop)[start:]

    def check_kind(self, times: NDArray[Any] | None) -> None:
        """Raise TypeError if numbers are to follow datetimes or datetimes numbers, ValueError if no unit holds both."""
        if times is None or self._times is None:
            return
        known, new = (
            "datetimes" if kind == "M" else "numbers" for kind in (self._times.view().dtype.kind, times.dtype.kind)
        )
        if known != new:
            raise TypeError(
                f"Column 'timestamp': the known times are {known}, but these are {new}. Convert one of them, "
                "numbers with pandas.to_datetime(times, unit='s') for example."
            )
        if known == "datetimes":
            _check_unit(self._times.view(), times)

    def extend(self, users: NDArray[np.int64], items: NDArray[np.int64], times: NDArray[Any] | None) -> None:
        """Append events in order of arrival."""
        if times is not None and self._times is None:
            self._times = GrowableArray(_missing_times(len(self), times.dtype))
        if self._times is not None:
            self._times.extend(_missing_times(len(users), self._times.view().dtype) if times is None else times)
        self._users.extend(users)
        self._items.extend(items)

    def truncate(self, length: int) -> None:
        """Forget the events from a sequence number on."""
        for column in (self._users, self._items, self._times):
            if column is not None:
                column.truncate(min(length, len(column)))


def _check_unit(known: NDArray[Any], new: NDArray[Any]) -> None:
    """Raise ValueError if a time does not fit the finer unit of two: numpy lets it wrap around in silence."""
    unit = np.result_type(known, new)
    for times in (known, new):
        wrapped = (times.astype(unit).astype(times.dtype) != times) & ~np.isnat(times) if times.dtype != unit else None
        if wrapped is not None and wrapped.any():
            raise ValueError(
                f"Column 'timestamp': {times[wrapped][0]} does not fit {unit}, in which others are. Round them all to "
                "one unit, with .astype('datetime64[us]') for example."
            )


def _missing_times(length: int, like: np.dtype[Any]) -> NDArray[Any]:
    return np.full(length, np.datetime64("NaT") if like.kind == "M" else np.nan)
