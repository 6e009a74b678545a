"""Histories as ranges of one array, and what each is turned into: a decayed row, the newest items, the last items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._utils.ragged import SparseEntries, flat_places, ragged_ranges
from .settings import SequenceSettings


@dataclass(frozen=True)
class Histories:
    """Some histories as ranges of one array of items, each oldest first.

    Parameters
    ----------
    items : ndarray of int64
        Items that the ranges point into.
    starts, ends : ndarray of shape (n_rows,)
        Range of each history; empty for a user without events.
    """

    items: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of histories."""
        return len(self.starts)

    @classmethod
    def of_lengths(cls, items: NDArray[np.int64], lengths: NDArray[np.int64]) -> Histories:
        """Return histories that stand one after the other."""
        ends = np.cumsum(lengths)
        return cls(items, ends - lengths, ends)

    def rows(self, rows: slice | NDArray[np.integer]) -> Histories:
        """Return some of the histories."""
        return Histories(self.items, self.starts[rows], self.ends[rows])

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of events of each history."""
        return self.ends - self.starts

    def places(self, n_items: int) -> NDArray[np.int64]:
        """Return where every event stands in a flat array that has ``n_items`` places for each history."""
        lengths = self.lengths
        return flat_places(lengths, self.items[ragged_ranges(self.starts, lengths)], n_items)

    def decayed(self, settings: SequenceSettings) -> SparseEntries:
        """Return the user's rows: the k-th newest item weighs ``history_decay**(k - 1)``, repeats add up."""
        lengths = self.lengths
        if settings.history_length is not None:
            lengths = np.minimum(lengths, settings.history_length)
        return self._fading(lengths, settings.history_decay)

    def newest_items(self, length: int, nothing: int) -> NDArray[np.int64]:
        """Return the newest items of each history, newest first, as one row; ``nothing`` fills it up behind.

        Parameters
        ----------
        length : int
            How many at most.
        nothing : int
            What stands where there is no item.
        """
        lengths = np.minimum(self.lengths, length)
        ages = np.arange(lengths.max(initial=0))
        places = self.ends[:, None] - 1 - ages
        is_item = ages < lengths[:, None]
        if is_item.all():
            return self.items[places]
        items = np.full(places.shape, nothing)
        items[is_item] = self.items[places[is_item]]
        return items

    def context(self, settings: SequenceSettings) -> SparseEntries:
        """Return the last items that hops start from, the c-th of each row weighing ``context_decay**(c - 1)``."""
        return self._fading(np.minimum(self.lengths, settings.context_size), settings.context_decay)

    def recent(self, settings: SequenceSettings, length: int) -> SparseEntries:
        """Return the newest items of the users' rows, so many at most."""
        longest = length if settings.history_length is None else min(length, settings.history_length)
        return self._fading(np.minimum(self.lengths, longest), settings.history_decay)

    def neighbours(self, settings: SequenceSettings) -> SparseEntries:
        """Return the last items whose neighbours are scored, the k-th weighing ``neighbour_decay**(k - 1)``."""
        return self._fading(np.minimum(self.lengths, settings.neighbour_window), settings.neighbour_decay)

    def _fading(self, lengths: NDArray[np.int64], decay: float) -> SparseEntries:
        """Return so many of the newest items of each history, oldest first, fading by a decay."""
        places = ragged_ranges(self.ends - lengths, lengths)
        ages = np.repeat(self.ends - 1, lengths) - places
        weights = (decay ** np.arange(lengths.max(initial=0))).astype(np.float32)
        return SparseEntries(lengths, self.items[places], weights[ages])
