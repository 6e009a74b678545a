"""Rows of unequal length in flat arrays, and arrays that grow: the two shapes every log takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse


def ragged_ranges(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the concatenation of the ranges ``starts[r], ..., starts[r] + lengths[r] - 1``.

    Examples
    --------
    >>> ragged_ranges(np.array([3, 10]), np.array([2, 3]))
    array([ 3,  4, 10, 11, 12])
    """
    ends = lengths.cumsum()
    ranges = (starts - ends + lengths).repeat(lengths)
    ranges += np.arange(len(ranges))
    return ranges


def flat_places(lengths: NDArray[np.integer], columns: NDArray[np.integer], n_columns: int) -> NDArray[np.int64]:
    """Return where entries stand in the flat array of a matrix, given row after row by their columns.

    Examples
    --------
    >>> flat_places(np.array([2, 1]), np.array([3, 0, 1]), n_columns=10)
    array([ 3,  0, 11])
    """
    return np.repeat(np.arange(len(lengths)) * n_columns, lengths) + columns


def stable_order(keys: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return what ``argsort(kind="stable")`` does, for whole numbers that are not negative, in a tenth of its time.

    Numpy sorts plain numbers with the vector units of the processor: here the position stands in their lowest bits.

    Examples
    --------
    >>> stable_order(np.array([7, 2, 7, 0]))
    array([3, 1, 0, 2])
    """
    n_bits = len(keys).bit_length()
    if int(keys.max(initial=0)) >> (63 - n_bits):  # no room for the position
        return np.argsort(keys, kind="stable")
    packed = np.sort((keys.astype(np.int64) << n_bits) | np.arange(len(keys)))
    return packed & ((1 << n_bits) - 1)


def are_first(keys: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which of some keys, equal ones side by side, are the first of their kind.

    Examples
    --------
    >>> are_first(np.array([2, 7, 7, 9]))
    array([ True,  True, False,  True])
    """
    is_first = np.ones(len(keys), dtype=bool)
    np.not_equal(keys[1:], keys[:-1], out=is_first[1:])
    return is_first


def distinct(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what ``unique`` does, by sorting, which is faster than its hashing.

    Examples
    --------
    >>> distinct(np.array([7, 2, 7, 0]))
    array([0, 2, 7])
    """
    keys = np.sort(keys)
    return keys[are_first(keys)]


def row_codes(first: Sequence[NDArray[Any]], second: Sequence[NDArray[Any]]) -> NDArray[np.int64]:
    """Return one code for each row of some columns and, behind them, of some more: equal where the rows are equal.

    Examples
    --------
    >>> row_codes([np.array([7, 7]), np.array([0.5, 1.5])], [np.array([7]), np.array([0.5])])
    array([0, 1, 0])
    """
    codes = np.zeros(len(first[0]) + len(second[0]), dtype=np.int64)
    for columns in zip(first, second, strict=True):
        _, column = np.unique(np.concatenate(columns), return_inverse=True)
        _, codes = np.unique(codes * (column.max(initial=0) + 1) + column, return_inverse=True)
    return codes


def ranks_within_groups(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each row how many earlier rows share its group.

    Examples
    --------
    >>> ranks_within_groups(np.array([7, 2, 7, 7]))
    array([0, 0, 1, 2])
    """
    order = stable_order(groups)
    positions = np.arange(len(groups))
    first_positions = np.maximum.accumulate(np.where(are_first(groups[order]), positions, 0))
    ranks = np.empty(len(groups), dtype=np.int64)
    ranks[order] = positions - first_positions
    return ranks


def repeats_of(groups: NDArray[np.int64]) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return the rows of all second occurrences and of their first ones, of the third and the second, and so on.

    Examples
    --------
    >>> repeats_of(np.array([7, 2, 7, 7]))
    [(array([2]), array([0])), (array([3]), array([2]))]
    """
    order = stable_order(groups)
    ranks = ranks_within_groups(groups[order])
    places = (np.flatnonzero(ranks == rank) for rank in range(1, ranks.max(initial=0) + 1))
    return [(order[place], order[place - 1]) for place in places]


def with_room(array: NDArray[Any], length: int, fill: float = 0) -> NDArray[Any]:
    """Return an array itself if it has so many columns, or a copy with at least twice those that it has.

    Examples
    --------
    >>> with_room(np.array([3, 4]), 3)
    array([3, 4, 0, 0])
    """
    n_columns = array.shape[-1]
    if length <= n_columns:
        return array
    grown = np.full((*array.shape[:-1], max(length, 2 * n_columns)), fill, dtype=array.dtype)
    grown[..., :n_columns] = array
    return grown


class SparseEntries(NamedTuple):
    """Sparse rows over items, each a run of entries; entries of a row that share an item add up.

    Parameters
    ----------
    lengths : ndarray of shape (n_rows,)
        Number of entries of each row.
    items, values : ndarray of shape (n_entries,)
        Item and value of each entry, row after row.
    """

    lengths: NDArray[np.int64]
    items: NDArray[np.integer]
    values: NDArray[Any]

    @property
    def bounds(self) -> NDArray[np.int64]:
        """Where each row begins, and where the last one ends."""
        bounds = np.zeros(len(self.lengths) + 1, dtype=np.int64)
        np.cumsum(self.lengths, out=bounds[1:])
        return bounds

    def places(self, n_items: int) -> NDArray[np.int64]:
        """Return where each entry stands in a flat array that has ``n_items`` places for each row."""
        return flat_places(self.lengths, self.items, n_items)

    def below(self, n_items: int) -> SparseEntries:
        """Return the entries of the first ``n_items`` items."""
        return self.where(self.items < n_items)

    def where(self, is_kept: NDArray[np.bool_]) -> SparseEntries:
        """Return the entries that are kept."""
        if is_kept.all():
            return self
        n_before = np.r_[0, np.cumsum(is_kept)]
        return SparseEntries(np.diff(n_before[self.bounds]), self.items[is_kept], self.values[is_kept])

    def rows(self, rows: NDArray[np.integer]) -> SparseEntries:
        """Return some of the rows, each any number of times."""
        lengths = self.lengths[rows]
        places = ragged_ranges(self.bounds[rows], lengths)
        return SparseEntries(lengths, self.items[places], self.values[places])

    def combine(self, rows: SparseEntries) -> SparseEntries:
        """Return the sums of some rows that these entries ask for, given one row for each of them in their order."""
        values = rows.values * np.repeat(self.values, rows.lengths)
        return SparseEntries(np.diff(rows.bounds[self.bounds]), rows.items, values)

    def to_csr(self, n_items: int) -> sparse.csr_matrix:
        """Return the rows as a matrix, in which entries that share a place still stand apart."""
        return sparse.csr_matrix((self.values, self.items, self.bounds), shape=(len(self.lengths), n_items))


#: An array with room for so many rows moves to a larger one before it is full: so many are copied for each one that is
#: appended.
FEWEST_COPIED_EARLY, ROWS_PER_APPENDED = 2**14, 8
#: It is done whenever so many have been appended.
APPENDED_BETWEEN = 512


class GrowableArray:
    """An append-only array whose capacity doubles; what is known is copied in small parts, so no row waits for all.

    What stands below a length that was once read never changes, so a reader that remembers a length may read on
    while a writer appends.
    """

    def __init__(self, values: ArrayLike) -> None:
        self._buffer: NDArray[Any] = np.asarray(values)
        self._length, self._n_copied = len(self._buffer), 0
        # Room that nobody writes to costs nothing, and the first rows that are appended need not wait for a copy.
        self._reserve(self._length + 1, self._buffer.dtype)

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: not the spare places, where anything may stand."""
        return {"_buffer": self.view(), "_length": self._length}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what was pickled, and leave room behind it."""
        vars(self).update(state)
        self._reserve(self._length + 1, self._buffer.dtype)

    def __len__(self) -> int:
        """Return how many rows have been appended."""
        return self._length

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the rows, which may be promoted."""
        return self._buffer.dtype

    def append(self, value: Any) -> None:
        """Append one row of the array's own dtype."""
        if self._length >= self._copy_at:
            self._make_room(self._length + 1)
        self._buffer[self._length] = value
        self._length += 1

    def extend_by_list(self, values: list[Any]) -> None:
        """Append a few rows of the array's own dtype, at a list's price."""
        length = self._length + len(values)
        if length > self._copy_at:
            self._make_room(length)
        self._buffer[self._length : length] = values
        self._length = length

    def extend(self, values: NDArray[Any]) -> None:
        """Append many rows; the dtype is promoted when theirs needs it."""
        dtype = np.result_type(self._buffer, values)
        length = self._length + len(values)
        if dtype != self._buffer.dtype:
            self._reserve(length, dtype)
        elif length > self._copy_at:
            self._make_room(length)
        self._buffer[self._length : length] = values
        self._length = length

    def truncate(self, length: int) -> None:
        """Forget the rows from ``length`` on, which no reader may have seen."""
        self._length, self._n_copied = length, min(length, self._n_copied)

    def view(self, length: int | None = None) -> NDArray[Any]:
        """Return the first ``length`` rows (all by default) without a copy."""
        return self._buffer[: self._length if length is None else length]

    def _reserve(self, length: int, dtype: np.dtype[Any]) -> None:
        """Move to an array with room for so many rows, and for as many as there are."""
        self._move_to(np.empty((max(length, 2 * self._length, 16), *self._buffer.shape[1:]), dtype=dtype), 0)

    def _move_to(self, larger: NDArray[Any], n_copied: int) -> None:
        larger[n_copied : self._length] = self._buffer[n_copied : self._length]
        self._buffer, capacity = larger, len(larger)
        #: Where rows are being moved to, and how many have been; nothing is done about it before there are so many.
        self._larger: NDArray[Any] | None = None
        self._n_copied = 0
        self._copy_at = capacity if capacity < FEWEST_COPIED_EARLY else 3 * capacity // 4

    def _make_room(self, length: int) -> None:
        """Copy the rows that are due, given how many there are about to be, and move if these need it."""
        capacity = len(self._buffer)
        if length > capacity:
            if self._larger is None or length > len(self._larger):
                self._reserve(length, self._buffer.dtype)
            else:
                self._move_to(self._larger, self._n_copied)
            return
        if self._larger is None:
            self._larger = np.empty((2 * capacity, *self._buffer.shape[1:]), dtype=self._buffer.dtype)
        n_due = ROWS_PER_APPENDED * max(APPENDED_BETWEEN, length - self._length)
        due = slice(self._n_copied, min(self._n_copied + n_due, self._length))
        self._larger[due] = self._buffer[due]
        self._n_copied, self._copy_at = due.stop, min(capacity, length + APPENDED_BETWEEN)
