"""Sparse matrices: sums of entries, look-ups of entries and rows, resizing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .ragged import SparseEntries

#: So many rows of a matrix are found faster slice by slice than by scipy, whose call costs the same for any number.
FEW_ROWS = 16


def sum_entries(
    rows: NDArray[np.int64], columns: NDArray[np.int64], values: NDArray[Any], shape: tuple[int, int]
) -> sparse.csr_matrix:
    """Return a csr matrix with sorted indices in which entries of the same place are added up."""
    matrix = sparse.coo_matrix((values, (rows, columns)), shape=shape).tocsr()
    matrix.sum_duplicates()
    return matrix


def entries_at(matrix: sparse.csr_matrix, rows: NDArray[np.integer], columns: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return entries of a matrix whose indices are sorted, 0 where it has none, faster than scipy does.

    All places are looked for at once, each between the bounds of its row, which halve with every step.
    """
    low, high = matrix.indptr[rows].astype(np.int64), matrix.indptr[rows + 1].astype(np.int64)
    ends = high.copy()
    for _ in range(int((high - low).max(initial=0)).bit_length()):
        middle = np.minimum((low + high) // 2, matrix.nnz - 1)
        is_behind = (low < high) & (matrix.indices[middle] < columns)
        low, high = np.where(is_behind, middle + 1, low), np.where(is_behind, high, np.maximum(low, middle))
    places = np.minimum(low, max(matrix.nnz - 1, 0))
    is_there = low < ends
    is_there[is_there] = matrix.indices[places[is_there]] == columns[is_there]
    values = np.zeros(len(rows), dtype=matrix.dtype)
    values[is_there] = matrix.data[places[is_there]]
    return values


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
