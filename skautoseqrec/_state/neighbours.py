"""Counts of pairs of items as scoring reads them: sums of their rows, in the cheaper of two layouts, as cosines."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from .._counts.pairs import MOST_PLACES, PairCounts
from .._network.model import project
from .._utils.devices import beside
from .._utils.products import sum_of_rows
from .._utils.ragged import SparseEntries
from .._utils.sparse import rows_of

#: Adding up an entry of a sparse row costs as much as so many places of a dense one.
PLACES_PER_ENTRY = 16


def is_cheaper_as_array(n_entries: int, n_items: int) -> bool:
    """Tell whether rows of an item by item matrix are cheaper to add up from an array, if that is not too large."""
    return n_items**2 <= min(MOST_PLACES, PLACES_PER_ENTRY * n_entries)


def sums_from_array(matrix: Tensor, entries: SparseEntries, n_items: int) -> Tensor:
    """Return the sum of the rows that weighted items ask for, shape (n_rows, n_items); later items have none."""
    n_known = len(matrix)
    known = project(entries.below(n_known), matrix)
    if n_items == n_known:
        return known
    sums = known.new_zeros(len(known), n_items)
    sums[:, :n_known] = known
    return sums


class DensePairs:
    """Counts of pairs as an array, which further pairs may be added to."""

    def __init__(self, together: Tensor) -> None:
        self._together = together

    def copy(self, n_items: int) -> DensePairs:
        """Return a copy with room for more items."""
        n_known = len(self._together)
        grown = self._together.new_zeros(n_items, n_items)
        grown[:n_known, :n_known] = self._together
        return DensePairs(grown)

    def plus(self, added: list[SparseEntries], n_items: int) -> DensePairs:
        """Return the sum with sparse rows, one for each item, in an array of its own."""
        copy = self.copy(n_items)
        for rows in added:
            add_rows(copy._together, rows)
        return copy

    def sums(self, entries: SparseEntries, n_items: int) -> Tensor:
        """Return the sum of the rows that weighted items ask for, shape (n_rows, n_items)."""
        return sums_from_array(self._together, entries, n_items)

    def sum_of(self, items: NDArray[np.integer], values: NDArray[np.float32], n_items: int) -> NDArray[np.float32]:
        """Return the sum of the rows of some weighted items, shape (n_items,)."""
        together = self._together.numpy()
        is_known = items < len(together)
        if not is_known.all():
            items, values = items[is_known], values[is_known]
        known = sum_of_rows(together, items, values)
        return known if n_items == len(known) else np.concatenate([known, np.zeros(n_items - len(known), known.dtype)])

    def add(self, sources: NDArray[np.integer], targets: NDArray[np.integer], values: NDArray[np.float32]) -> None:
        """Add what pairs count, both ways, in place."""
        places = np.r_[sources * len(self._together) + targets, targets * len(self._together) + sources]
        self._together.view(-1).index_add_(0, torch.from_numpy(places), torch.from_numpy(np.r_[values, values]))


class SparsePairs:
    """Counts of pairs as sparse rows, which stay as they are, in units; those that are asked for are read in ones."""

    def __init__(self, together: sparse.csr_matrix, unit: int) -> None:
        self._together, self._unit = together, unit

    def copy(self, n_items: int) -> SparsePairs:
        """Return the same."""
        return self

    def sums(self, entries: SparseEntries, n_items: int) -> Tensor:
        """Return the sum of the rows that weighted items ask for, shape (n_rows, n_items)."""
        known = entries.below(self._together.shape[0])
        sums = torch.zeros(len(entries.lengths), n_items, dtype=torch.float32)
        add_rows(sums, known.combine(self._rows(known.items)))
        return sums

    def sum_of(self, items: NDArray[np.integer], values: NDArray[np.float32], n_items: int) -> NDArray[np.float32]:
        """Return the sum of the rows of some weighted items, shape (n_items,)."""
        is_known = items < self._together.shape[0]
        if not is_known.all():
            items, values = items[is_known], values[is_known]
        rows = self._rows(items)
        return np.bincount(rows.items, rows.values * values.repeat(rows.lengths), n_items).astype(np.float32)

    def _rows(self, items: NDArray[np.integer]) -> SparseEntries:
        rows = rows_of(self._together, items)
        return rows._replace(values=_in_ones(rows.values, self._unit))


class Neighbourhood(NamedTuple):
    """What counts of pairs say of some queries.

    Parameters
    ----------
    sums : Tensor of shape (n_rows, n_items)
        ``sum_k w_k C[l_k, i] / sqrt(c[l_k])`` as each query sees C and c, what the events of an item weigh together.
    mass : ndarray of shape (n_items,)
        c without the recent events.
    recent_items : ndarray of shape (n_recent,) or None, default=None
        Items of the recent events, each once; None where there are none.
    recent_mass : ndarray of shape (n_rows, n_recent) or None, default=None
        c of these as each query sees it.
    """

    sums: Tensor
    mass: NDArray[Any]
    recent_items: NDArray[np.int64] | None = None
    recent_mass: NDArray[Any] | None = None

    def cosines(self) -> Tensor:
        """Return the sums divided by the root of c[i], as each query sees it; they are overwritten."""
        recent = None
        if self.recent_items is not None and self.recent_mass is not None:
            columns = torch.from_numpy(self.recent_items)
            recent = columns, self.sums[:, columns].mul_(torch.from_numpy(inverse_roots(self.recent_mass)))
        self.sums.mul_(torch.from_numpy(inverse_roots(self.mass)))
        if recent is not None:
            self.sums[:, recent[0]] = recent[1]
        return self.sums


def read_pairs(pairs: PairCounts) -> DensePairs | SparsePairs:
    """Return counts of pairs in the layout that is cheaper to add up."""
    together: Any = pairs.together
    if isinstance(together, np.ndarray):
        if is_cheaper_as_array(int(np.count_nonzero(together)), len(together)):
            return DensePairs(torch.from_numpy(_in_ones(together, pairs.unit)))
        together = sparse.csr_matrix(together)
    return SparsePairs(together, pairs.unit)


def _in_ones(together: NDArray[Any], unit: int) -> NDArray[np.float32]:
    """Return counts as float32, 1 being that of a pair whose events count 1."""
    return (together if unit == 1 else together / unit).astype(np.float32)


def add_rows(sums: Tensor, rows: SparseEntries) -> None:
    """Add sparse rows to an array of their own shape, in place."""
    if len(rows.items):
        places, values = rows.places(sums.shape[1]), rows.values.astype(np.float32, copy=False)
        sums.view(-1).index_add_(0, beside(sums, places), beside(sums, values))


def weighted_by_rarity(entries: SparseEntries, mass: NDArray[Any]) -> SparseEntries:
    """Return entries divided by the root of what the events of each one's item weigh; 0 where they weigh nothing."""
    roots = np.sqrt(mass)
    values = np.divide(entries.values, roots, out=np.zeros(len(roots)), where=roots > 0)
    return entries._replace(values=values.astype(np.float32))


def inverse_roots(mass: NDArray[Any]) -> NDArray[np.float32]:
    """Return 1 / sqrt(mass), 0 for items whose events weigh nothing: they have no pairs either."""
    roots = np.sqrt(mass)
    inverse: NDArray[np.floating] = np.divide(1.0, roots, out=np.zeros(roots.shape), where=roots > 0)
    return inverse.astype(np.float32)
