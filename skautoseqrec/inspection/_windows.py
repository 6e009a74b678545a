"""Windows of a log that is walked: which events stand in which, and what a metric comes to in each."""

from __future__ import annotations

from datetime import timedelta
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._data.interactions import Columns

#: More windows than anybody can tell apart: a width in another unit than the times makes millions.
MOST_WINDOWS = 5000
#: What numbers can be times in, since 1970.
TIME_UNITS = ("s", "ms", "us", "ns")
#: Standard errors on either side of a mean that hold 95 % of a normal distribution.
NORMAL_95 = 1.96


class Windows(NamedTuple):
    """Which window each row of a log stands in, where each is drawn (its middle), and what all of them span."""

    of_row: NDArray[np.int64]
    middles: NDArray[Any]
    span: tuple[Any, Any]
    label: str

    @property
    def n_events(self) -> NDArray[np.int64]:
        """Number of events in each window."""
        return np.bincount(self.of_row, minlength=len(self.middles))


def windows_of(columns: Columns, n_windows: Any, width: Any, time_unit: Any) -> Windows:
    """Return windows of as many events each or, given their width, of time."""
    if not len(columns.user_ids):
        raise ValueError("The log is empty: there is nothing to show.")
    if width is not None:
        return windows_of_time(columns, width, time_unit)
    if time_unit is not None:
        raise ValueError("time_unit is for windows of time; give their width, such as timedelta(days=7).")
    return windows_of_events(columns, n_windows)


def windows_of_events(columns: Columns, n_windows: Any) -> Windows:
    """Return windows of equally many events, in time order.

    Raises
    ------
    ValueError
        If there are fewer events than windows.
    """
    n_events = len(columns.user_ids)
    if not isinstance(n_windows, Integral) or isinstance(n_windows, bool) or not 1 <= int(n_windows) <= n_events:
        raise ValueError(
            f"n_windows must be a whole number from 1 to the number of events, {n_events}, not {n_windows!r}."
        )
    of_row = np.empty(n_events, dtype=np.int64)
    of_row[columns.time_order()] = np.arange(n_events) * int(n_windows) // n_events
    ends = np.cumsum(np.bincount(of_row))
    return Windows(of_row, (ends + np.r_[0, ends[:-1]]) / 2, (0, n_events), "events walked")


def windows_of_time(columns: Columns, width: Any, time_unit: Any) -> Windows:
    """Return windows of equal duration, the empty ones between them included.

    Windows begin at multiples of the width since 1970, or since 0: those of a day begin at midnight UTC.

    Raises
    ------
    ValueError, TypeError
        If the log has no times, or the width does not go with them.
    """
    if columns.times is None:
        raise ValueError("width needs times, and the log has none; n_windows makes windows of events.")
    times, step = _read_times(columns.times, time_unit), _read_width(width)
    if (times.dtype.kind == "M") != isinstance(step, np.timedelta64):
        has, wants = ("datetimes", "a timedelta") if times.dtype.kind == "M" else ("numbers", "a number")
        raise TypeError(
            f"The times of the log are {has}, so width must be {wants}, not {width!r}. (time_unit='s' reads numbers as "
            "seconds since 1970.)"
        )
    origin = np.datetime64(0, "s") if times.dtype.kind == "M" else 0
    places = np.floor_divide(times - origin, step).astype(np.int64)
    n_windows = int(places.max() - places.min()) + 1
    if n_windows > MOST_WINDOWS:
        raise ValueError(f"A width of {width!r} makes {n_windows:,} windows, more than {MOST_WINDOWS:,}: widen it.")
    starts = origin + np.arange(places.min(), places.min() + n_windows) * step
    return Windows(places - places.min(), starts + step / 2, (starts[0], starts[-1] + step), "time")


def means_by_window(windows: Windows, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of the values in each window, NaN where there are none."""
    sums = np.bincount(windows.of_row, values, minlength=len(windows.middles))
    with np.errstate(invalid="ignore"):
        return sums / windows.n_events


def standard_errors(windows: Windows, values: NDArray[np.float64], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the standard error of the mean in each window, if groups are drawn and not single events.

    The linearised variance of a ratio of sums (Cochran 1977, section 6.4): with one event in a group it is the usual
    standard error. NaN where a window holds fewer than two groups.

    Parameters
    ----------
    windows : Windows
        The windows.
    values : ndarray of shape (n_events,)
        What is averaged.
    groups : ndarray of shape (n_events,)
        The group of each event, 0, 1, ...
    """
    residuals = values - means_by_window(windows, values)[windows.of_row]
    cells, cell_of_row = np.unique(np.column_stack([windows.of_row, groups]), axis=0, return_inverse=True)
    sums = np.bincount(cell_of_row.ravel(), residuals)
    n_groups = np.bincount(cells[:, 0], minlength=len(windows.middles))
    squares = np.bincount(cells[:, 0], np.square(sums), minlength=len(windows.middles))
    with np.errstate(invalid="ignore", divide="ignore"):
        errors = np.sqrt(squares * n_groups / (n_groups - 1)) / windows.n_events
    return np.where(n_groups < 2, np.nan, errors)


def _read_times(times: NDArray[Any], time_unit: Any) -> NDArray[Any]:
    if time_unit is None:
        return times
    if time_unit not in TIME_UNITS:
        raise ValueError(f"time_unit must be one of {', '.join(map(repr, TIME_UNITS))} or None, not {time_unit!r}.")
    if times.dtype.kind == "M":
        raise TypeError("time_unit says what numbers are times in, but the times of the log are datetimes.")
    return np.floor(times).astype(np.int64).astype(f"datetime64[{time_unit}]")


def _read_width(width: Any) -> Any:
    """Return a width as a number or a timedelta64 of fixed length, above 0."""
    is_number = isinstance(width, Real) and not isinstance(width, bool | np.timedelta64)
    step = np.timedelta64(width) if isinstance(width, timedelta) else width
    if not is_number and not isinstance(step, np.timedelta64):
        raise TypeError(f"width must be a number or a timedelta, not {width!r}.")
    if isinstance(step, np.timedelta64):
        if np.datetime_data(step.dtype)[0] in ("Y", "M", "generic"):
            raise ValueError(f"width must be of a fixed length, such as timedelta(days=30), not {width!r}.")
        step = step.astype("timedelta64[us]") if np.datetime_data(step.dtype)[0] not in ("ns", "ps") else step
    if not step > np.zeros_like(step) or not np.isfinite(step):
        raise ValueError(f"width must be above 0 and finite, not {width!r}.")
    return step
