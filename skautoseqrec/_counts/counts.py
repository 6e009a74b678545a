"""Counting a log: who met what (R), and what followed what (T), exactly."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .._data.weights import WEIGHT_UNIT
from .._utils.keeping import FieldsOnly
from .._utils.ragged import ragged_ranges, ranks_within_groups
from .._utils.sparse import entries_at, resized, sum_entries
from .events import Events
from .moments import Moments, find_steps, slices_of_steps, window_bounds

#: Transitions are counted in whole multiples of 1 / TRANSITION_UNIT, so that adding and removing is exact in any order.
TRANSITION_UNIT = 2**20


class Transitions(NamedTuple):
    """One row per pair (earlier item, later item) that an event completes."""

    event: NDArray[np.int64]
    source: NDArray[np.int64]
    target: NDArray[np.int64]
    weight: NDArray[np.int64]

    def sort_by_event(self) -> Transitions:
        """Return the same transitions in the order of their events, nearest step first."""
        order = np.argsort(self.event, kind="stable")
        return Transitions(*(column[order] for column in self))


def step_weights(window: int, decay: float) -> NDArray[np.int64]:
    """Return the weight of each step 1..window, ``decay**(k - 1)``, in units.

    Examples
    --------
    >>> step_weights(3, 0.5) / TRANSITION_UNIT
    array([1.  , 0.5 , 0.25])
    """
    return np.rint(decay ** np.arange(window) * TRANSITION_UNIT).astype(np.int64)


class Rows(NamedTuple):
    """Events in time order, of which the first ``n_context`` are old: they are followed, but follow none.

    ``joins`` says whether each joins the moment of its user's event before; None if every event is one by itself.
    ``weights`` are what each counts, in units; None if all count 1.
    """

    users: NDArray[np.int64]
    items: NDArray[np.int64]
    n_context: int = 0
    joins: NDArray[np.bool_] | None = None
    weights: NDArray[np.int64] | None = None


def find_transitions(rows: Rows, step_weights: NDArray[np.int64], within: bool = False) -> Iterator[Transitions]:
    """Yield every transition that the events of a log complete, in the order of users, some at a time.

    Parameters
    ----------
    rows : Rows
        The events; in what is yielded, they are counted from the first one after the context. What an event of no
        weight completes is left out.
    step_weights : ndarray of shape (window,)
        Weight of each step, from :func:`step_weights`.
    within : bool, default=False
        Whether pairs are looked for, of which neither item comes first: then an event also follows the earlier ones of
        its own moment, and if events have weights, the smaller one of both is that of the pair.
    """
    users, items, n_context, joins, weights = rows
    order = np.argsort(users, kind="stable")
    users, items = users[order], items[order]
    is_first = np.r_[True, users[1:] != users[:-1]][: len(users)]
    histories = np.maximum.accumulate(np.where(is_first, np.arange(len(users)), 0))
    moments = None if joins is None else Moments.of(joins[order] & ~is_first)
    later = np.flatnonzero(order >= n_context)
    for part in slices_of_steps(later, histories[later], moments, len(step_weights), within):
        steps = find_steps(later[part], histories[later[part]], moments, len(step_weights), within)
        weight = step_weights[np.maximum(steps.n_moments, 1) - 1]
        found = Transitions(order[steps.later] - n_context, items[steps.earlier], items[steps.later], weight)
        yield found if weights is None else _weighted(found, *(weights[order[of]] for of in steps[:2]), within)


def _weighted(found: Transitions, later: NDArray[np.int64], earlier: NDArray[np.int64], are_pairs: bool) -> Transitions:
    """Return transitions as events with weights complete them, given the weights of both events of each, in units."""
    weight = np.minimum(later, earlier) if are_pairs else np.rint(found.weight * (later / WEIGHT_UNIT)).astype(np.int64)
    return Transitions(*(column[weight > 0] for column in found._replace(weight=weight)))


def find_all_transitions(rows: Rows, step_weights: NDArray[np.int64], within: bool = False) -> Transitions:
    """Return what :func:`find_transitions` yields as a whole, in the order of the events, nearest step first."""
    columns = zip(*find_transitions(rows, step_weights, within), strict=True)
    return Transitions(*(np.concatenate(column) for column in columns)).sort_by_event()


def count_transitions(rows: Rows, step_weights: NDArray[np.int64], n_items: int) -> sparse.csr_matrix:
    """Return what all transitions of a log add up to, an item by item matrix of whole units."""
    counted = sparse.csr_matrix((n_items, n_items), dtype=np.int64)
    for found in find_transitions(rows, step_weights):
        counted = counted + sum_entries(found.source, found.target, found.weight, (n_items, n_items))
    return counted


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
    """Histories, transitions and popularity of a log: all that can be said of it without weights.

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

    def transition(self, source: int, target: int) -> int:
        """Return one entry of T in units, 0 for items not known yet."""
        if source >= self.n_items:
            return 0
        start, end = self.transitions.indptr[source : source + 2].tolist()
        place = bisect_left(self.transitions.indices, target, start, end)
        return int(self.transitions.data[place]) if place < end and self.transitions.indices[place] == target else 0

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
        order = np.lexsort((self.weights, keys))
        counts = self.weights[order] > 0
        is_last = np.r_[np.diff(keys[order][counts]) != 0, True][: counts.sum()]
        # One for each entry of the sums above, which stand in the order of the keys, too.
        met.data[:] = self.weights[order][counts][is_last] / WEIGHT_UNIT
        return met

    def add_events(self, events: Events, step_weights: NDArray[np.int64]) -> tuple[Counts, sparse.csr_matrix]:
        """Return the counts with more events, and the transitions they added."""
        added = count_transitions(self._rows(events, len(step_weights)), step_weights, events.n_items)
        counts = self.add_counted(events, resized(self.transitions, events.n_items) + added)
        return counts, added

    def add_counted(self, events: Events, transitions: sparse.csr_matrix) -> Counts:
        """Return the counts with more events, given the transitions of all."""
        old_lengths = self.history_lengths(np.arange(events.n_users))
        indptr = np.r_[0, np.cumsum(old_lengths + np.bincount(events.users, minlength=events.n_users))]
        history, arrivals = np.empty(indptr[-1], dtype=np.int64), np.empty(indptr[-1], dtype=np.int64)
        old_places = ragged_ranges(indptr[:-1], old_lengths)
        new_places = indptr[events.users] + old_lengths[events.users] + ranks_within_groups(events.users)
        history[old_places], arrivals[old_places] = self.history, self.arrivals
        clock = self.clock + len(events.items)
        history[new_places], arrivals[new_places] = events.items, np.arange(self.clock, clock)
        joins, seconds, weights = (
            laid_out(indptr[-1], (old_places, old), (new_places, new))
            for old, new in ((self.joins, events.joins), (self.seconds, events.seconds), (self.weights, events.weights))
        )
        popularity = np.bincount(events.items, minlength=events.n_items)
        popularity[: self.n_items] += self.popularity
        return Counts(indptr, history, transitions, popularity, arrivals, clock, joins, seconds, weights)

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

    def _rows(self, events: Events, window: int) -> Rows:
        """Return events behind what they may follow."""
        users = np.unique(events.users)
        lengths = self._context_lengths(users, window)
        context = self.newest(users, lengths)
        joins = None
        if events.joins is not None:
            known = np.zeros(len(context), dtype=bool) if self.joins is None else self.joins[context]
            joins = np.r_[known, events.joins]
        users, items = np.r_[np.repeat(users, lengths), events.users], np.r_[self.history[context], events.items]
        weights = None if events.weights is None else np.r_[of_places(self.weights, context), events.weights]
        return Rows(users, items, len(context), joins, weights)

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

    def newest(self, users: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where the newest ``lengths`` events of each user stand in ``history``, oldest first."""
        _, ends = self.ranges(users)
        return ragged_ranges(ends - lengths, lengths)


def laid_out(length: int, *pieces: tuple[NDArray[np.int64], NDArray[Any] | None]) -> NDArray[Any] | None:
    """Return pieces of a column at their places, None if all of them are.

    Where a piece is None stands what an event is that nothing is said of: False, NaN, or the weight 1.
    """
    known = [piece for _, piece in pieces if piece is not None]
    if not known:
        return None
    column = np.full(length, {"b": False, "f": np.nan, "i": WEIGHT_UNIT}[known[0].dtype.kind])
    for places, piece in pieces:
        if piece is not None:
            column[places] = piece
    return column


def of_places(weights: NDArray[np.int64] | None, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the weights at some places, in units; 1 where there are none."""
    return np.full(len(places), WEIGHT_UNIT) if weights is None else weights[places]


def weight_sums(items: NDArray[np.int64], weights: NDArray[np.int64], n_items: int) -> NDArray[np.float64]:
    """Return what the events of each item weigh together, given their weights in units."""
    return np.bincount(items, weights / WEIGHT_UNIT, minlength=n_items)


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
