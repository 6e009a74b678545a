"""Runs: what consecutive events add to transitions and pairs, summed, in whole units, so that adding up is exact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy import sparse

from .._counts.transitions import Transitions
from .._utils.ragged import SparseEntries, are_first, ragged_ranges

#: A place of an item by item matrix is one number: its row in the upper bits, its column in so many lower ones.
COLUMN_BITS = 31


class PlaceSums(NamedTuple):
    """Entries of an item by item matrix, each place once, in order.

    Parameters
    ----------
    places : ndarray of shape (n_entries,)
        Row and column of each entry in one number, rising.
    values : ndarray of shape (n_entries,), int64
        What stands there, in units.
    """

    places: NDArray[np.int64]
    values: NDArray[np.int64]

    @classmethod
    def of(cls, rows: NDArray[np.int64], columns: NDArray[np.int64], values: NDArray[np.int64]) -> PlaceSums:
        """Return entries of which those of one place are added up."""
        places = (rows << COLUMN_BITS) | columns
        return cls._summed(places, values, np.argsort(places))

    @classmethod
    def counted(cls, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> PlaceSums:
        """Return how often each place occurs: plain numbers are sorted in a fraction of the time of an order."""
        places = np.sort((rows << COLUMN_BITS) | columns)
        starts = are_first(places).nonzero()[0]
        return cls(places[starts], np.diff(starts, append=len(places)))

    @classmethod
    def joined(cls, sums: Sequence[PlaceSums]) -> PlaceSums:
        """Return the sum of several matrices."""
        if len(sums) == 1:
            return sums[0]
        places = np.concatenate([some.places for some in sums])
        # A stable sort is one of merging, to which sorted stretches are no work.
        return cls._summed(places, np.concatenate([some.values for some in sums]), np.argsort(places, kind="stable"))

    @classmethod
    def _summed(cls, places: NDArray[np.int64], values: NDArray[np.int64], order: NDArray[np.int64]) -> PlaceSums:
        places = places[order]
        starts = are_first(places).nonzero()[0]
        if not len(starts):
            return cls(places, values)
        return cls(places[starts], np.add.reduceat(values[order], starts))

    def rows(self, items: NDArray[np.integer]) -> SparseEntries:
        """Return the rows of some items, values in units."""
        first = items.astype(np.int64) << COLUMN_BITS
        starts = self.places.searchsorted(first)
        lengths = self.places.searchsorted(first + (1 << COLUMN_BITS)) - starts
        places = ragged_ranges(starts, lengths)
        return SparseEntries(lengths, self.places[places] & ((1 << COLUMN_BITS) - 1), self.values[places])

    def within(self, first: int, stop: int) -> PlaceSums:
        """Return the entries whose places are from one to another: a view."""
        return self.between(*self.places.searchsorted(np.array([first, stop], dtype=np.int64)))

    def between(self, start: int, end: int) -> PlaceSums:
        """Return the entries from one to another: a view."""
        return PlaceSums(self.places[start:end], self.values[start:end])

    def to_csr(self, first: int, stop: int, n_items: int, dtype: DTypeLike = np.int64) -> sparse.csr_matrix:
        """Return the entries as a matrix of the rows from one place to another, between which all entries stand.

        Its indices are sorted.
        """
        bounds = np.searchsorted(self.places, rows_between(first, stop) << COLUMN_BITS)
        columns = (self.places & ((1 << COLUMN_BITS) - 1)).astype(np.int32)
        return sparse.csr_matrix((self.values.astype(dtype), columns, bounds), shape=(len(bounds) - 1, n_items))


def rows_between(first: int, stop: int) -> NDArray[np.int64]:
    """Return the rows that have a place from one to another, and behind them the next one.

    Examples
    --------
    >>> rows_between(5 << COLUMN_BITS, (7 << COLUMN_BITS) + 1)
    array([5, 6, 7, 8])
    """
    return np.arange(first >> COLUMN_BITS, (-(-stop >> COLUMN_BITS)) + 1)


class Kept(NamedTuple):
    """What is kept of events that arrive.

    Parameters
    ----------
    weights : bool, default=False
        Whether events may count something else than 1.
    arriving : bool, default=True
        Whether somebody asks what leads into an item: without a network, nobody does.
    """

    weights: bool = False
    arriving: bool = True


#: What is kept of events that all count 1.
WITHOUT_WEIGHTS = Kept()


class Run(NamedTuple):
    """What consecutive events add up to.

    Parameters
    ----------
    n_events : int
        How many events.
    leaving : PlaceSums
        The transitions they completed: a row holds those that lead from an item.
    arriving : PlaceSums
        The same, a row holding those that lead into an item; empty if nobody asks for it.
    pairs : PlaceSums
        The pairs they completed, both ways.
    """

    n_events: int
    leaving: PlaceSums
    arriving: PlaceSums
    pairs: PlaceSums

    @classmethod
    def of(cls, n_events: int, into: Transitions, near: Transitions, kept: Kept) -> Run:
        """Return what transitions and pairs add up to; without weights, each of the pairs counts 1."""
        sources, targets = np.concatenate([near.source, near.target]), np.concatenate([near.target, near.source])
        if kept.weights:
            pairs = PlaceSums.of(sources, targets, np.concatenate([near.weight, near.weight]))
        else:
            pairs = PlaceSums.counted(sources, targets)
        leaving = PlaceSums.of(into.source, into.target, into.weight)
        arriving = PlaceSums.of(into.target, into.source, into.weight) if kept.arriving else leaving.within(0, 0)
        return cls(n_events, leaving, arriving, pairs)

    @classmethod
    def joined(cls, runs: Sequence[Run]) -> Run:
        """Return several runs as one."""
        if len(runs) == 1:
            return runs[0]
        n_events = sum(run.n_events for run in runs)
        return cls(n_events, *(PlaceSums.joined(sums) for sums in list(zip(*runs, strict=True))[1:]))


def added_up(parts: Sequence[SparseEntries]) -> SparseEntries:
    """Return the sum of sparse rows that are given in parts, values in units; each place stands there once."""
    rows = np.arange(len(parts[0].lengths))
    of_entry = np.concatenate([rows.repeat(part.lengths) for part in parts])
    items = np.concatenate([part.items for part in parts])
    places, values = PlaceSums.of(of_entry, items, np.concatenate([part.values for part in parts]))
    # They stand row after row.
    bounds = places.searchsorted(np.arange(len(rows) + 1) << COLUMN_BITS)
    return SparseEntries(bounds[1:] - bounds[:-1], places & ((1 << COLUMN_BITS) - 1), values)


def in_ones(entries: SparseEntries, unit: int) -> SparseEntries:
    """Return entries that are given in units as float32 numbers."""
    return entries._replace(values=(entries.values / unit).astype(np.float32))
