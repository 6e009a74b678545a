"""The ground truth: every event in order of arrival, append-only."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from .._data.weights import WEIGHT_UNIT
from .._utils.ragged import GrowableArray
from .moments import GrowingJoins, find_joins
from .weighing import NOTHING_SAID, filled

#: The kinds of times, in words.
DATETIMES, NUMBERS = "datetimes", "numbers"


class Events(NamedTuple):
    """Events as codes in order of arrival, and how many users and items are known once they have arrived.

    ``joins`` says whether each joins the moment of its user's event before; None where every event is one by itself.
    ``seconds`` are their times as numbers, NaN where there is none; None where no event has one. ``weights`` are what
    they count, in units; None where all count 1.
    """

    users: NDArray[np.int64]
    items: NDArray[np.int64]
    n_users: int
    n_items: int
    joins: NDArray[np.bool_] | None = None
    seconds: NDArray[np.float64] | None = None
    weights: NDArray[np.int64] | None = None

    def part(self, start: int, stop: int) -> Events:
        """Return some of the events, whose codes are given in order of first appearance."""
        n_users, n_items = (int(codes[:stop].max(initial=-1)) + 1 for codes in (self.users, self.items))
        part = slice(start, stop)
        each: tuple[Any, ...] = (self.joins, self.seconds, self.weights)
        beside = (None if column is None else column[part] for column in each)
        return Events(self.users[part], self.items[part], n_users, n_items, *beside)

    def rows(self) -> Iterator[tuple[int, int, bool, float, int]]:
        """Return the events one by one: user, item, and what :meth:`beside` says of each."""
        each: tuple[Any, ...] = (self.joins, "b"), (self.seconds, "f"), (self.weights, "i")
        beside = (repeat(NOTHING_SAID[kind]) if column is None else column.tolist() for column, kind in each)
        return zip(self.users.tolist(), self.items.tolist(), *beside, strict=False)

    def beside(self) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.int64]]:
        """Return joins, seconds and weights, each with what an event is of which nothing is said."""
        n_events = len(self.items)
        return (
            filled(self.joins, "b", n_events),
            filled(self.seconds, "f", n_events),
            filled(self.weights, "i", n_events),
        )


class EventStore:
    """Users, items and times of all events, and the sequence number that each has kept since it arrived.

    Parameters
    ----------
    users, items : ndarray of shape (n_events,)
        Codes.
    times : ndarray of shape (n_events,) or None
        int64, float64 or datetime64; None where the log has no times.
    arrivals : ndarray of shape (n_events,), int64, or None, default=None
        Sequence number of each event, rising; None if they are the positions.
    clock : int or None, default=None
        How many events ever arrived; None if they are all here.
    by_moment : bool, default=False
        Whether events of one user at one time are a moment.
    weights : ndarray of shape (n_events,), int64, or None, default=None
        What each event counts, in units; None where all count 1, those that come later too.
    """

    def __init__(
        self,
        users: NDArray[np.int64],
        items: NDArray[np.int64],
        times: NDArray[Any] | None,
        arrivals: NDArray[np.int64] | None = None,
        clock: int | None = None,
        by_moment: bool = False,
        weights: NDArray[np.int64] | None = None,
    ) -> None:
        self._users = GrowableArray(users)
        self._items = GrowableArray(items)
        self._times = None if times is None else GrowableArray(times)
        self._weights = None if weights is None else GrowableArray(weights)
        # Later events have numbers without a gap: what is kept of them is how many were forgotten.
        self._first_arrivals = np.zeros(0, dtype=np.int64) if arrivals is None else arrivals
        self._n_forgotten = 0 if clock is None else clock - len(users)
        self._joins = GrowingJoins() if by_moment else None
        if self._joins is not None:
            self._joins.add_events(users, times)

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self._users)

    @property
    def times(self) -> NDArray[Any] | None:
        """Times of the events, NaN or NaT where a log came without; None if none ever had one."""
        return None if self._times is None else self._times.view(len(self))

    @property
    def clock(self) -> int:
        """How many events ever arrived, which is the sequence number of the next one."""
        return len(self) + self._n_forgotten

    @property
    def arrivals(self) -> NDArray[np.int64]:
        """Sequence number of each event: how many ever arrived before it, forgotten ones too."""
        return np.r_[self._first_arrivals, np.arange(len(self._first_arrivals), len(self)) + self._n_forgotten]

    def between(self, start: int, stop: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return users and items of the events at the positions ``start, ..., stop - 1``."""
        return self._users.view(stop)[start:], self._items.view(stop)[start:]

    def log(self, n_users: int, n_items: int, start: int = 0, stop: int | None = None) -> Events:
        """Return the events at the positions ``start, ..., stop - 1``, given how many users and items are known."""
        stop = len(self) if stop is None else stop
        joins = None if self._joins is None else self._joins.view(stop)[start:]
        weights = self.weights(start, stop)
        return Events(*self.between(start, stop), n_users, n_items, joins, self.seconds(start, stop), weights)

    @property
    def has_weights(self) -> bool:
        """Whether events may count something else than 1."""
        return self._weights is not None

    def weights(self, start: int, stop: int) -> NDArray[np.int64] | None:
        """Return what some events count, in units; None where all count 1."""
        return None if self._weights is None else self._weights.view(stop)[start:]

    def read_weights(self, weights: NDArray[np.int64] | None, n_events: int) -> NDArray[np.int64] | None:
        """Return what events that would arrive next count, as :meth:`weights` does.

        Raises
        ------
        ValueError
            If one does not count 1, and all known events do.
        """
        if self._weights is not None:
            return np.full(n_events, WEIGHT_UNIT) if weights is None else weights
        if weights is not None and (is_other := weights != WEIGHT_UNIT).any():
            row = int(is_other.argmax())
            raise ValueError(
                f"The event in row {row} has the weight {weights[row] / WEIGHT_UNIT:g}, and the fitted log had no "
                "weights. Fit with weights (a column 'weight', sample_weight or event_weights) to update with them."
            )
        return None

    def seconds(self, start: int, stop: int) -> NDArray[np.float64] | None:
        """Return the times of some events as numbers; None where no event has one."""
        return None if self._times is None else as_seconds(self._times.view(stop)[start:])

    def joins(self) -> NDArray[np.bool_]:
        """Return whether each event joins the moment of its user's event before."""
        return filled(None if self._joins is None else self._joins.view(len(self)), "b", len(self))

    def joins_ahead(
        self, users: NDArray[np.int64], times: NDArray[Any] | None, last_arrivals: NDArray[np.int64]
    ) -> NDArray[np.bool_] | None:
        """Return what ``joins`` is for a log that would arrive next, None where every event is a moment by itself.

        Parameters
        ----------
        users, times : ndarray of shape (n_rows,)
            The log in order of arrival.
        last_arrivals : ndarray of shape (n_rows,)
            Sequence number of the last event of each row's user, -1 if there is none.
        """
        if self._joins is None:
            return None
        known = self.times
        if known is None:
            return find_joins(users, times, np.zeros(len(users)), np.zeros(len(users), dtype=bool))
        last_times = known[np.searchsorted(self.arrivals, np.maximum(last_arrivals, 0))]
        return find_joins(users, times, last_times, last_arrivals >= 0)

    def take(self, kept: NDArray[np.int64], users: NDArray[np.int64], items: NDArray[np.int64]) -> EventStore:
        """Return a store of some of the events, with their sequence numbers and the same clock.

        Parameters
        ----------
        kept : ndarray of int64
            Their positions, rising.
        users, items : ndarray of shape (n_kept,)
            Their codes in the new store.
        """
        times = None if self.times is None else self.times[kept]
        weights = None if self._weights is None else self._weights.view()[kept]
        return EventStore(users, items, times, self.arrivals[kept], self.clock, self._joins is not None, weights)

    @property
    def kind_of_times(self) -> str | None:
        """What the known times are, in words; None if there is none."""
        return None if self._times is None else kind_of(self._times.view())

    def check_kind(self, times: NDArray[Any] | None) -> None:
        """Raise TypeError if numbers are to follow datetimes or datetimes numbers, ValueError if no unit holds both."""
        if times is None or self._times is None:
            return
        known, new = kind_of(self._times.view()), kind_of(times)
        if known != new:
            raise wrong_kind_of_time("Column 'timestamp'", known, times)
        if known == DATETIMES:
            _check_unit(self._times.view(), times)

    def add_events(
        self,
        users: NDArray[np.int64],
        items: NDArray[np.int64],
        times: NDArray[Any] | None,
        weights: NDArray[np.int64] | None = None,
    ) -> None:
        """Append events in order of arrival, with their weights as :meth:`read_weights` returns them."""
        if times is not None and self._times is None:
            self._times = GrowableArray(_missing_times(len(self), times.dtype))
        if self._times is not None:
            self._times.extend(_missing_times(len(users), self._times.view().dtype) if times is None else times)
        self._users.extend(users)
        self._items.extend(items)
        if self._weights is not None:
            self._weights.extend(cast("NDArray[np.int64]", weights))
        if self._joins is not None:
            self._joins.add_events(users, self.times)

    def truncate(self, length: int, times: NDArray[Any] | None) -> None:
        """Drop the events from a position on: they never arrived.

        Parameters
        ----------
        length : int
            How many stay.
        times : ndarray of shape (length,) or None
            What ``times`` was before the others came, which may have turned all of them into another dtype.
        """
        for column in (self._users, self._items, self._weights):
            if column is not None:
                column.truncate(min(length, len(column)))
        self._times = None if times is None else GrowableArray(times)
        if self._joins is not None:
            self._joins.truncate(self._users.view())


def as_seconds(times: NDArray[Any]) -> NDArray[np.float64]:
    """Return times as numbers: datetimes as seconds since 1970, numbers as they are; NaN where there is none."""
    if times.dtype.kind != "M":
        return times.astype(np.float64)
    seconds = (times - np.datetime64(0, "s")) / np.timedelta64(1, "s")
    return seconds.astype(np.float64)


def newest_of(seconds: NDArray[np.float64] | None, known: float = np.nan) -> float:
    """Return the newest of some times and one that is known; NaN where there is none."""
    return known if seconds is None else float(np.fmax.reduce(seconds, initial=known))


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


def kind_of(times: NDArray[Any]) -> str:
    """Return what times are, in words."""
    return DATETIMES if times.dtype.kind == "M" else NUMBERS


def wrong_kind_of_time(what: str, known: str, times: NDArray[Any]) -> TypeError:
    """Return the error for times of another kind than the known ones; it names both and says how to convert these."""
    way = "pandas.to_datetime(times, unit='s')" if known == DATETIMES else "pandas.Timestamp(time).timestamp()"
    first = f" (first: {times[0]})" if len(times) else ""
    return TypeError(
        f"{what}: the known times are {known}, but these are {kind_of(times)}{first}. Convert them to {known}: seconds "
        f"since 1970, for example, with {way}."
    )


def _missing_times(length: int, like: np.dtype[Any]) -> NDArray[Any]:
    return np.full(length, np.datetime64("NaT") if like.kind == "M" else np.nan)
