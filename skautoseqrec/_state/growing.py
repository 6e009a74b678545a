"""Matrices that sums are added to, some places at a time: a step costs the same however long a row is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from scipy import sparse

from .._utils.ragged import distinct
from .runs import COLUMN_BITS, PlaceSums, rows_between

#: Sorting an entry that is added costs as much as copying so many that are known.
COST_OF_ADDED = 4
#: No place is as large.
BEYOND_ALL = 1 << 2 * COLUMN_BITS
#: A call of so many events takes longer than the system takes to clear a large page of memory.
LARGE_CALL = 1000
#: Makes an array of any numbers, given its length and dtype.
Room = Callable[[int, DTypeLike], NDArray[Any]]


def room_for(n_added: int) -> Room:
    """Return what makes the arrays of a merge or a join that begins in a call of so many events.

    For large arrays numpy asks for large pages of memory, and the step that first writes to one waits until the system
    has cleared all of it, for 6 ms on some virtual machines. Small pages take a multiple of the time in all.
    """
    return np.empty if n_added >= LARGE_CALL else in_small_pages


def in_small_pages(length: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return an array of any numbers, for which torch does not ask for large pages."""
    # Of torch's own dtype: to scipy, a view of bytes is a small part of a larger array, which it copies.
    same = torch.from_numpy(np.empty(0, dtype=dtype)).dtype
    return torch.empty(length, dtype=same, device="cpu").numpy()


def joined_within(sums: Sequence[PlaceSums], first: int, stop: int) -> PlaceSums:
    """Return the entries of the sum of some matrices whose places are from one to another."""
    return PlaceSums.joined([some.within(first, stop) for some in sums])


def added_rows(sums: Sequence[PlaceSums], first: int, stop: int, n_items: int) -> sparse.csr_matrix:
    """Return some consecutive rows of the sum of some matrices, as a matrix of their own."""
    first, stop = first << COLUMN_BITS, stop << COLUMN_BITS
    return joined_within(sums, first, stop).to_csr(first, stop, n_items)


def bounds_of(sums: Sequence[PlaceSums], size: int) -> NDArray[np.int64]:
    """Return the bounds of ranges of all places, in which all matrices have about so many entries."""
    # Of each matrix, every so many places: of all, a range takes as many of these as there are matrices, and about as
    # many entries stand between them.
    n_sums = max(1, len(sums))
    every = max(1, size // n_sums)
    marks = np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *(some.places[every::every] for some in sums)]))
    return distinct(np.concatenate([[0, BEYOND_ALL], marks[::n_sums]]))


class GrowingMatrix:
    """A csr matrix that sums are added to.

    Parameters
    ----------
    known : csr_matrix
        The matrix; its indices are sorted.
    added : sequence of PlaceSums
        What is added to it.
    n_items : int
        Rows and columns that there are then.
    room : callable
        Makes the arrays.
    """

    def __init__(self, known: sparse.csr_matrix, added: Sequence[PlaceSums], n_items: int, room: Room) -> None:
        self._known, self._added, self._n_items = known, added, n_items
        n_entries = known.nnz + sum(len(some.places) for some in added)
        index = np.int32 if n_entries < 2**31 else np.int64
        self.indices, self.data = room(n_entries, index), room(n_entries, known.dtype)
        self.indptr = np.zeros(n_items + 1, dtype=index)
        self._n_taken = self._n_written = 0

    def bounds(self, size: int) -> NDArray[np.int64]:
        """Return the bounds of ranges of places that :meth:`merge` takes one after the other, of so many entries."""
        marks = np.arange(size, self._known.nnz, size)
        rows = np.searchsorted(self._known.indptr, marks, side="right") - 1
        marks = (rows << COLUMN_BITS) | self._known.indices[marks]
        added = bounds_of(self._added, size // COST_OF_ADDED)
        return distinct(np.minimum(np.concatenate([marks, added]), self._n_items << COLUMN_BITS))

    def merge(self, first: int, stop: int) -> slice:
        """Add up the places from one to another, whose predecessors have been; return where their entries stand."""
        known = self._take(first, stop)
        # Scipy reads two matrices of sorted entries side by side, without a search; of one dtype, without a copy.
        added = joined_within(self._added, first, stop)
        grown = known + added.to_csr(first, stop, self._n_items, known.dtype)
        written = slice(self._n_written, self._n_written + grown.nnz)
        self.indices[written], self.data[written] = grown.indices, grown.data
        self._n_written = written.stop
        first_row, starts = first >> COLUMN_BITS, -(-first >> COLUMN_BITS)
        self.indptr[starts : first_row + known.shape[0]] = written.start + grown.indptr[starts - first_row : -1]
        return written

    def _take(self, first: int, stop: int) -> sparse.csr_matrix:
        """Return the known entries from one place to another, in the rows that have some of these places."""
        indptr, n_rows = self._known.indptr, self._known.shape[0]
        row = min(stop >> COLUMN_BITS, n_rows)
        end = int(indptr[row])
        if row < n_rows:
            column = stop & ((1 << COLUMN_BITS) - 1)
            end += int(np.searchsorted(self._known.indices[end : indptr[row + 1]], column))
        start, self._n_taken = self._n_taken, end
        rows = np.minimum(rows_between(first, stop), n_rows)
        bounds = np.clip(indptr[rows], start, end) - start
        some = self._known.data[start:end], self._known.indices[start:end], bounds
        return sparse.csr_matrix(some, shape=(len(rows) - 1, self._n_items))

    def of(self, data: NDArray[Any]) -> sparse.csr_matrix:
        """Return a matrix with the entries of the sum, given what stands at each, once all places are added up."""
        self.indptr[-1] = n_entries = self._n_written
        shape = self._n_items, self._n_items
        return sparse.csr_matrix((data[:n_entries], self.indices[:n_entries], self.indptr), shape=shape)


class GrowingArray:
    """An array that sums are added to, row by row.

    Parameters
    ----------
    known : ndarray of shape (n_known, n_known)
        The array.
    added : sequence of PlaceSums
        What is added to it.
    n_items : int
        Rows and columns that there are then.
    room : callable
        Makes the array.
    """

    def __init__(self, known: NDArray[Any], added: Sequence[PlaceSums], n_items: int, room: Room) -> None:
        self._known, self._added = known, added
        self.array = room(n_items**2, known.dtype).reshape(n_items, n_items)

    def merge(self, first: int, stop: int) -> None:
        """Add up some rows."""
        n_known, n_items = len(self._known), len(self.array)
        self.array[first:stop] = added_rows(self._added, first, stop, n_items).toarray()
        self.array[first : min(stop, n_known), :n_known] += self._known[first:stop]
