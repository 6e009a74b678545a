"""Weights of pairs of items that grow one event at a time, as an array or as rows of entries."""

from __future__ import annotations

import copy
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from .._counts.pairs import MOST_PLACES
from .._utils.sparse import resized, rows_of

#: Entries that were added one by one are laid out with the others once they are so many, or an eighth as many.
SMALLEST_MERGE = 4096

#: Values that are so much smaller than the last of the largest equal it: sums in another order differ by less.
ROUNDING = 1e-12


class PairWeights(Protocol):
    """A weight for each pair of items, float64: whole numbers stay exact."""

    def add(self, sources: NDArray[np.int64], targets: NDArray[np.int64], weights: ArrayLike) -> PairWeights:
        """Add to the weights of some pairs, which may repeat; return them, in another layout if they got too large."""

    def weigh(
        self,
        items: NDArray[np.int64],
        weights: NDArray[np.float64],
        scales: NDArray[np.float64],
        n_largest: int | None = None,
    ) -> NDArray[np.float64]:
        """Return the weighted sum of some rows, shape (n_items,), each column times its scale.

        Of each row only the ``n_largest`` places count, after they are scaled, and those that equal the last of them;
        None counts all.
        """

    def copy(self) -> PairWeights:
        """Return independent weights."""


def pair_weights(matrix: sparse.csr_matrix) -> PairWeights:
    """Return weights given as a square matrix: as an array where that is small, as rows of entries otherwise."""
    is_small = matrix.shape[0] ** 2 <= MOST_PLACES
    return DenseWeights(matrix.toarray().astype(np.float64)) if is_small else SparseWeights(matrix.astype(np.float64))


class DenseWeights:
    """Weights as an array, with spare places for new items."""

    def __init__(self, array: NDArray[np.float64]) -> None:
        self._array = array

    def add(self, sources: NDArray[np.int64], targets: NDArray[np.int64], weights: ArrayLike) -> PairWeights:
        """Add to the weights of some pairs, which may repeat; they become rows of entries if they got too large."""
        n_items = 1 + max(int(sources.max(initial=-1)), int(targets.max(initial=-1)))
        if n_items**2 > max(MOST_PLACES, self._array.size):
            return SparseWeights(sparse.csr_matrix(self._array)).add(sources, targets, weights)
        if n_items > len(self._array):
            self._array = _padded(self._array, max(n_items, len(self._array) * 5 // 4))
        np.add.at(self._array, (sources, targets), weights)
        return self

    def weigh(
        self,
        items: NDArray[np.int64],
        weights: NDArray[np.float64],
        scales: NDArray[np.float64],
        n_largest: int | None = None,
    ) -> NDArray[np.float64]:
        """Return the weighted sum of some rows, shape (n_items,)."""
        n_known = min(len(scales), len(self._array))
        is_known = items < n_known
        rows = self._array[items[is_known], :n_known]
        sums = np.zeros(len(scales))
        if n_largest is not None and n_largest < n_known:
            rows *= scales[:n_known]
            least = np.partition(rows, -n_largest, axis=1)[:, -n_largest, None]
            rows[rows < least * (1 - ROUNDING)] = 0.0
            sums[:n_known] = weights[is_known] @ rows
        else:
            sums[:n_known] = weights[is_known] @ rows * scales[:n_known]
        return sums

    def copy(self) -> DenseWeights:
        """Return independent weights."""
        return DenseWeights(self._array.copy())


class SparseWeights:
    """Weights as a matrix, and beside it what was added since."""

    def __init__(self, matrix: sparse.csr_matrix) -> None:
        self._matrix = matrix
        self._added: dict[int, dict[int, float]] = {}
        self._n_added = 0

    def add(self, sources: NDArray[np.int64], targets: NDArray[np.int64], weights: ArrayLike) -> PairWeights:
        """Add to the weights of some pairs, which may repeat."""
        pairs = np.broadcast_arrays(sources, targets, weights)
        for source, target, weight in zip(*(column.tolist() for column in pairs), strict=True):
            row = self._added.setdefault(source, {})
            row[target] = row.get(target, 0.0) + weight
            self._n_added += 1
        if self._n_added > max(SMALLEST_MERGE, self._matrix.nnz // 8):
            self._merge()
        return self

    def weigh(
        self,
        items: NDArray[np.int64],
        weights: NDArray[np.float64],
        scales: NDArray[np.float64],
        n_largest: int | None = None,
    ) -> NDArray[np.float64]:
        """Return the weighted sum of some rows, shape (n_items,)."""
        sums = np.zeros(len(scales))
        for item, weight in zip(items.tolist(), weights.tolist(), strict=True):
            columns, values = self._row(item)
            values = values * scales[columns]
            if n_largest is not None and n_largest < len(values):
                values[values < np.partition(values, -n_largest)[-n_largest] * (1 - ROUNDING)] = 0.0
            sums[columns] += weight * values
        return sums

    def copy(self) -> SparseWeights:
        """Return independent weights."""
        twin = copy.copy(self)
        twin._added = {source: row.copy() for source, row in self._added.items()}
        return twin

    def _row(self, item: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the columns of a row that are not zero, each once, and their values."""
        added = self._added.get(item, {})
        columns, values = np.zeros(0, dtype=np.int64), np.zeros(0)
        if item < self._matrix.shape[0]:
            entries = rows_of(self._matrix, np.array([item]))
            columns, values = entries.items.astype(np.int64), entries.values.astype(np.float64)
        if not added:
            return columns, values
        more, extra = np.array(list(added)), np.array(list(added.values()))
        places = np.minimum(np.searchsorted(columns, more), max(len(columns) - 1, 0))
        is_there = columns[places] == more if len(columns) else np.zeros(len(more), dtype=bool)
        values[places[is_there]] += extra[is_there]
        return np.r_[columns, more[~is_there]], np.r_[values, extra[~is_there]]

    def _merge(self) -> None:
        entries = [(source, target, value) for source, row in self._added.items() for target, value in row.items()]
        sources, targets, values = (np.array(column) for column in zip(*entries, strict=True))
        n_items = max(self._matrix.shape[0], int(sources.max()) + 1, int(targets.max()) + 1)
        added = sparse.csr_matrix((values, (sources, targets)), shape=(n_items, n_items))
        self._matrix = (resized(self._matrix, n_items) + added).tocsr()
        self._matrix.sort_indices()
        self._added, self._n_added = {}, 0


def _padded(array: NDArray[np.float64], n_items: int) -> NDArray[np.float64]:
    grown = np.zeros((n_items, n_items))
    grown[: len(array), : len(array)] = array
    return grown
