"""Sparse matrices: sums of entries, look-ups of entries and rows, resizing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .ragged import SparseEntries, stable_order

#: So many rows of a matrix are found faster slice by slice than by scipy, whose call costs the same for any number.
FEW_ROWS = 16
#: Of a row of which so many entries are asked, these are found faster than by halving the bounds of each.
MANY_OF_A_ROW = 32


def sum_entries(
    rows: NDArray[np.int64], columns: NDArray[np.int64], values: NDArray[Any], shape: tuple[int, int]
) -> sparse.csr_matrix:
    """Return a csr matrix with sorted indices in which entries of the same place are added up."""
    matrix = sparse.coo_matrix((values, (rows, columns)), shape=shape).tocsr()
    matrix.sum_duplicates()
    return matrix


def entries_at(matrix: sparse.csr_matrix, rows: NDArray[np.integer], columns: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return entries of a matrix whose indices are sorted, 0 where it has none, faster than scipy does.

    All places are looked for at once, each between the bounds of its row, which halve with every step; but for rows of
    which many are asked: in each of these they are looked for in their order, which finds most close to the one before.
    """
    low, ends = matrix.indptr[rows].astype(np.int64), matrix.indptr[rows + 1].astype(np.int64)
    columns = columns.astype(matrix.indices.dtype, copy=False)  # else each row that is searched would be copied
    order = stable_order(rows)
    bounds = np.flatnonzero(np.r_[True, np.diff(rows[order]) != 0, True][: len(rows) + 1])
    many, is_one_of_many = np.flatnonzero(np.diff(bounds) >= MANY_OF_A_ROW), np.zeros(len(rows), dtype=bool)
    for start, stop in zip(bounds[many].tolist(), bounds[many + 1].tolist(), strict=True):
        asked = order[start:stop]
        first, end = int(low[asked[0]]), int(ends[asked[0]])
        asked = asked[np.argsort(columns[asked])]
        low[asked] = first + np.searchsorted(matrix.indices[first:end], columns[asked])
        is_one_of_many[asked] = True
    few = np.flatnonzero(~is_one_of_many)
    low[few] = _halved(matrix.indices, low[few], ends[few], columns[few])
    is_there = low < ends
    is_there[is_there] = matrix.indices[low[is_there]] == columns[is_there]
    values = np.zeros(len(rows), dtype=matrix.dtype)
    values[is_there] = matrix.data[low[is_there]]
    return values


def _halved(
    indices: NDArray[np.integer], low: NDArray[np.int64], high: NDArray[np.int64], columns: NDArray[np.integer]
) -> NDArray[np.int64]:
    """Return the first place between bounds, for each of some columns, that holds no smaller one."""
    found, left = low.copy(), np.flatnonzero(low < high)
    low, high, columns = low[left], high[left], columns[left]
    while len(left):
        middle = (low + high) >> 1
        is_behind = indices[middle] < columns
        low, high = np.where(is_behind, middle + 1, low), np.where(is_behind, high, middle)
        found[left], is_open = low, low < high
        left, low, high, columns = left[is_open], low[is_open], high[is_open], columns[is_open]
    return found


def resized(matrix: sparse.csr_matrix, n_items: int) -> sparse.csr_matrix:
    """Return an item by item matrix with empty rows and columns added."""
    indptr = np.r_[matrix.indptr, np.full(n_items - matrix.shape[0], matrix.indptr[-1])]
    return sparse.csr_matrix((matrix.data, matrix.indices, indptr), shape=(n_items, n_items))


def rows_of(matrix: sparse.csr_matrix, rows: NDArray[np.integer]) -> SparseEntries:
    """Return some rows of a matrix."""
    if not 0 < len(rows) <= FEW_ROWS:
        chosen = matrix[rows]
        return SparseEntries(np.diff(chosen.indptr), chosen.indices, chosen.data)
    starts, ends = matrix.indptr[rows], matrix.indptr[rows + 1]
    slices = list(map(slice, starts.tolist(), ends.tolist()))
    items = np.concatenate([matrix.indices[row] for row in slices])
    return SparseEntries(ends - starts, items, np.concatenate([matrix.data[row] for row in slices]))
