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

    All places are looked for at once, each in its row, in steps that halve.
    """
    values, indices = np.zeros(len(rows), dtype=matrix.dtype), matrix.indices
    places, ends = matrix.indptr[rows].astype(np.int64), matrix.indptr[rows + 1].astype(np.int64)
    for bit in range(int((ends - places).max(initial=0)).bit_length() - 1, -1, -1):
        # A place moves on by so many if all of these stand before what is looked for.
        probes = places + ((1 << bit) - 1)
        is_behind = indices.take(probes, mode="clip") < columns
        is_behind &= probes < ends
        places += is_behind * np.int64(1 << bit)
    found = (places < ends).nonzero()[0]
    found = found[indices[places[found]] == columns[found]]
    values[found] = matrix.data[places[found]]
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
