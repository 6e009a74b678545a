"""The events since the base, append-only, so that readers need no lock."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._counts.counts import Counts
from .._counts.settings import SequenceSettings
from .._counts.transitions import HistoryRows, Rows, Transitions, find_unordered_transitions
from .._counts.weighing import of_places
from .._data.weights import WEIGHT_UNIT
from .._utils.ragged import GrowableArray, distinct, ragged_ranges
from .additions import Additions
from .joining import Join
from .postings import Postings
from .runs import WITHOUT_WEIGHTS, Kept, Run
from .tail import Tail

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
    kept : Kept, default=WITHOUT_WEIGHTS
        What is kept of the events.
    """

    def __init__(self, counts: Counts, settings: SequenceSettings, kept: Kept = WITHOUT_WEIGHTS) -> None:
        self._counts, self.settings = counts, settings
        self._step_weights = settings.step_weights
        self._units = self._step_weights.tolist()
        self._item_of_event, self._second_of_event = GrowableArray(np.zeros(0, int)), GrowableArray(np.zeros(0))
        self._joins = GrowableArray(np.zeros(0, dtype=bool))
        # What each event counts, in units; None where all count 1.
        self._weight_of_event = GrowableArray(np.zeros(0, int)) if kept.weights else None
        self._events_of_user = Postings()
        #: What the events completed, published or not. The first of them are what a snapshot holds.
        self.additions = Additions((), Tail(kept))
        self._join: Join | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: not a join that is under way, which begins anew."""
        return vars(self) | {"_join": None}

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
        known = self.additions
        if len(users) >= FEWEST_AT_ONCE:
            self._add_at_once(users, items, joins, seconds, weights)
        else:
            each = repeat(WEIGHT_UNIT, len(users)) if weights is None else weights.tolist()
            for row in zip(users.tolist(), items.tolist(), joins.tolist(), seconds.tolist(), each, strict=True):
                self.add_event(*row)
            self.additions = known.settled()
            if self.additions is not known:
                self._events_of_user.settle()
        if self._join is not None:
            self._join_on(self._join, len(users))
        elif self.additions is not known and (crowded := self.additions.crowded()):
            self._join = Join(crowded, len(users))

    def _join_on(self, join: Join, n_added: int) -> None:
        """Take those steps of a join that are due after so many more events."""
        if (joined := join.advance(n_added)) is not None:
            self.additions, self._join = self.additions.with_joined(join.runs, joined), None

    def add_event(self, user: int, item: int, joins: bool, second: float, weight: int = WEIGHT_UNIT) -> None:
        """Append one event."""
        sources, units, near, near_weights = self._before(user, joins)
        if self._weight_of_event is None:
            near = [other for other in near if other != item]
        else:
            units = [round(unit * weight / WEIGHT_UNIT) for unit in units]
            sources, units = [of for of, unit in zip(sources, units, strict=True) if unit], [*filter(None, units)]
            pairs = [(other, min(of, weight)) for other, of in zip(near, near_weights, strict=True) if other != item]
            near = [other for other, smaller in pairs if smaller]
            near_weights = [smaller for _, smaller in pairs if smaller]
        self.additions.tail.add_event(item, sources, units, near, near_weights)
        self._events_of_user.append(user, len(self))
        if self._weight_of_event is not None:
            self._weight_of_event.append(weight)
        self._second_of_event.append(second)
        self._joins.append(joins)
        self._item_of_event.append(item)

    def after_merge(self, counts: Counts, users: NDArray[np.int64], n_merged: int) -> Overlay:
        """Return the events behind the first ones, which counts hold now.

        Parameters
        ----------
        counts : Counts
            The counts.
        users : ndarray of shape (n_left,)
            The users of the events behind them.
        n_merged : int
            How many events the counts hold now.
        """
        rest = Overlay(counts, self.settings, self.additions.tail.kept)
        left = slice(n_merged, None)
        items, joins, seconds = self._item_of_event.view()[left], self._joins.view()[left], self._second_of_event.view()
        rest._append(users, items, joins, seconds[left], self.weights(left))
        rest.additions = self.additions.merged()
        return rest

    def histories(
        self, users: NDArray[np.int64], n_events: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return what the first ``n_events`` events added to users' histories: lengths, events, their items."""
        lengths, events = self._events_of_user.rows(users, n_events)
        return lengths, events, self.item_of_event(n_events)[events]

    def events_of(self, user: int, n_events: int) -> NDArray[np.int64]:
        """Return which of the first ``n_events`` events are of one user."""
        return self._events_of_user.places_of(user, n_events)

    def joins(self, events: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which of some events join the moment of their user's event before."""
        return self._joins.view()[events]

    def seconds(self, events: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the times of some events, NaN where there is none."""
        return self._second_of_event.view()[events]

    def weights(self, events: NDArray[np.int64] | slice) -> NDArray[np.int64] | None:
        """Return what some events count, in units; None where all count 1."""
        return None if self._weight_of_event is None else self._weight_of_event.view()[events]

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
        rows = self._rows(users, items, joins, weights)
        into = find_unordered_transitions(rows, self._step_weights)
        near = find_unordered_transitions(rows, np.ones(self.settings.neighbour_window, dtype=np.int64), within=True)
        is_pair = near.source != near.target
        near = Transitions(*(column[is_pair] for column in near))
        if self.additions.are_few(len(users)):
            self.additions.tail.extend(items, into.sort_by_event(), near.sort_by_event())
        else:  # sums do not ask for an order
            self.additions = self.additions.with_run(Run.of(len(items), into, near, self.additions.tail.kept))
        self._append(users, items, joins, seconds, weights)

    def _append(
        self,
        users: NDArray[np.int64],
        items: NDArray[np.int64],
        joins: NDArray[np.bool_],
        seconds: NDArray[np.float64],
        weights: NDArray[np.int64] | None,
    ) -> None:
        """Append many events without what they completed."""
        self._events_of_user.extend(users, len(self) + np.arange(len(users)))
        if self._weight_of_event is not None and weights is not None:
            self._weight_of_event.extend(weights)
        self._second_of_event.extend(seconds)
        self._joins.extend(joins)
        self._item_of_event.extend(items)

    def _rows(
        self,
        users: NDArray[np.int64],
        items: NDArray[np.int64],
        joins: NDArray[np.bool_],
        weights: NDArray[np.int64] | None,
    ) -> HistoryRows:
        """Return new events behind what they may follow."""
        known = distinct(users)
        starts, ends = self._counts.ranges(known)
        if self.settings.by_moment:
            n_added, events = self._events_of_user.rows(known, len(self))
        else:  # a window is so many items
            window = max(len(self._units), self.settings.neighbour_window)
            n_added, events = self._events_of_user.newest_rows(known, window)
            starts = np.maximum(starts, ends - window + n_added)
        n_old = ends - starts
        places = ragged_ranges(starts, n_old)
        users = np.concatenate([known.repeat(n_old), known.repeat(n_added), users])
        items = np.concatenate([self._counts.history[places], self._item_of_event.view()[events], items])
        joined = None
        if self.settings.by_moment:
            old = np.zeros(len(places), dtype=bool) if self._counts.joins is None else self._counts.joins[places]
            joined = np.concatenate([old, self.joins(events), joins])
        if weights is not None:
            known_weights = of_places(self._counts.weights, places)
            weights = np.concatenate([known_weights, of_places(self.weights(slice(None)), events), weights])
        return Rows(users, items, len(places) + len(events), joined, weights).by_user()
