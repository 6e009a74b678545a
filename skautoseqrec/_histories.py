"""Histories as ranges of one array, and what each is turned into: a decayed row, a sequence, the last items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from ._module import ItemSequences
from ._ragged import ragged_ranges
from ._settings import LONGEST_SEQUENCE, SequenceSettings


@dataclass(frozen=True)
class Histories:
    """Some histories as ranges of one array of items, each oldest first.

    Parameters
    ----------
    items : ndarray of int64
        Items that the ranges point into.
    starts, ends : ndarray of shape (n_rows,)
        Range of each history; empty for a user without events.
    """

    items: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of histories."""
        return len(self.starts)

    @classmethod
    def of_lengths(cls, items: NDArray[np.int64], lengths: NDArray[np.int64]) -> Histories:
        """Return histories that stand one after the other."""
        ends = np.cumsum(lengths)
        return cls(items, ends - lengths, ends)

    def rows(self, rows: slice | NDArray[np.integer]) -> Histories:
        """Return some of the histories."""
        return Histories(self.items, self.starts[rows], self.ends[rows])

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of events of each history."""
        return self.ends - self.starts

    def entries(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the row and the item of every event."""
        rows = np.repeat(np.arange(len(self.starts)), self.lengths)
        return rows, self.items[ragged_ranges(self.starts, self.lengths)]

    def decayed(self, settings: SequenceSettings, n_items: int) -> sparse.csr_matrix:
        """Return the user's rows: the k-th newest item weighs ``history_decay**(k - 1)``, repeats add up."""
        lengths = self.lengths
        if settings.history_length is not None:
            lengths = np.minimum(lengths, settings.history_length)
        places = ragged_ranges(self.ends - lengths, lengths)
        ages = np.repeat(self.ends - 1, lengths) - places
        indptr = np.r_[0, np.cumsum(lengths)]
        values = settings.history_decay**ages
        rows = sparse.csr_matrix((values, self.items[places], indptr), shape=(len(self), n_items))
        rows.sum_duplicates()
        return rows

    def in_sequence(self, n_trained: int | None = None) -> ItemSequences:
        """Return the newest items, newest first; items from ``n_trained`` on leave their places empty."""
        lengths = np.minimum(self.lengths, LONGEST_SEQUENCE)
        ages = np.arange(lengths.max(initial=0))
        is_item = ages < lengths[:, None]
        places = np.where(is_item, self.ends[:, None] - 1 - ages, 0)
        items = self.items[places] if len(self.items) else places
        if n_trained is not None:
            is_item &= items < n_trained
        return ItemSequences(
            torch.from_numpy(np.where(is_item, items, 0)), torch.from_numpy(is_item.astype(np.float32))
        )

    def context(self, settings: SequenceSettings) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Return the newest items of all histories, up to ``context_size`` of each: row, item and weight."""
        lengths = np.minimum(self.lengths, settings.context_size)
        places = ragged_ranges(self.ends - lengths, lengths)
        ages = np.repeat(self.ends - 1, lengths) - places
        weights = (settings.context_decay**ages).astype(np.float32)
        return np.repeat(np.arange(len(self)), lengths), self.items[places], weights
