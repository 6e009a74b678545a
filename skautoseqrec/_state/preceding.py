"""What new events come after: the newest ones of their users, some in the base, some that arrived since."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .._counts.counts import Counts
from .._counts.events import Events
from .._counts.settings import SequenceSettings
from .._counts.transitions import HistoryRows, Rows
from .._counts.weighing import filled, of_places
from .._data.weights import WEIGHT_UNIT
from .._utils.ragged import distinct, ragged_ranges
from .arrived import ArrivedEvents


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


class Preceding:
    """The events that new ones come after, published or not: for the writer.

    Parameters
    ----------
    counts : Counts
        What is known of the events of the base.
    arrived : ArrivedEvents
        The events since.
    settings : SequenceSettings
        How time enters the counts.
    """

    def __init__(self, counts: Counts, arrived: ArrivedEvents, settings: SequenceSettings) -> None:
        self._counts, self._arrived, self._settings = counts, arrived, settings
        self._units = settings.step_weights.tolist()
        self._window = max(len(self._units), settings.neighbour_window)

    def of_event(self, user: int, joins: bool) -> Followed:
        """Return what a new event of a user comes after, which may join the moment of the one before."""
        return self._of_event_in_moment(user, joins) if self._settings.by_moment else self._of_event(user)

    def with_events(self, events: Events) -> HistoryRows:
        """Return new events behind what they may follow."""
        counts, arrived, by_moment = self._counts, self._arrived, self._settings.by_moment
        known = distinct(events.users)
        starts, ends = counts.ranges(known)
        if by_moment:
            n_added, added = arrived.of_users(known, len(arrived))
        else:  # a window is so many items
            n_added, added = arrived.newest_of_users(known, self._window)
            starts = np.maximum(starts, ends - self._window + n_added)
        n_old = ends - starts
        places = ragged_ranges(starts, n_old)
        users = np.concatenate([known.repeat(n_old), known.repeat(n_added), events.users])
        items = np.concatenate([counts.history[places], arrived.items_at(added), events.items])
        joined, weights = None, events.weights
        if by_moment:
            old = np.zeros(len(places), dtype=bool) if counts.joins is None else counts.joins[places]
            joined = np.concatenate([old, arrived.joins_at(added), filled(events.joins, "b", len(events.items))])
        if weights is not None:
            before = of_places(counts.weights, places), filled(arrived.weights_at(added), "i", len(added))
            weights = np.concatenate([*before, weights])
        return Rows(users, items, len(places) + len(added), joined, weights).by_user()

    def _of_event(self, user: int) -> Followed:
        """Return what a new event comes after where each is one by itself."""
        counts, arrived, window = self._counts, self._arrived, self._window
        n_steps, n_near = len(self._units), self._settings.neighbour_window
        events = arrived.newest_of_user(user, window)
        start, end = counts.range_of(user)
        before = slice(max(start, end - window + len(events)), end)
        newest = counts.history[before].tolist()
        if events:
            newest += arrived.items_at(events).tolist()
        newest.reverse()
        weights: list[int] = []
        if (added := arrived.weights_at(events)) is not None:
            known = of_places(counts.weights, np.arange(before.start, before.stop))
            weights = [*known.tolist(), *added.tolist()][::-1]
        return Followed(newest[:n_steps], self._units[: len(newest)], newest[:n_near], weights[:n_near])

    def _of_event_in_moment(self, user: int, joins: bool) -> Followed:
        """Return what a new event comes after where events of one time are a moment."""
        n_steps, n_near = len(self._units), self._settings.neighbour_window
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
                if n_between >= self._window:
                    break
        return Followed(sources, units, near, near_weights)

    def _newest_first(self, user: int) -> Iterator[tuple[int, bool, int]]:
        """Yield all of a user's items, newest first, whether each joins the moment of the one before, and weights."""
        arrived, counts = self._arrived, self._counts
        events = np.array(arrived.newest_of_user(user, len(arrived)), dtype=np.int64)[::-1]
        weights = filled(arrived.weights_at(events), "i", len(events)).tolist()
        yield from zip(arrived.items_at(events).tolist(), arrived.joins_at(events).tolist(), weights, strict=True)
        if counts.joins is not None:
            start, end = counts.range_of(user)
            for place in range(end - 1, start - 1, -1):
                weight = WEIGHT_UNIT if counts.weights is None else int(counts.weights[place])
                yield int(counts.history[place]), bool(counts.joins[place]), weight
