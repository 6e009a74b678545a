"""The events since the base, append-only, so that readers need no lock."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._counts.counts import Counts
from .._counts.settings import SequenceSettings
from .._counts.transitions import TRANSITION_UNIT, Rows, find_all_transitions
from .._counts.weighing import of_places
from .._data.weights import WEIGHT_UNIT
from .._utils.ragged import GrowableArray, SparseEntries, ragged_ranges
from .postings import Postings

#: From so many events on they are added all at once, at the price of some sorts, rather than one by one.
FEWEST_AT_ONCE = 48


class Followed(NamedTuple):
    """What a new event comes after, newest first.

    Parameters
    ----------
    sources : list of int
        The items that transitions lead from.
    units : list of int
        What each of these transitions weighs.
    near : list of int
        The items that stand near before it, which may be of its own moment.
    near_weights : list of int
        What the events of these count, in units; empty where all count 1.
    """

    sources: list[int]
    units: list[int]
    near: list[int]
    near_weights: list[int]


class Overlay:
    """The events since the base, and what each of them came after.

    A reader passes the number of events it may see; later ones are appended behind its back without harm.

    Parameters
    ----------
    counts : Counts
        What the events are added to.
    settings : SequenceSettings
        How time enters the counts.
    has_weights : bool, default=False
        Whether events may count something else than 1.
    """

    def __init__(self, counts: Counts, settings: SequenceSettings, has_weights: bool = False) -> None:
        self._counts, self.settings = counts, settings
        self._step_weights = settings.step_weights
        self._units = self._step_weights.tolist()
        none = np.zeros(0, dtype=np.int64)
        self._item_of_event, self._second_of_event = GrowableArray(none), GrowableArray(np.zeros(0))
        self._joins = GrowableArray(np.zeros(0, dtype=bool))
        # Transitions and near items in the order of their events, and where those of each event begin and end.
        self._sources, self._weights, self._bounds = GrowableArray(none), GrowableArray(none), GrowableArray([0])
        self._near, self._near_bounds = GrowableArray(none), GrowableArray([0])
        # What each event counts, and each pair of it with a near item, in units; None where all count 1.
        self._weight_of_event, self._near_weights = (GrowableArray(none) if has_weights else None for _ in range(2))
        self._events_of_user, self._events_of_item = Postings(), Postings()
        self._transitions_from = Postings()  # item -> its transitions
        self._followers = Postings()  # item -> where it is a near item

    def __len__(self) -> int:
        """Return the number of events, published or not."""
        return len(self._item_of_event)

    def add_events(
        self,
        users: NDArray[np.int64],
        items: NDArray[np.int64],
        joins: NDArray[np.bool_],
        seconds: NDArray[np.float64],
        weights: NDArray[np.int64] | None = None,
    ) -> None:
        """Append events in order, each of which may join the moment of its user's event before.

        One costs O(window), whatever else is known; with moments, the window holds whole ones.
        """
        if len(users) >= FEWEST_AT_ONCE:
            self._add_at_once(users, items, joins, seconds, weights)
            return
        each = repeat(WEIGHT_UNIT, len(users)) if weights is None else weights.tolist()
        for row in zip(users.tolist(), items.tolist(), joins.tolist(), seconds.tolist(), each, strict=True):
            self.add_event(*row)

    def add_event(self, user: int, item: int, joins: bool, second: float, weight: int = WEIGHT_UNIT) -> None:
        """Append one event."""
        sources, units, near, near_weights = self._before(user, joins)
        if self._weight_of_event is not None:
            units = [round(unit * weight / WEIGHT_UNIT) for unit in units]
            sources, units = [of for of, unit in zip(sources, units, strict=True) if unit], [*filter(None, units)]
        for place, source in enumerate(sources, start=len(self._sources)):
            self._transitions_from.append(source, place)
        self._sources.extend_by_list(sources)
        self._weights.extend_by_list(units)
        self._bounds.append(len(self._sources))
        if self._near_weights is None:
            near = [other for other in near if other != item]
        else:
            pairs = [(other, min(of, weight)) for other, of in zip(near, near_weights, strict=True) if other != item]
            near = [other for other, smaller in pairs if smaller]
            self._near_weights.extend_by_list([smaller for _, smaller in pairs if smaller])
        for place, other in enumerate(near, start=len(self._near)):
            self._followers.append(other, place)
        self._near.extend_by_list(near)
        self._near_bounds.append(len(self._near))
        event = len(self)
        self._events_of_user.append(user, event)
        self._events_of_item.append(item, event)
        if self._weight_of_event is not None:
            self._weight_of_event.append(weight)
        self._second_of_event.append(second)
        self._joins.append(joins)
        self._item_of_event.append(item)

    def histories(
        self, users: NDArray[np.int64], n_events: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return what the first ``n_events`` events added to users' histories: lengths, events, their items."""
        lengths, events = self._events_of_user.rows(users, n_events)
        return lengths, events, self.item_of_event(n_events)[events]

    def joins(self, events: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which of some events join the moment of their user's event before."""
        return self._joins.view()[events]

    def seconds(self, events: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the times of some events, NaN where there is none."""
        return self._second_of_event.view()[events]

    def weights(self, events: NDArray[np.int64] | slice) -> NDArray[np.int64] | None:
        """Return what some events count, in units; None where all count 1."""
        return None if self._weight_of_event is None else self._weight_of_event.view()[events]

    def transitions_from(self, items: NDArray[np.integer], n_events: int) -> SparseEntries:
        """Return the transitions that the first ``n_events`` events added from some items, one row for each."""
        bounds = self._bounds.view(n_events + 1)
        lengths, places = self._transitions_from.rows(items, int(bounds[-1]))
        targets = self._item_of_event.view()[np.searchsorted(bounds, places, side="right") - 1]
        values = self._weights.view()[places].astype(np.float32) / np.float32(TRANSITION_UNIT)
        return SparseEntries(lengths, targets, values)

    def transitions_into(self, items: NDArray[np.int64], n_events: int) -> SparseEntries:
        """Return the transitions that the first ``n_events`` events added into some items, one row each, in units.

        The values are whole numbers; an item that transitions lead from stands as often as they do.
        """
        n_own, events = self._events_of_item.rows(items, n_events)
        bounds = self._bounds.view(n_events + 1)
        lengths = bounds[events + 1] - bounds[events]
        places = ragged_ranges(bounds[events], lengths)
        rows = np.repeat(np.repeat(np.arange(len(items)), n_own), lengths)
        weights = self._weights.view()[places]
        return SparseEntries(np.bincount(rows, minlength=len(items)), self._sources.view()[places], weights)

    def pairs_with(self, items: NDArray[np.integer], n_events: int) -> Iterator[SparseEntries]:
        """Yield the pairs that the first ``n_events`` events completed with some items, one row for each.

        First those with an item that came later, then those with one that came before.
        """
        asked, rows = np.unique(items, return_inverse=True)
        bounds = self._near_bounds.view(n_events + 1)
        lengths, places = self._followers.rows(asked, int(bounds[-1]))
        events = np.searchsorted(bounds, places, side="right") - 1
        yield self._pairs(lengths, self._item_of_event.view()[events], places).rows(rows)
        lengths, events = self._events_of_item.rows(asked, n_events)
        near = SparseEntries(bounds[events + 1] - bounds[events], events, np.zeros(0, dtype=np.float32))
        places = ragged_ranges(bounds[events], near.lengths)
        ends = np.r_[0, np.cumsum(lengths)]
        yield self._pairs(np.diff(near.bounds[ends]), self._near.view()[places], places).rows(rows)

    def _pairs(self, lengths: NDArray[np.int64], items: NDArray[np.int64], places: NDArray[np.int64]) -> SparseEntries:
        """Return what pairs count, given their items and where their near items stand."""
        if self._near_weights is None:
            return SparseEntries(lengths, items, np.ones(len(items), dtype=np.float32))
        return SparseEntries(lengths, items, (self._near_weights.view()[places] / WEIGHT_UNIT).astype(np.float32))

    def item_of_event(self, n_events: int) -> NDArray[np.int64]:
        """Return the item of each of the first ``n_events`` events."""
        return self._item_of_event.view(n_events)

    def _before(self, user: int, joins: bool) -> Followed:
        """Return what a new event comes after."""
        n_steps, n_near = len(self._units), self.settings.neighbour_window
        if not self.settings.by_moment:
            newest = self._previous(user, max(n_steps, n_near), self._item_of_event, self._counts.history)
            sources, near_weights = newest[:n_steps], []
            if self._weight_of_event is not None:
                known = self._counts.history[:0] if self._counts.weights is None else self._counts.weights
                near_weights = self._previous(user, n_near, self._weight_of_event, known)
            return Followed(sources, self._units[: len(sources)], newest[:n_near], near_weights)
        sources, units, near, near_weights = [], [], [], []
        step, n_between, n_in_moment = (-1 if joins else 0), 0, 0
        for item, joined, weight in self._newest_first(user):
            if step >= 0:
                n_in_moment += 1
                if n_between < n_steps:
                    sources.append(item)
                    units.append(self._units[step])
            if n_between < n_near:
                near.append(item)
                near_weights.append(weight)
            if not joined:  # a moment begins here, and an older one comes next
                step, n_between, n_in_moment = step + 1, n_between + n_in_moment, 0
                if n_between >= max(n_steps, n_near):
                    break
        return Followed(sources, units, near, near_weights)

    def _previous(self, user: int, window: int, added: GrowableArray, known: NDArray[np.int64]) -> list[int]:
        """Return what columns say of so many of the user's last events, newest first: of the added ones, and before."""
        events = self._events_of_user.newest(user, window)
        recent: list[int] = added.view()[events].tolist() if events else []
        if len(recent) < window and user < self._counts.n_users:
            start, end = self._counts.indptr[user : user + 2].tolist()
            recent = [*known[max(start, end - window + len(recent)) : end].tolist(), *recent]
        recent.reverse()
        return recent

    def _newest_first(self, user: int) -> Iterator[tuple[int, bool, int]]:
        """Yield all of a user's items, newest first, whether each joins the moment of the one before, and weights."""
        events = np.array(self._events_of_user.newest(user, len(self)), dtype=np.int64)[::-1]
        weights = of_places(self.weights(slice(None)), events).tolist()
        items, joins = self._item_of_event.view()[events].tolist(), self._joins.view()[events].tolist()
        yield from zip(items, joins, weights, strict=True)
        counts = self._counts
        if user < counts.n_users and counts.joins is not None:
            start, end = counts.indptr[user : user + 2].tolist()
            for place in range(end - 1, start - 1, -1):
                weight = WEIGHT_UNIT if counts.weights is None else int(counts.weights[place])
                yield int(counts.history[place]), bool(counts.joins[place]), weight

    def _add_at_once(
        self,
        users: NDArray[np.int64],
        items: NDArray[np.int64],
        joins: NDArray[np.bool_],
        seconds: NDArray[np.float64],
        weights: NDArray[np.int64] | None,
    ) -> None:
        """Append events that are looked up and sorted together."""
        events = len(self) + np.arange(len(users))
        rows = self._rows(users, items, joins, weights)
        into = find_all_transitions(rows, self._step_weights)
        near = find_all_transitions(rows, np.ones(self.settings.neighbour_window, dtype=np.int64), within=True)
        is_pair = near.source != near.target
        self._transitions_from.extend(into.source, len(self._sources) + np.arange(len(into.source)))
        self._bounds.extend(len(self._sources) + np.searchsorted(into.event, np.arange(len(users)), side="right"))
        self._sources.extend(into.source)
        self._weights.extend(into.weight)
        event, other = near.event[is_pair], near.source[is_pair]
        self._followers.extend(other, len(self._near) + np.arange(len(other)))
        if self._weight_of_event is not None and self._near_weights is not None and weights is not None:
            self._near_weights.extend(near.weight[is_pair])
            self._weight_of_event.extend(weights)
        self._near_bounds.extend(len(self._near) + np.searchsorted(event, np.arange(len(users)), side="right"))
        self._near.extend(other)
        self._events_of_user.extend(users, events)
        self._events_of_item.extend(items, events)
        self._second_of_event.extend(seconds)
        self._joins.extend(joins)
        self._item_of_event.extend(items)

    def _rows(
        self,
        users: NDArray[np.int64],
        items: NDArray[np.int64],
        joins: NDArray[np.bool_],
        weights: NDArray[np.int64] | None,
    ) -> Rows:
        """Return new events behind what they may follow."""
        known = np.unique(users)
        starts, ends = self._counts.ranges(known)
        if not self.settings.by_moment:  # a window is so many items
            starts = np.maximum(starts, ends - max(len(self._units), self.settings.neighbour_window))
        n_old = ends - starts
        n_added, events, added = self.histories(known, len(self))
        places = ragged_ranges(starts, n_old)
        before = np.r_[np.repeat(known, n_old), np.repeat(known, n_added)]
        context = np.r_[self._counts.history[places], added]
        joined = None
        if self.settings.by_moment:
            old = np.zeros(len(places), dtype=bool) if self._counts.joins is None else self._counts.joins[places]
            joined = np.r_[old, self.joins(events), joins]
        if weights is not None:
            known_weights = of_places(self._counts.weights, places)
            weights = np.r_[known_weights, of_places(self.weights(slice(None)), events), weights]
        return Rows(np.r_[before, users], np.r_[context, items], len(context), joined, weights)
