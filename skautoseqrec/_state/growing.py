"""Matrices that sums are added to, some places at a time: a step costs the same however long a row is."""

from __future__ import annotations

from collections.abc import Sequence
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


def room(length: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return an array of any numbers, to be written to step by step.

    For large arrays numpy asks for large pages of memory, and the step that first writes to one waits until the system
    has cleared all of it, for 6 ms on some virtual machines. Torch does not ask for them.
    """
    # Of torch's own dtype: to scipy, a view of bytes is a small part of a larger array, which it copies.
    same = torch.from_numpy(np.empty(0, dtype=dtype)).dtype
    return torch.empty(length, dtype=same, device="cpu").numpy()


class JoinedSums:
    """The sum of several matrices, formed some places at a time.

    Parameters
    ----------
    sums : sequence of PlaceSums
        What is added up.
    size : int
        A step costs as much as copying about so many entries.
    """

    def __init__(self, sums: Sequence[PlaceSums], size: int) -> None:
        self._sums = sums
        n_entries = sum(len(some.places) for some in sums)
        self._places, self._values = room(n_entries, np.int64), room(n_entries, np.int64)
        self._length = 0
        # Of each matrix, every so many places: of all, a step takes as many of these as there are matrices, and
        # about as many entries stand between them.
        n_sums = max(1, len(sums))
        every = max(1, size // (2 * COST_OF_ADDED * n_sums))
        marks = np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *(some.places[every::every] for some in sums)]))
        #: Bounds of the ranges of places that :meth:`join` takes one after the other.
        self.bounds = distinct(np.concatenate([[0, BEYOND_ALL], marks[::n_sums]]))

    def __len__(self) -> int:
        """Return the most entries that there may be."""
        return len(self._places)

    def join(self, first: int, stop: int) -> None:
        """Add up the places from one to another, whose predecessors have been."""
        part = PlaceSums.joined([some.within(first, stop) for some in self._sums])
        joined = slice(self._length, self._length + len(part.places))
        self._places[joined], self._values[joined] = part
        self._length = joined.stop

    def sums(self) -> PlaceSums:
        """Return what has been added up."""
        return PlaceSums(self._places[: self._length], self._values[: self._length])


class GrowingMatrix:
    """A csr matrix that sums are added to.

    Parameters
    ----------
    known : csr_matrix
        The matrix; its indices are sorted.
    added : JoinedSums
        What is added to it: a step reads of it what has been joined before.
    n_items : int
        Rows and columns that there are then.
    """

    def __init__(self, known: sparse.csr_matrix, added: JoinedSums, n_items: int) -> None:
        self._known, self._added, self._n_items = known, added, n_items
        n_entries = known.nnz + len(added)
        index = np.int32 if n_entries < 2**31 else np.int64
        self.indices, self.data = room(n_entries, index), room(n_entries, known.dtype)
        self.indptr = np.zeros(n_items + 1, dtype=index)
        self._n_taken = self._n_written = 0

    def bounds(self, size: int) -> NDArray[np.int64]:
        """Return the bounds of ranges of places that :meth:`merge` takes one after the other, of so many entries."""
        marks = np.arange(size, self._known.nnz, size)
        rows = np.searchsorted(self._known.indptr, marks, side="right") - 1
        marks = (rows << COLUMN_BITS) | self._known.indices[marks]
        # Of what is added, as many entries as of what is known: they are sorted.
        added = self._added.bounds[:: 2 * COST_OF_ADDED]
        return distinct(np.minimum(np.concatenate([marks, added, [BEYOND_ALL]]), self._n_items << COLUMN_BITS))

    def merge(self, first: int, stop: int) -> slice:
        """Add up the places from one to another, whose predecessors have been; return where their entries stand."""
        known = self._take(first, stop)
        # Scipy reads two matrices of sorted entries side by side, without a search; of one dtype, without a copy.
        grown = known + self._added.sums().to_csr(first, stop, self._n_items, known.dtype)
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
    added : JoinedSums
        What is added to it, all joined before.
    n_items : int
        Rows and columns that there are then.
    """

    def __init__(self, known: NDArray[Any], added: JoinedSums, n_items: int) -> None:
        self._known, self._added = known, added
        self.array = room(n_items**2, known.dtype).reshape(n_items, n_items)

    def merge(self, first: int, stop: int) -> None:
        """Add up some rows."""
        n_known, n_items = len(self._known), len(self.array)
        self.array[first:stop] = self._added.sums().rows_to_csr(first, stop, n_items).toarray()
        self.array[first : min(stop, n_known), :n_known] += self._known[first:stop]
