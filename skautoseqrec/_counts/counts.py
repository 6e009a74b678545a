"""What a log adds up to: who met what (R), what followed what (T), and what is popular, exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .._data.weights import WEIGHT_UNIT
from .._utils.keeping import FieldsOnly
from .._utils.ragged import distinct, ragged_ranges, ranks_within_groups
from .._utils.sparse import entries_at, resized, sum_entries
from .events import Events
from .moments import Moments, window_bounds
from .transitions import TRANSITION_UNIT, HistoryRows, Rows, Transitions, count_transitions, find_all_transitions
from .weighing import NOTHING_SAID, largest_of_each, of_places, weight_sums


def count_user_item(
    users: NDArray[np.int64],
    items: NDArray[np.int64],
    shape: tuple[int, int],
    weights: NDArray[np.int64] | None = None,
) -> sparse.csr_matrix:
    """Return R: how often each user met each item, int64; given weights in units, what that adds up to, float64."""
    if weights is None:
        return sum_entries(users, items, np.ones(len(users), dtype=np.int64), shape)
    counts = weights > 0
    return sum_entries(users[counts], items[counts], weights[counts], shape) / WEIGHT_UNIT


@dataclass(frozen=True)
class Counts(FieldsOnly):
    """Histories, transitions and popularity of a log: all that can be said of it without training.

    Parameters
    ----------
    indptr : ndarray of shape (n_users + 1,)
        Where each user's history begins in ``history``.
    history : ndarray of shape (n_events,)
        Items, user after user, each in order of arrival.
    transitions : csr_matrix of shape (n_items, n_items), int64
        T in whole units, indices sorted.
    popularity : ndarray of shape (n_items,), int64
        Events of each item.
    arrivals : ndarray of shape (n_events,)
        Sequence number of each event of ``history``: how many ever arrived before it, forgotten ones too.
    clock : int
        How many events ever arrived, which is the sequence number of the next one.
    joins : ndarray of shape (n_events,), bool, or None, default=None
        Whether each event of ``history`` joins the moment of the event before it; None where every event is a moment.
    seconds : ndarray of shape (n_events,) or None, default=None
        Time of each event of ``history`` as a number, NaN where it has none; None where no event has one.
    weights : ndarray of shape (n_events,), int64, or None, default=None
        What each event of ``history`` counts, in units; None where all count 1.
    """

    indptr: NDArray[np.int64]
    history: NDArray[np.int64]
    transitions: sparse.csr_matrix
    popularity: NDArray[np.int64]
    arrivals: NDArray[np.int64]
    clock: int
    joins: NDArray[np.bool_] | None = None
    seconds: NDArray[np.float64] | None = None
    weights: NDArray[np.int64] | None = None

    @classmethod
    def empty(cls) -> Counts:
        """Return the counts of no events."""
        none = np.zeros(0, dtype=np.int64)
        return cls(np.zeros(1, dtype=np.int64), none, sparse.csr_matrix((0, 0), dtype=np.int64), none, none, 0)

    @classmethod
    def of(cls, events: Events, step_weights: NDArray[np.int64], arrivals: NDArray[np.int64], clock: int) -> Counts:
        """Return the counts of events.

        Parameters
        ----------
        events : Events
            In order of arrival.
        step_weights : ndarray of shape (window,)
            Weights of transitions, in units.
        arrivals : ndarray of shape (n_events,)
            Sequence number of each.
        clock : int
            How many events ever arrived.
        """
        counts, _ = cls.empty().add_events(events, step_weights)
        return counts.renumbered(arrivals, clock)

    @property
    def n_users(self) -> int:
        """Number of users."""
        return len(self.indptr) - 1

    @property
    def moments(self) -> Moments | None:
        """The moments of ``history``; None where every event is one by itself."""
        joins = self.joins
        return None if joins is None else self.keep("moments", joins, lambda: Moments.of(joins))

    @property
    def n_items(self) -> int:
        """Number of items."""
        return len(self.popularity)

    @property
    def mass(self) -> NDArray[Any]:
        """What the events of each item weigh together: their number where all count 1."""
        weights = self.weights
        if weights is None:
            return self.popularity
        return self.keep("mass", weights, lambda: weight_sums(self.history, weights, self.n_items))

    def user_item(self) -> sparse.csr_matrix:
        """Return R: how often each user met each item, int64; what that weighs, float64, where events have weights."""
        users = np.repeat(np.arange(self.n_users), np.diff(self.indptr))
        return count_user_item(users, self.history, (self.n_users, self.n_items), self.weights)

    def strongest(self) -> sparse.csr_matrix:
        """Return a user by item matrix of ones where the user has met the item, of the largest weight where there are.

        It has no entry where that is 0.
        """
        met = self.user_item()
        if self.weights is None:
            met.data[:] = 1
            return met
        keys = np.repeat(np.arange(self.n_users), np.diff(self.indptr)) * self.n_items + self.history
        met.data[:] = largest_of_each(keys, self.weights)  # as many, and in this order
        return met

    def add_events(self, events: Events, step_weights: NDArray[np.int64]) -> tuple[Counts, sparse.csr_matrix]:
        """Return the counts with more events, and the transitions they added."""
        added = count_transitions(self._rows(events, len(step_weights)), step_weights, events.n_items)
        counts = self.add_counted(events, resized(self.transitions, events.n_items) + added)
        return counts, added

    def add_counted(self, events: Events, transitions: sparse.csr_matrix) -> Counts:
        """Return the counts with more events, given the transitions of all."""
        histories = GrowingHistories(self, events)
        histories.copy_known(0, len(self.history))
        histories.add_events(0, len(events.items))
        return histories.counts(transitions)

    def renumbered(self, arrivals: NDArray[np.int64], clock: int) -> Counts:
        """Return the counts of the same events with other sequence numbers, given in order of arrival."""
        renumbered = np.empty_like(arrivals)
        renumbered[np.argsort(self.arrivals)] = arrivals
        return replace(self, arrivals=renumbered, clock=clock)

    def find_new_transitions(
        self, events: Events, step_weights: NDArray[np.int64], within: bool = False
    ) -> Transitions:
        """Return the transitions that events complete, from the known histories as well as among themselves.

        They stand in the order of the events, the nearest step of each first. ``within`` says whether an event also
        follows the earlier ones of its own moment.
        """
        return find_all_transitions(self._rows(events, len(step_weights)), step_weights, within)

    def _rows(self, events: Events, window: int) -> HistoryRows:
        """Return events behind what they may follow."""
        users = distinct(events.users)
        lengths = self._context_lengths(users, window)
        context = self.newest(users, lengths)
        joins = None
        if events.joins is not None:
            known = np.zeros(len(context), dtype=bool) if self.joins is None else self.joins[context]
            joins = np.r_[known, events.joins]
        users, items = np.r_[np.repeat(users, lengths), events.users], np.r_[self.history[context], events.items]
        weights = None if events.weights is None else np.r_[of_places(self.weights, context), events.weights]
        return Rows(users, items, len(context), joins, weights).by_user()

    def _context_lengths(self, users: NDArray[np.int64], window: int) -> NDArray[np.int64]:
        """Return how many of the newest events of each user new ones may follow: a window before the last moment."""
        starts, ends = self.ranges(users)
        lengths, some = np.zeros(len(users), dtype=np.int64), ends > starts
        first, _ = window_bounds(ends[some] - 1, starts[some], self.moments, window, within=False)
        lengths[some] = ends[some] - first
        return lengths

    def history_lengths(self, users: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of events of each user, 0 for users not known yet."""
        starts, ends = self.ranges(users)
        return ends - starts

    def ranges(self, users: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where the events of each user begin and end in ``history``: nowhere for users not known yet."""
        starts, ends = np.zeros(len(users), dtype=np.int64), np.zeros(len(users), dtype=np.int64)
        known = (users >= 0) & (users < self.n_users)
        starts[known], ends[known] = self.indptr[users[known]], self.indptr[users[known] + 1]
        return starts, ends

    def range_of(self, user: int) -> tuple[int, int]:
        """Return what :meth:`ranges` does for one user."""
        return (int(self.indptr[user]), int(self.indptr[user + 1])) if 0 <= user < self.n_users else (0, 0)

    def newest(self, users: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where the newest ``lengths`` events of each user stand in ``history``, oldest first."""
        _, ends = self.ranges(users)
        return ragged_ranges(ends - lengths, lengths)


class GrowingHistories:
    """Histories that events are added to, some at a time.

    Parameters
    ----------
    known : Counts
        The histories.
    events : Events
        What is added.
    room : callable, default=numpy.empty
        Makes an array, given its length and dtype.
    """

    def __init__(self, known: Counts, events: Events, room: Callable[..., NDArray[Any]] = np.empty) -> None:
        self._known, self._events = known, events
        self._indptr = np.zeros(events.n_users + 1, dtype=np.int64)
        np.add.at(self._indptr[1:], events.users, 1)
        np.cumsum(self._indptr, out=self._indptr)
        self._indptr[: known.n_users] += known.indptr[:-1]
        self._indptr[known.n_users :] += known.indptr[-1]
        #: How many events of each user, and of each item, have been added.
        self._n_added, self._popularity = (np.zeros(n, dtype=np.int64) for n in (events.n_users, events.n_items))
        arrivals = np.arange(known.clock, known.clock + len(events.items))
        #: By field of Counts: the known column, what is added to it, and both.
        self._columns: dict[str, tuple[NDArray[Any] | None, NDArray[Any] | None, NDArray[Any]]] = {}
        for name, old, new in (
            ("history", known.history, events.items),
            ("arrivals", known.arrivals, arrivals),
            ("joins", known.joins, events.joins),
            ("seconds", known.seconds, events.seconds),
            ("weights", known.weights, events.weights),
        ):
            either = new if old is None else old
            if either is not None:
                self._columns[name] = old, new, room(int(self._indptr[-1]), either.dtype)

    def counts(self, transitions: sparse.csr_matrix) -> Counts:
        """Return the counts once all steps are taken, given the transitions of all."""
        popularity = self._popularity.copy()
        popularity[: self._known.n_items] += self._known.popularity
        columns: dict[str, Any] = {name: column for name, (*_, column) in self._columns.items()}
        clock = self._known.clock + len(self._events.items)
        return Counts(self._indptr, transitions=transitions, popularity=popularity, clock=clock, **columns)

    def copy_known(self, start: int, stop: int) -> None:
        """Copy the known events from one position to another to their places."""
        known = self._known.indptr
        first, end = int(np.searchsorted(known, start, side="right")) - 1, int(np.searchsorted(known, stop))
        bounds: NDArray[np.int64] = np.clip(known[first : end + 1], start, stop)
        lengths = np.diff(bounds)
        places = np.arange(start, stop) + np.repeat(self._indptr[first:end] - known[first:end], lengths)
        for old, _, column in self._columns.values():
            column[places] = NOTHING_SAID[column.dtype.kind] if old is None else old[start:stop]

    def add_events(self, start: int, stop: int) -> None:
        """Write some events behind those of their users before these, which have been written."""
        users = self._events.users[start:stop]
        n_before = self._known.history_lengths(users) + self._n_added[users]
        places = self._indptr[users] + n_before + ranks_within_groups(users)
        np.add.at(self._n_added, users, 1)
        np.add.at(self._popularity, self._events.items[start:stop], 1)
        for _, new, column in self._columns.values():
            column[places] = NOTHING_SAID[column.dtype.kind] if new is None else new[start:stop]


def square_growth(
    counts: Counts, source: NDArray[np.int64], target: NDArray[np.int64], weight: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return by how much each transition, one after the other, makes the square of its entry of T grow."""
    order = np.lexsort((target, source))
    source, target, ordered = source[order], target[order], weight[order]
    is_first = np.r_[True, (np.diff(source) != 0) | (np.diff(target) != 0)][: len(order)]
    summed = np.cumsum(ordered) - ordered
    group_start = np.maximum.accumulate(np.where(is_first, np.arange(len(order)), 0))
    before = (summed - summed[group_start]).astype(np.float64)
    known = source < counts.n_items
    before[known] += entries_at(counts.transitions, source[known], target[known])
    growth = np.empty(len(order))
    growth[order] = (2 * before + ordered) * ordered / TRANSITION_UNIT**2
    return growth
