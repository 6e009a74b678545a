"""Sparse matrices: sums of entries, look-ups of entries and rows, resizing."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .ragged import SparseEntries, are_first, stable_order

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


def entries_at(matrix: sparse.csr_matrix, rows: NDArray[np.integer], columns: NDArray[np.integer]) -> NDArray[Any]:
    """Return entries of a matrix whose indices are sorted, 0 where it has none, faster than scipy does.

    Few places are looked for one by one, each between the bounds of its row. Many are looked for at once, the bounds of
    all halving with every step; but for rows of which many are asked: in each of these they are looked for in their
    order, which finds most close to the one before.
    """
    low, ends = matrix.indptr[rows].astype(np.int64), matrix.indptr[rows + 1].astype(np.int64)
    columns = columns.astype(matrix.indices.dtype, copy=False)  # else each row that is searched would be copied
    if len(rows) < MANY_OF_A_ROW:  # numpy's calls alone, a dozen for each halving, would take longer
        asked = zip(columns.tolist(), low.tolist(), ends.tolist(), strict=True)
        low = np.array([bisect_left(matrix.indices, *each) for each in asked], dtype=np.int64)
    else:
        few = _find_in_order(matrix.indices, low, ends, columns, rows)
        low[few] = _halved(matrix.indices, low[few], ends[few], columns[few])
    is_there = low < ends
    is_there[is_there] = matrix.indices[low[is_there]] == columns[is_there]
    values = np.zeros(len(rows), dtype=matrix.dtype)
    values[is_there] = matrix.data[low[is_there]]
    return values


def _find_in_order(
    indices: NDArray[np.integer],
    low: NDArray[np.int64],
    ends: NDArray[np.int64],
    columns: NDArray[np.integer],
    rows: NDArray[np.integer],
) -> NDArray[np.int64]:
    """Find what is asked of rows of which much is asked, writing the places into ``low``; return which is left."""
    order, is_left = stable_order(rows), np.ones(len(rows), dtype=bool)
    bounds = np.append(np.flatnonzero(are_first(rows[order])), len(rows))
    many = np.flatnonzero(np.diff(bounds) >= MANY_OF_A_ROW)
    for start, stop in zip(bounds[many].tolist(), bounds[many + 1].tolist(), strict=True):
        asked = order[start:stop]
        first, end = int(low[asked[0]]), int(ends[asked[0]])
        asked = asked[np.argsort(columns[asked])]
        low[asked] = first + np.searchsorted(indices[first:end], columns[asked])
        is_left[asked] = False
    return np.flatnonzero(is_left)


def _halved(
    indices: NDArray[np.integer], low: NDArray[np.int64], high: NDArray[np.int64], columns: NDArray[np.integer]
) -> NDArray[np.int64]:
    """Return the first place between bounds, for each of some columns, that holds no smaller one."""
    places = low.copy()
    for bit in range(int((high - low).max(initial=0)).bit_length() - 1, -1, -1):
        # A place moves on by so many if all of these stand before what is looked for.
        probes = places + ((1 << bit) - 1)
        is_behind = indices.take(probes, mode="clip") < columns
        is_behind &= probes < high
        places += is_behind * np.int64(1 << bit)
    return places


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
