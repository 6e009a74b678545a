"""Moments: the events of one user at one time, which have no order among themselves.

Where ties are taken together, an event joins the moment of its user's event before if both have the same time. What
reads a history then reads whole moments: windows are counted in events and rounded up to whole moments, ages are
counted in moments. Without moments every event is one by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._utils.ragged import GrowableArray

#: So many steps are held at a time while a log is counted, each of them of some 60 bytes.
STEPS_AT_A_TIME = 2**21


@dataclass(frozen=True)
class Moments:
    """The moments of histories that stand one after the other.

    Parameters
    ----------
    numbers : ndarray of shape (n_events,)
        Number of the moment of each event, rising by one from moment to moment.
    starts : ndarray of shape (n_moments,)
        Where each moment begins.
    """

    numbers: NDArray[np.int64]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, joins: NDArray[np.bool_]) -> Moments:
        """Return the moments, given whether each event joins that of the event before; the first of a user does not."""
        return cls(np.cumsum(~joins) - 1, np.flatnonzero(~joins))

    def begin(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where the moments of the events at some places begin."""
        return self.starts[self.numbers[places]]


class Steps(NamedTuple):
    """One row per event and event before it that stands near enough, the nearest first.

    Parameters
    ----------
    later, earlier : ndarray of shape (n_steps,)
        Where both events stand.
    n_moments : ndarray of shape (n_steps,)
        How many moments lie between: 0 within a moment.
    """

    later: NDArray[np.int64]
    earlier: NDArray[np.int64]
    n_moments: NDArray[np.int64]


def slices_of_steps(
    places: NDArray[np.int64],
    histories: NDArray[np.int64],
    moments: Moments | None,
    window: int,
    within: bool = False,
) -> list[slice]:
    """Return slices of some events, for each of which :func:`find_steps` finds about ``STEPS_AT_A_TIME`` steps."""
    first, stop = window_bounds(places, histories, moments, window, within)
    numbers = np.cumsum(stop - first) // STEPS_AT_A_TIME
    return [slice(*pair) for pair in pairwise([0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(places)])]


def find_steps(
    places: NDArray[np.int64],
    histories: NDArray[np.int64],
    moments: Moments | None,
    window: int,
    within: bool = False,
) -> Steps:
    """Return the events of whole moments before some events, as many as hold at least ``window`` events.

    Parameters
    ----------
    places : ndarray of shape (n_rows,)
        Where the events stand, histories one after the other.
    histories : ndarray of shape (n_rows,)
        Where the history of each begins.
    moments : Moments or None
        The moments; None if every event is one by itself.
    window : int
        How many events before, at least; 0 for none at all.
    within : bool, default=False
        Whether the events of its own moment that stand before an event count too.
    """
    first, stop = window_bounds(places, histories, moments, window, within)
    lengths = stop - first
    later = np.repeat(places, lengths)
    offsets = np.arange(len(later)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    earlier = np.repeat(stop - 1, lengths) - offsets
    if moments is None:
        return Steps(later, earlier, offsets + 1)
    return Steps(later, earlier, moments.numbers[later] - moments.numbers[earlier])


def window_bounds(
    places: NDArray[np.int64], histories: NDArray[np.int64], moments: Moments | None, window: int, within: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where the events before each event that stand near enough begin and end."""
    own = places if moments is None else moments.begin(places)
    first = np.maximum(histories, own - window)
    if moments is not None:
        first = np.maximum(histories, moments.begin(first))
    return first, places if within and window else own


def events_per_moment(users: NDArray[np.int64], times: NDArray[Any]) -> float:
    """Return the mean number of events that share a user and a time, of one event at least."""
    order = np.lexsort((times, users))
    is_first = np.r_[True, (np.diff(users[order]) != 0) | (times[order][1:] != times[order][:-1])]
    return len(users) / int(is_first.sum())


def find_joins(
    users: NDArray[np.int64], times: NDArray[Any] | None, last_times: NDArray[Any], has_last: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return whether each event of a log has the time of its user's event before; a missing time equals none.

    Parameters
    ----------
    users, times : ndarray of shape (n_rows,)
        The log in order of arrival; times of None are all missing.
    last_times, has_last : ndarray of shape (n_rows,)
        The time of the last event that the row's user had before the log, and whether there was one.
    """
    if times is None:
        return np.zeros(len(users), dtype=bool)
    joins: NDArray[np.bool_] = has_last & (times == last_times)
    order = np.argsort(users, kind="stable")
    is_same = users[order][1:] == users[order][:-1]
    joins[order[1:][is_same]] = (times[order][1:] == times[order][:-1])[is_same]
    return joins


def visible_events(times: NDArray[np.generic] | None, n_events: int, ties: str) -> NDArray[np.int64]:
    """Return how many events are let in before each event of a log in time order is ranked.

    Parameters
    ----------
    times : ndarray of shape (n_events,) or None
        Times in order.
    n_events : int
        Length of the log.
    ties : {"row", "together"}
        Whether events of one timestamp see those of earlier rows, or none of each other.
    """
    if ties == "row" or times is None:
        return np.arange(n_events)
    return np.searchsorted(times, times, side="left")


class GrowingJoins:
    """Whether each event of a growing log joins the moment of its user's event before."""

    def __init__(self) -> None:
        self._joins = GrowableArray(np.zeros(0, dtype=bool))
        #: Where the newest event of each user stands, -1 if there is none.
        self._newest = np.zeros(0, dtype=np.int64)

    def add_events(self, users: NDArray[np.int64], times: NDArray[Any] | None) -> None:
        """Append events, given the times of all events, those before them too."""
        start, stop = len(self._joins), len(self._joins) + len(users)
        n_users = int(users.max(initial=-1)) + 1
        if n_users > len(self._newest):
            grown = np.full(max(n_users, 2 * len(self._newest)), -1, dtype=np.int64)
            grown[: len(self._newest)] = self._newest
            self._newest = grown
        newest = self._newest[users]
        last_times = np.zeros(len(users)) if times is None else times[newest]
        self._joins.extend(find_joins(users, None if times is None else times[start:stop], last_times, newest >= 0))
        self._newest[users] = np.arange(start, stop)

    def truncate(self, users: NDArray[np.int64]) -> None:
        """Drop the events behind those of some users, which are all that is left."""
        self._joins.truncate(len(users))
        self._newest = np.full(int(users.max(initial=-1)) + 1, -1, dtype=np.int64)
        self._newest[users] = np.arange(len(users))

    def view(self, length: int) -> NDArray[np.bool_]:
        """Return the first ``length`` rows."""
        return self._joins.view(length)
