"""From histories to queries: the encoded user and the encoded transitions out of the last items."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from ._batches import newest_first
from ._model import Model
from ._objective import Hidden
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

    def context(self, settings: SequenceSettings) -> list[tuple[NDArray[np.int64], NDArray[np.int64], float]]:
        """Return rows, their c-th newest items and the weight of those, for c = 1..context_size."""
        steps = []
        for age in range(settings.context_size):
            rows = np.flatnonzero(self.lengths > age)
            if len(rows):
                steps.append((rows, self.items[self.ends[rows] - 1 - age], settings.context_decay**age))
        return steps


class Queries(NamedTuple):
    """What is known of the users to be answered, one row each."""

    hidden: Hidden
    history_rows: sparse.csr_matrix  # (n_rows, n_items), decayed
    source_rows: sparse.csr_matrix  # (n_rows, n_items), what followed the last items


#: For rows of a batch and one item each: what leaves the item, projected, and its row of transitions (not in units).
Leaving = Callable[[NDArray[np.int64], NDArray[np.int64]], tuple[Tensor, sparse.csr_matrix]]


def form_queries(model: Model, histories: Histories, leaving: Leaving, n_items: int) -> Queries:
    """Return the queries of some histories.

    Parameters
    ----------
    model : Model
        Weights and settings.
    histories : Histories
        The users' histories.
    leaving : callable
        Looks up what leaves some items, as of each row.
    n_items : int
        Number of known items.

    Returns
    -------
    queries : Queries
        One row per history.
    """
    history_rows = histories.decayed(model.settings, n_items)
    row = model.encode(model.project_rows(history_rows), model.squared_norms(history_rows))
    projections = torch.zeros_like(row)
    source_rows = sparse.csr_matrix((len(histories), n_items))
    for rows, items, weight in histories.context(model.settings):
        projected, transitions = leaving(rows, items)
        projections[torch.from_numpy(rows)] += projected * weight
        source_rows = source_rows + weight * spread_rows(transitions, rows, len(histories))
    source = model.encode(projections, model.squared_norms(source_rows))
    user = row if model.module.history is None else encode_sequences(model, histories)
    hidden = Hidden(user, source, model.objective.two_hop_queries(row, source))
    return Queries(hidden, history_rows, source_rows)


def encode_sequences(model: Model, histories: Histories) -> Tensor:
    """Return the histories as the encoder that is their own encodes them."""
    lengths = np.minimum(histories.lengths, LONGEST_SEQUENCE)
    sequences = newest_first(histories.items, histories.ends, lengths, model.n_trained)
    return model.module.encode_sequences(sequences)


def spread_rows(matrix: sparse.csr_matrix, rows: NDArray[np.int64], n_rows: int) -> sparse.csr_matrix:
    """Return a taller matrix whose chosen rows are those of a matrix and whose others are empty."""
    lengths = np.zeros(n_rows + 1, dtype=np.int64)
    lengths[rows + 1] = np.diff(matrix.indptr)
    return sparse.csr_matrix((matrix.data, matrix.indices, np.cumsum(lengths)), shape=(n_rows, matrix.shape[1]))
