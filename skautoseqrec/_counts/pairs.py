"""Which items stand near each other in a history, counted both ways."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .._data.weights import WEIGHT_UNIT
from .._utils.sparse import resized, sum_entries
from .counts import Counts
from .events import Events
from .moments import Steps, find_steps, slices_of_steps
from .transitions import Transitions

#: Up to so many pairs of items are counted in an array (64 MiB); beyond, only those that there are.
MOST_PLACES = 2**24


@dataclass(frozen=True)
class PairCounts:
    """Counts C of pairs of different items that stand near each other in a history.

    Parameters
    ----------
    together : ndarray or csr_matrix of shape (n_items, n_items), int32, or int64 where events have weights
        How often an event of one item had the other one at most ``window`` steps before it, or in its own moment, both
        ways: symmetric, and zero on the diagonal. Where events have weights, the smaller one of each pair, added up.
    window : int
        Most steps between the items of a pair.
    unit : int, default=1
        What a pair counts whose events count 1: 1024 where events have weights.
    """

    together: NDArray[Any] | sparse.csr_matrix
    window: int
    unit: int = 1

    @classmethod
    def of(cls, counts: Counts, window: int) -> PairCounts:
        """Count the pairs of some histories."""
        n_items = counts.n_items
        is_dense = n_items**2 <= MOST_PLACES
        shape = n_items, n_items
        unit, dtype = (1, np.int32) if counts.weights is None else (WEIGHT_UNIT, np.int64)
        summed: Any = np.zeros(n_items**2, dtype) if is_dense else sparse.csr_matrix(shape, dtype=dtype)
        histories = np.repeat(counts.indptr[:-1], np.diff(counts.indptr))
        places = np.arange(len(counts.history))
        for rows in slices_of_steps(places, histories, counts.moments, window, within=True):
            steps = find_steps(places[rows], histories[rows], counts.moments, window, within=True)
            sources, targets = counts.history[steps.earlier], counts.history[steps.later]
            is_pair = sources != targets
            sources, targets = sources[is_pair], targets[is_pair]
            values = None if counts.weights is None else _smaller(steps, counts.weights)[is_pair]
            if is_dense:
                summed += np.bincount(sources * n_items + targets, values, minlength=n_items**2).astype(dtype)
            else:
                ones = np.ones(len(sources), dtype) if values is None else values
                summed = summed + sum_entries(sources, targets, ones, shape)
        return cls(_both_ways(summed.reshape(shape) if is_dense else summed), window, unit)

    def add_events(self, events: Events, before: Counts) -> PairCounts:
        """Return the counts with more events, given what was known before them."""
        added, together = find_pairs(events, before, self.window), self._grown(events.n_items)
        values = added.weight.astype(together.dtype)
        if isinstance(together, np.ndarray):
            for sources, targets in ((added.source, added.target), (added.target, added.source)):
                np.add.at(together, (sources, targets), values)
            return replace(self, together=together)
        shape = (events.n_items, events.n_items)
        return replace(self, together=together + _both_ways(sum_entries(added.source, added.target, values, shape)))

    def stays_an_array(self, n_items: int) -> bool:
        """Tell whether the counts of so many items are kept in an array, if they are now."""
        return isinstance(self.together, np.ndarray) and n_items**2 <= MOST_PLACES

    def _grown(self, n_items: int) -> NDArray[Any] | sparse.csr_matrix:
        """Return a copy with more items; an array that gets too large becomes sparse."""
        if not isinstance(self.together, np.ndarray):
            return resized(self.together, n_items)
        if not self.stays_an_array(n_items):
            return resized(sparse.csr_matrix(self.together), n_items)
        n_known, grown = len(self.together), np.zeros((n_items, n_items), dtype=self.together.dtype)
        grown[:n_known, :n_known] = self.together
        return grown


def find_pairs(events: Events, before: Counts, window: int) -> Transitions:
    """Return the pairs of different items that events complete, those of one moment too, in order of the events.

    Where events have weights, those of the pairs are in units; otherwise each counts 1.
    """
    found = before.find_new_transitions(events, np.ones(window, dtype=np.int64), within=True)
    is_pair = found.source != found.target
    return Transitions(*(column[is_pair] for column in found))


def _smaller(steps: Steps, weights: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the smaller weight of both events of each step."""
    return np.minimum(weights[steps.later], weights[steps.earlier])


def _both_ways(matrix: Any) -> NDArray[Any] | sparse.csr_matrix:
    summed = matrix + matrix.T
    return summed if isinstance(summed, np.ndarray) else summed.tocsr()
