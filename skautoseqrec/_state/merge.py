"""Merging an overlay into its base step by step, so that no update has to wait for all of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from .._counts.counts import GrowingHistories
from .._counts.events import Events
from .._counts.pairs import PairCounts
from .._counts.transitions import TRANSITION_UNIT
from .._network.heads import ItemVectors
from .._network.model import Model
from .base import Base, padded_levels
from .runs import PlaceSums, Run

#: A step copies or adds up about so many numbers.
STEP_SIZE = 2**16
#: Raising the levels of the trend by one event costs as much as so many of them: it takes logarithms.
COST_OF_LEVEL = 64
#: Adding an entry costs as much as copying so many: it is sorted first.
COST_OF_ADDED = 4


class Merge:
    """A base that is about to hold more events, and the steps that are left to it.

    It is the writer's own: readers keep the old base and the overlay until it is done.

    Parameters
    ----------
    base : Base
        What is known.
    events : Events
        The events of the overlay.
    runs : sequence of Run
        What they completed.
    model : Model
        The trained weights.
    """

    def __init__(self, base: Base, events: Events, runs: Sequence[Run], model: Model) -> None:
        self._base, self._events, self._runs, self._model = base, events, runs, model
        # The first steps make room and plan the others, in their order.
        plans = self._plan_histories, self._plan_transitions, self._plan_vectors, self._plan_pairs
        self._steps: deque[Callable[[], object]] = deque(plans)
        self._n_taken = 0

    @property
    def is_done(self) -> bool:
        """Whether no steps are left."""
        return not self._steps

    def advance_to(self, share: float) -> None:
        """Take steps until such a share of those that are known is taken."""
        while self._steps and self._n_taken < share * (self._n_taken + len(self._steps)):
            self._steps.popleft()()
            self._n_taken += 1

    def result(self) -> Base:
        """Return the base once all steps are taken."""
        base, events = self._base, self._events
        transitions = self._transitions.matrix()
        counts = self._histories.counts(transitions)
        rows = np.minimum(np.arange(events.n_items + 1), len(base.item_vectors.vectors) - 1)
        biases = {name: bias[torch.from_numpy(rows)] for name, bias in base.item_vectors.biases.items()}
        vectors, shape = ItemVectors(self._vectors, biases), transitions.shape
        parts = self._values[: transitions.nnz], transitions.indices, transitions.indptr
        values = sparse.csr_matrix(parts, shape=shape)
        grown = Base(counts, self._source, self._target, values, self._levels, vectors, base.n_built_from)
        if self._pairs is not None:
            known, together = base.pairs(self._model.settings), self._pairs.matrix()
            grown.keep("pairs", counts, lambda: PairCounts(together, known.window, known.unit))
        return grown

    def _plan_histories(self) -> None:
        self._histories = GrowingHistories(self._base.counts, self._events)
        self._steps.extend(self._histories.steps(max(1, STEP_SIZE // 2)))  # two columns at least

    def _plan_transitions(self) -> None:
        counts, n_items = self._base.counts, self._events.n_items
        self._transitions = GrowingMatrix(counts.transitions, [run.leaving for run in self._runs], n_items)
        self._values = np.empty(self._transitions.n_places, dtype=np.float32)
        self._norms = np.zeros(n_items)
        self._steps.extend(partial(self._merge_transitions, *rows) for rows in self._transitions.slices())

    def _plan_vectors(self) -> None:
        base, n_items, n_events = self._base, self._events.n_items, len(self._events.items)
        self._levels = padded_levels(base.levels, self._model, n_items)
        n_raised = max(1, STEP_SIZE // COST_OF_LEVEL)
        for start in range(0, n_events, n_raised):
            self._steps.append(partial(self._raise_levels, slice(start, start + n_raised)))
        known = base.item_vectors.vectors
        self._source, self._target = (rows.new_empty(n_items, rows.shape[1]) for rows in (base.source, base.target))
        self._vectors = known.new_empty(n_items + 1, known.shape[1])
        self._is_changed = np.zeros(n_items, dtype=bool)
        self._is_changed[self._events.items] = True
        width = known.shape[1] + 2 * base.source.shape[1] + 1
        self._steps.extend(partial(self._merge_vectors, *rows) for rows in ranges_of(self._transitions.costs() + width))

    def _plan_pairs(self) -> None:
        self._pairs = self._growing_pairs()
        if self._pairs is not None:
            self._steps.extend(partial(self._pairs.merge, *rows) for rows in self._pairs.slices())

    def _growing_pairs(self) -> GrowingMatrix | GrowingArray | None:
        if not self._base.keeps("pairs"):
            return None
        known, added = self._base.pairs(self._model.settings), [run.pairs for run in self._runs]
        grown = known.together
        if isinstance(grown, np.ndarray) and not known.stays_an_array(self._events.n_items):
            grown = sparse.csr_matrix(grown)
        kind: Any = GrowingArray if isinstance(grown, np.ndarray) else GrowingMatrix
        return kind(grown, added, self._events.n_items)

    def _merge_transitions(self, first: int, stop: int) -> None:
        places, rows = self._transitions.merge(first, stop)
        self._values[places] = rows.data / TRANSITION_UNIT
        trained = rows if stop <= self._model.n_trained else rows[: max(0, self._model.n_trained - first)]
        squares = np.square(trained.data / TRANSITION_UNIT)
        self._norms += np.bincount(trained.indices, squares, minlength=len(self._norms))

    def _raise_levels(self, events: slice) -> None:
        items, weights = self._events.items[events], self._events.weights
        arrivals = self._base.counts.clock + np.arange(len(self._events.items))[events]
        self._model.trend.add_events(self._levels, items, arrivals, None if weights is None else weights[events])

    def _merge_vectors(self, first: int, stop: int) -> None:
        """Form the rows of some items: what leaves them, what leads to them, and what scoring reads."""
        base, model, n_items = self._base, self._model, self._events.n_items
        some, n_known = slice(first, stop), max(0, min(stop, len(base.source)) - first)
        self._target[some, -1] = torch.from_numpy(self._norms[some]).float()
        leaving, arriving = [run.leaving for run in self._runs], [run.arriving for run in self._runs]
        both = (self._source, base.source, leaving), (self._target[:, :-1], base.target[:, :-1], arriving)
        for grown, known, added in both if base.source.shape[1] else ():
            grown[some] = model.project_rows(summed_rows(added, first, stop, n_items) / TRANSITION_UNIT)
            grown[first : first + n_known] += known[first : first + n_known]
        rows = np.minimum(np.arange(first, stop + (stop == n_items)), len(base.item_vectors.vectors) - 1)
        self._vectors[first : first + len(rows)] = base.item_vectors.vectors[torch.from_numpy(rows)]
        changed = torch.from_numpy(first + np.flatnonzero(self._is_changed[some]))
        vectors = ItemVectors(self._vectors, base.item_vectors.biases)
        vectors.two_hop[changed] = model.reach(self._target[changed])


class GrowingMatrix:
    """A csr matrix that sums are added to, some rows at a time.

    Parameters
    ----------
    known : csr_matrix
        The matrix; its indices are sorted.
    added : sequence of PlaceSums
        What is added to it.
    n_items : int
        Rows and columns that there are then.
    """

    def __init__(self, known: sparse.csr_matrix, added: Sequence[PlaceSums], n_items: int) -> None:
        self._known, self._added, self._n_items = known, added, n_items
        n_entries = known.nnz + sum(len(sums.places) for sums in added)
        index = np.int32 if n_entries < 2**31 else np.int64
        self._indices, self._data = np.empty(n_entries, dtype=index), np.empty(n_entries, dtype=known.dtype)
        self._indptr = np.zeros(n_items + 1, dtype=index)

    def slices(self) -> Iterator[tuple[int, int]]:
        """Yield ranges of rows that :meth:`merge` takes one after the other."""
        return ranges_of(self.costs())

    def costs(self) -> NDArray[np.int64]:
        """Return about how many numbers are added up for each row."""
        n_added = self.n_places - self._known.nnz
        costs = np.full(self._n_items, 1 + COST_OF_ADDED * n_added // max(self._n_items, 1))
        costs[: self._known.shape[0]] += np.diff(self._known.indptr)
        return costs

    @property
    def n_places(self) -> int:
        """The most entries that there may be."""
        return len(self._data)

    def merge(self, first: int, stop: int) -> tuple[slice, sparse.csr_matrix]:
        """Add up some rows, whose predecessors have been; return them, and where their entries stand among all."""
        indptr = self._known.indptr[min(first, self._known.shape[0]) : stop + 1]
        indptr = np.r_[indptr, np.full(stop + 1 - first - len(indptr), indptr[-1])]
        some = slice(indptr[0], indptr[-1])
        shape = stop - first, self._n_items
        rows = sparse.csr_matrix((self._known.data[some], self._known.indices[some], indptr - indptr[0]), shape=shape)
        rows = rows + summed_rows(self._added, first, stop, self._n_items).astype(self._known.dtype)
        start = int(self._indptr[first])
        places = slice(start, start + rows.nnz)
        self._indptr[first + 1 : stop + 1] = start + rows.indptr[1:]
        self._indices[places], self._data[places] = rows.indices, rows.data
        return places, rows

    def matrix(self) -> sparse.csr_matrix:
        """Return the sum of all."""
        n_entries = int(self._indptr[-1])
        parts = self._data[:n_entries], self._indices[:n_entries], self._indptr
        return sparse.csr_matrix(parts, shape=(self._n_items, self._n_items))


class GrowingArray:
    """The same for an array."""

    def __init__(self, known: NDArray[Any], added: Sequence[PlaceSums], n_items: int) -> None:
        self._known, self._added = known, added
        self._array = np.empty((n_items, n_items), dtype=known.dtype)

    def slices(self) -> Iterator[tuple[int, int]]:
        """Yield ranges of rows that :meth:`merge` takes."""
        return ranges_of(np.full(len(self._array), len(self._array)))

    def merge(self, first: int, stop: int) -> None:
        """Add up some rows."""
        n_known, n_items = len(self._known), len(self._array)
        self._array[first:stop] = summed_rows(self._added, first, stop, n_items).toarray()
        self._array[first : min(stop, n_known), :n_known] += self._known[first:stop]

    def matrix(self) -> NDArray[Any]:
        """Return the sum of all."""
        return self._array


def summed_rows(added: Sequence[PlaceSums], first: int, stop: int, n_items: int) -> sparse.csr_matrix:
    """Return the sum of some consecutive rows as a matrix of its own."""
    return PlaceSums.joined([sums.between(first, stop) for sums in added]).to_csr(first, stop, n_items)


def ranges_of(costs: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield ranges of rows that cost a step each, given what every row costs."""
    numbers = np.cumsum(costs) // STEP_SIZE
    bounds = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(costs)]
    return pairwise(bounds)
