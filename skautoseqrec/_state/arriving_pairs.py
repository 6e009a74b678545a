"""Counts of pairs of items while a log is replayed: what each of its events sees of them."""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._counts.counts import Counts
from .._counts.events import Events
from .._counts.pairs import find_pairs
from .._data.weights import WEIGHT_UNIT
from .._utils.ragged import SparseEntries, ragged_ranges, stable_order
from .neighbours import DensePairs, Neighbourhood, SparsePairs, add_rows, weighted_by_rarity


class ArrivingPairs:
    """Counts of pairs that the events of a log are added to, block by block.

    Parameters
    ----------
    known : DensePairs or SparsePairs
        The counts before the log; they are not changed.
    counts : Counts
        What is known before the log.
    events : Events
        The log in time order.
    window : int
        Most steps between the items of a pair.
    """

    def __init__(self, known: DensePairs | SparsePairs, counts: Counts, events: Events, window: int) -> None:
        self._known, self._items, self._n_items = known.copy(events.n_items), events.items, events.n_items
        self._weights = events.weights
        #: What the events of each item weigh together, as of the events that were added.
        self._mass = np.zeros(events.n_items, dtype=np.int64 if events.weights is None else np.float64)
        self._mass[: counts.n_items] = counts.mass
        self._n_added = 0
        self._pairs = find_pairs(events, counts, window)
        values = self._pairs.weight / (1 if events.weights is None else WEIGHT_UNIT)
        self._values = values.astype(np.float32)
        self._of_event = np.searchsorted(self._pairs.event, np.arange(len(events.items) + 1))

    def see(self, entries: SparseEntries, n_added: int, visible: NDArray[np.int64]) -> Neighbourhood:
        """Return what some queries see.

        Parameters
        ----------
        entries : SparseEntries
            Weighted items, one row per query.
        n_added : int
            How many events all queries see; not decreasing.
        visible : ndarray of shape (n_rows,)
            How many events each query sees; at least ``n_added``.
        """
        self._add_events(n_added)
        recent = slice(n_added, max(n_added, int(visible.max(initial=0))))
        seen = SeenMass.of(self._items[recent], None if self._weights is None else self._weights[recent])
        n_seen, visible = visible - n_added, np.repeat(visible, entries.lengths)
        mass = self._mass[entries.items] + seen.of_items(entries.items, visible - n_added)
        entries = weighted_by_rarity(entries, mass)
        sums = self._known.sums(entries, self._n_items)
        completed = self._completed_by(recent) if isinstance(self._known, DensePairs) else self._completed
        add_rows(sums, entries.combine(completed.before(entries.items, visible)))
        return Neighbourhood(sums, self._mass, seen.items, self._mass[seen.items] + seen.mass[n_seen])

    def _add_events(self, stop: int) -> None:
        """Add the events before ``stop`` that were not added yet."""
        start, self._n_added = self._n_added, stop
        added_weights = 1 if self._weights is None else self._weights[start:stop] / WEIGHT_UNIT
        np.add.at(self._mass, self._items[start:stop], added_weights)
        if isinstance(self._known, DensePairs):
            added = slice(self._of_event[start], self._of_event[stop])
            self._known.add(self._pairs.source[added], self._pairs.target[added], self._values[added])

    @cached_property
    def _completed(self) -> CompletedPairs:
        return self._completed_by(slice(0, len(self._items)))

    def _completed_by(self, events: slice) -> CompletedPairs:
        """Return the pairs that some events completed."""
        part = slice(self._of_event[events.start], self._of_event[events.stop])
        source, target, event = (column[part] for column in (self._pairs.source, self._pairs.target, self._pairs.event))
        return CompletedPairs.of(source, target, event, self._values[part], len(self._items) + 1)


class CompletedPairs(NamedTuple):
    """Pairs of items by the item that is asked for, then by the event that completed them.

    Parameters
    ----------
    keys : ndarray of shape (n_pairs,)
        ``item * step + event``, rising; each pair stands twice, once for each of its items.
    step : int
        More than there are events.
    others : ndarray of shape (n_pairs,)
        The other item.
    values : ndarray of shape (n_pairs,), float32
        What the pair counts.
    """

    keys: NDArray[np.int64]
    step: int
    others: NDArray[np.int64]
    values: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        source: NDArray[np.int64],
        target: NDArray[np.int64],
        event: NDArray[np.int64],
        values: NDArray[np.float32],
        step: int,
    ) -> CompletedPairs:
        """Return pairs as they are asked for."""
        keys = np.r_[source, target] * step + np.r_[event, event]
        order = stable_order(keys)
        return cls(keys[order], step, np.r_[target, source][order], np.r_[values, values][order])

    def before(self, items: NDArray[np.integer], visible: NDArray[np.int64]) -> SparseEntries:
        """Return the pairs of each item that the events before ``visible`` completed, one row for each."""
        starts = np.searchsorted(self.keys, items * self.step)
        lengths = np.searchsorted(self.keys, items * self.step + visible) - starts
        places = ragged_ranges(starts, lengths)
        return SparseEntries(lengths, self.others[places], self.values[places])


class SeenMass(NamedTuple):
    """What the first of some recent events weigh together, by item.

    Parameters
    ----------
    items : ndarray of shape (n_items,)
        Items of the events, each once, rising.
    mass : ndarray of shape (n_events + 1, n_items)
        What those of each item weigh among the first 0, 1, ... events; their number if all count 1.
    """

    items: NDArray[np.int64]
    mass: NDArray[Any]

    @classmethod
    def of(cls, items: NDArray[np.int64], weights: NDArray[np.int64] | None) -> SeenMass:
        """Return it for events, given what each counts in units; None if all count 1."""
        different, places = np.unique(items, return_inverse=True)
        mass = np.zeros((len(items) + 1, len(different)), dtype=np.int64)
        mass[np.arange(1, len(mass)), places] = 1 if weights is None else weights
        np.cumsum(mass, 0, out=mass)
        return cls(different, mass if weights is None else mass / WEIGHT_UNIT)

    def of_items(self, items: NDArray[np.integer], n_seen: NDArray[np.int64]) -> NDArray[Any]:
        """Return what the first ``n_seen`` events of each of some items weigh together."""
        if not len(self.items):
            return np.zeros(len(items), dtype=self.mass.dtype)
        places = np.minimum(np.searchsorted(self.items, items), len(self.items) - 1)
        return np.where(self.items[places] == items, self.mass[n_seen, places], 0)
