"""Which items stand near each other in a history, counted both ways."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .._utils.sparse import resized, sum_entries
from .counts import Counts, Transitions
from .events import Events
from .moments import find_steps, slices_of_steps

#: Up to so many pairs of items are counted in an array (64 MiB); beyond, only those that there are.
MOST_PLACES = 2**24


@dataclass(frozen=True)
class PairCounts:
    """Counts C of pairs of different items that stand near each other in a history.

    Parameters
    ----------
    together : ndarray or csr_matrix of shape (n_items, n_items), int32
        How often an event of one item had the other one at most ``window`` steps before it, or in its own moment, both
        ways: symmetric, and zero on the diagonal.
    window : int
        Most steps between the items of a pair.
    """

    together: NDArray[np.int32] | sparse.csr_matrix
    window: int

    @classmethod
    def of(cls, counts: Counts, window: int) -> PairCounts:
        """Count the pairs of some histories."""
        n_items = counts.n_items
        is_dense = n_items**2 <= MOST_PLACES
        shape = n_items, n_items
        summed: Any = np.zeros(n_items**2, np.int32) if is_dense else sparse.csr_matrix(shape, dtype=np.int32)
        histories = np.repeat(counts.indptr[:-1], np.diff(counts.indptr))
        places = np.arange(len(counts.history))
        for rows in slices_of_steps(places, histories, counts.moments, window, within=True):
            steps = find_steps(places[rows], histories[rows], counts.moments, window, within=True)
            sources, targets = counts.history[steps.earlier], counts.history[steps.later]
            is_pair = sources != targets
            sources, targets = sources[is_pair], targets[is_pair]
            if is_dense:
                summed += np.bincount(sources * n_items + targets, minlength=n_items**2).astype(np.int32)
            else:
                summed = summed + sum_entries(sources, targets, np.ones(len(sources), np.int32), shape)
        return cls(_both_ways(summed.reshape(shape) if is_dense else summed), window)

    def add_events(self, events: Events, before: Counts) -> PairCounts:
        """Return the counts with more events, given what was known before them."""
        added, together = find_pairs(events, before, self.window), self._grown(events.n_items)
        ones = np.ones(len(added.event), dtype=np.int32)
        if isinstance(together, np.ndarray):
            for sources, targets in ((added.source, added.target), (added.target, added.source)):
                np.add.at(together, (sources, targets), ones)
            return replace(self, together=together)
        shape = (events.n_items, events.n_items)
        return replace(self, together=together + _both_ways(sum_entries(added.source, added.target, ones, shape)))

    def _grown(self, n_items: int) -> NDArray[np.int32] | sparse.csr_matrix:
        """Return a copy with more items; an array that gets too large becomes sparse."""
        if not isinstance(self.together, np.ndarray):
            return resized(self.together, n_items)
        if n_items**2 > MOST_PLACES:
            return resized(sparse.csr_matrix(self.together), n_items)
        n_known, grown = len(self.together), np.zeros((n_items, n_items), dtype=np.int32)
        grown[:n_known, :n_known] = self.together
        return grown


def find_pairs(events: Events, before: Counts, window: int) -> Transitions:
    """Return the pairs of different items that events complete, those of one moment too, in order of the events."""
    found = before.find_new_transitions(events, np.ones(window, dtype=np.int64), within=True)
    is_pair = found.source != found.target
    return Transitions(*(column[is_pair] for column in found))


def _both_ways(matrix: Any) -> NDArray[np.int32] | sparse.csr_matrix:
    summed = matrix + matrix.T
    return summed if isinstance(summed, np.ndarray) else summed.tocsr()
