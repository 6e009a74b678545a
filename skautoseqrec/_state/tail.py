"""The newest events' transitions and pairs, each by itself: append-only, so that readers need no lock."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._counts.transitions import Transitions
from .._data.weights import WEIGHT_UNIT
from .._utils.ragged import GrowableArray, SparseEntries, ragged_ranges
from .postings import Postings
from .runs import Kept, Run


class Tail:
    """Transitions and pairs of some events, found by item.

    Parameters
    ----------
    kept : Kept
        What is kept of the events. With weights, what a pair counts is in units, and otherwise it is 1.
    """

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        none = np.zeros(0, dtype=np.int64)
        self._items = GrowableArray(none)
        # Transitions and near items in the order of their events, and where those of each event begin and end.
        self._sources, self._units, self._bounds = GrowableArray(none), GrowableArray(none), GrowableArray([0])
        self._near, self._near_bounds = GrowableArray(none), GrowableArray([0])
        self._near_units = GrowableArray(none) if kept.weights else None
        self._events_of_item = Postings()
        self._transitions_from = Postings()  # item -> its transitions
        self._followers = Postings()  # item -> where it is a near item

    def __len__(self) -> int:
        """Return the number of events, published or not."""
        return len(self._items)

    @property
    def unit_of_pairs(self) -> int:
        """What a pair of two events of weight 1 counts."""
        return 1 if self._near_units is None else WEIGHT_UNIT

    def add_event(self, item: int, sources: list[int], units: list[int], near: list[int], counted: list[int]) -> None:
        """Append what one event completed; ``counted`` says what the pairs count where events have weights."""
        for place, source in enumerate(sources, start=len(self._sources)):
            self._transitions_from.append(source, place)
        self._sources.extend_by_list(sources)
        self._units.extend_by_list(units)
        self._bounds.append(len(self._sources))
        if self._near_units is not None:
            self._near_units.extend_by_list(counted)
        for place, other in enumerate(near, start=len(self._near)):
            self._followers.append(other, place)
        self._near.extend_by_list(near)
        self._near_bounds.append(len(self._near))
        self._events_of_item.append(item, len(self))
        self._items.append(item)

    def extend(self, items: NDArray[np.int64], into: Transitions, near: Transitions) -> None:
        """Append what many events completed, given their items, and transitions and pairs in order of the events."""
        numbers = np.arange(1, len(items) + 1)
        self._transitions_from.extend(into.source, len(self._sources) + np.arange(len(into.source)))
        self._bounds.extend(len(self._sources) + np.searchsorted(into.event, numbers))
        self._sources.extend(into.source)
        self._units.extend(into.weight)
        self._followers.extend(near.source, len(self._near) + np.arange(len(near.source)))
        if self._near_units is not None:
            self._near_units.extend(near.weight)
        self._near_bounds.extend(len(self._near) + np.searchsorted(near.event, numbers))
        self._near.extend(near.source)
        self._events_of_item.extend(items, len(self) + np.arange(len(items)))
        self._items.extend(items)

    def summed(self) -> Run:
        """Return what all of it adds up to."""
        into = self._transitions(self._sources.view(), self._bounds.view(), self._units.view())
        near = self._near.view()
        near_units = np.ones(len(near), dtype=np.int64) if self._near_units is None else self._near_units.view()
        return Run.of(len(self), into, self._transitions(near, self._near_bounds.view(), near_units), self.kept)

    def _transitions(
        self, sources: NDArray[np.int64], bounds: NDArray[np.int64], weights: NDArray[np.int64]
    ) -> Transitions:
        """Return transitions or pairs, given where those of each event begin and end."""
        events = np.repeat(np.arange(len(self)), np.diff(bounds))
        return Transitions(events, sources, self._items.view()[events], weights)

    def transitions_from(self, items: NDArray[np.integer], n_events: int) -> SparseEntries:
        """Return the transitions that the first ``n_events`` events added from some items, one row each, in units."""
        bounds = self._bounds.view(n_events + 1)
        lengths, places = self._transitions_from.rows(items, int(bounds[-1]))
        targets = self._items.view()[bounds.searchsorted(places, side="right") - 1]
        return SparseEntries(lengths, targets, self._units.view()[places])

    def transitions_into(self, items: NDArray[np.integer], n_events: int) -> SparseEntries:
        """Return the transitions that the first ``n_events`` events added into some items, one row each, in units."""
        lengths, places = self._places_of(items, n_events, self._bounds)
        return SparseEntries(lengths, self._sources.view()[places], self._units.view()[places])

    def pairs_with(self, items: NDArray[np.integer], n_events: int) -> list[SparseEntries]:
        """Return the pairs that the first ``n_events`` events completed with some items, one row each, in units.

        First those with an item that came later, then those with one that came before.
        """
        bounds = self._near_bounds.view(n_events + 1)
        lengths, places = self._followers.rows(items, int(bounds[-1]))
        later = self._items.view()[bounds.searchsorted(places, side="right") - 1]
        n_own, own = self._places_of(items, n_events, self._near_bounds)
        return [
            SparseEntries(lengths, later, self._counted(places)),
            SparseEntries(n_own, self._near.view()[own], self._counted(own)),
        ]

    def _places_of(
        self, items: NDArray[np.integer], n_events: int, bounds: GrowableArray
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where stands what the events of some items completed: how much, and the places, row after row."""
        n_own, events = self._events_of_item.rows(items, n_events)
        all_bounds = bounds.view(n_events + 1)
        starts = all_bounds[events]
        counts = all_bounds[events + 1] - starts
        rows = np.arange(len(items)).repeat(n_own)
        lengths = np.bincount(rows, counts, len(items)).astype(np.int64)
        return lengths, ragged_ranges(starts, counts)

    def _counted(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what pairs count, given where their near items stand."""
        return np.ones(len(places), dtype=np.int64) if self._near_units is None else self._near_units.view()[places]
