"""Training batches as sparse rows: rows of the matrices, and snapshots of histories."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from sklearn.preprocessing import normalize
from torch import Tensor

from .._counts.counts import Counts
from .._counts.histories import Histories
from .._counts.settings import SequenceSettings
from .._network.inputs import ItemSequences, SparseRows, gather_rows, item_sequences, sparse_rows, unit_rows
from .._utils.ragged import ragged_ranges

#: Where a softmax is not summed over all items, rows that ask for many of them ask for so many draws.
TARGETS_PER_ROW = 4


class Denied(NamedTuple):
    """Items that rows of a batch may not say: one entry for each row and item."""

    rows: Tensor
    items: Tensor

    def to(self, device: torch.device) -> Denied:
        """Return the same on another device."""
        return Denied(self.rows.to(device), self.items.to(device))

    def narrowed(self, candidates: Tensor) -> Denied:
        """Return the entries of some items, given in rising order, in places of them."""
        places = torch.searchsorted(candidates, self.items).clamp_max_(len(candidates) - 1)
        is_candidate = candidates[places] == self.items
        return Denied(self.rows[is_candidate], places[is_candidate])


class Batch(NamedTuple):
    """Some rows that one decoder learns: what it is shown and what it is to say."""

    decoder: str
    inputs: SparseRows | ItemSequences
    targets: SparseRows
    #: How often a row of the set that these are drawn from has an item among ``TARGETS_PER_ROW`` draws of its targets.
    target_rates: Tensor | None = None
    #: What each row may not say: its softmax is summed over other items. None where it may say anything.
    denied: Denied | None = None
    #: What the loss of each row counts, beside the mean of all rows of the set; None where all count the same.
    shares: Tensor | None = None

    def to(self, device: torch.device) -> Batch:
        """Return the batch on another device, but for what is known of its set, of which little is read."""
        denied = None if self.denied is None else self.denied.to(device)
        row_shares = None if self.shares is None else self.shares.to(device)
        rows = self.inputs.to(device), self.targets.to(device)
        return Batch(self.decoder, *rows, self.target_rates, denied, row_shares)


def shuffled_slices(rows: NDArray[np.int64], batch_size: int) -> Iterator[NDArray[np.int64]]:
    """Yield the rows in random order (torch's), a batch at a time."""
    shuffled = rows[torch.randperm(len(rows)).numpy()]
    for start in range(0, len(shuffled), batch_size):
        yield shuffled[start : start + batch_size]


def drawn_share(rows: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    """Return a share of the rows, drawn without replacement (torch's random state); all are returned as they are."""
    if share == 1:
        return rows
    return rows[torch.randperm(len(rows))[: math.ceil(share * len(rows))].numpy()]


def shuffled(batches: list[Any]) -> list[Any]:
    """Return batches, or what they are formed of, in random order (torch's)."""
    return [batches[position] for position in torch.randperm(len(batches)).tolist()]


class WholeRows:
    """Rows of a matrix that are shown and asked for, as an autoencoder's are.

    Parameters
    ----------
    decoder : str
        The decoder that learns them.
    matrix : csr matrix of shape (n_rows, n_items)
        The rows, of which empty ones are left out.
    """

    def __init__(self, decoder: str, matrix: sparse.csr_matrix) -> None:
        self._decoder = decoder
        # A row is drawn many times, and scaled once. In place: all but the values are the matrix's own.
        values = matrix.data.astype(np.float32)
        units = sparse.csr_matrix((values, matrix.indices, matrix.indptr), matrix.shape)
        self._units = normalize(units, copy=False)
        sums = np.asarray(self._units.sum(1)).ravel()
        self.rows = np.flatnonzero(sums)
        #: What makes shares of a row of unit norm; nobody draws a row of nothing.
        self._shares_of_units = np.divide(1, sums, out=np.zeros_like(sums), where=sums > 0)
        shares = self._units.data * np.repeat(self._shares_of_units, np.diff(matrix.indptr))
        chances = 1 - (1 - shares.astype(np.float64)) ** TARGETS_PER_ROW
        target_rates = np.bincount(matrix.indices, chances, minlength=matrix.shape[1]) / max(1, len(self.rows))
        self._target_rates = torch.from_numpy(target_rates)

    def batch(self, rows: NDArray[np.int64]) -> Batch:
        """Return some of the rows, of those that have entries."""
        inputs = gather_rows(self._units, rows)
        shares = inputs.scaled(torch.from_numpy(self._shares_of_units[rows]))
        return Batch(self._decoder, inputs, shares, self._target_rates)


class Snapshots:
    """Every event that has a predecessor, with the history that stood before its moment.

    Parameters
    ----------
    counts : Counts
        The log.
    settings : SequenceSettings
        How much of a history is shown.
    sequence_length : int or None
        How many of the newest items are shown as a sequence; None shows a decayed row.
    denies_seen : bool, default=False
        Whether the items of the whole history are denied, as they are never recommended.
    """

    #: An event is drawn half as often as one that is younger by this share of the log: taste moves on.
    HALF_LIFE = 0.25

    def __init__(
        self, counts: Counts, settings: SequenceSettings, sequence_length: int | None, denies_seen: bool = False
    ) -> None:
        self._history = counts.history
        self._arrivals, self._clock = counts.arrivals, counts.clock
        self._n_items = counts.n_items
        self._settings = settings
        self._sequence_length = sequence_length
        self._denies_seen = denies_seen
        self._moments = counts.moments
        places = np.arange(len(self._history))
        #: Where the moment of each event begins, and so its history ends.
        self._ends = places if self._moments is None else self._moments.begin(places)
        #: Number of events before that, of the same user.
        self._lengths = self._ends - np.repeat(counts.indptr[:-1], np.diff(counts.indptr))
        self._has_repeats = counts.user_item().nnz < len(self._history)
        #: Where the events stand in ``counts.history``.
        self.events = np.flatnonzero(self._lengths > 0)
        self._weights, self._mean_weight = counts.weights, 1.0
        if counts.weights is not None:  # what weighs nothing is nobody's target
            self.events = self.events[counts.weights[self.events] > 0]
            self._mean_weight = float(counts.weights[self.events].mean()) if len(self.events) else 1.0

    def draw(self, n_events: int) -> NDArray[np.int64]:
        """Return so many of the events, or all if there are not more, drawn without replacement by their weights."""
        half_lives = self._arrivals[self.events] / (self.HALF_LIFE * self._clock)
        # The smallest of exponential times whose rates are the weights are such a draw; logarithms cannot underflow.
        log_times = torch.empty(len(self.events), dtype=torch.float64).exponential_().log_()
        log_times -= torch.from_numpy(half_lives) * math.log(2)
        return self.events[torch.topk(log_times, min(n_events, len(self.events)), largest=False).indices.numpy()]

    def target_rates(self, events: NDArray[np.int64]) -> Tensor:
        """Return how often one of some events has each item, shape (n_items,)."""
        return torch.from_numpy(np.bincount(self._history[events], minlength=self._n_items) / max(1, len(events)))

    def batch(self, events: NDArray[np.int64], target_rates: Tensor) -> Batch:
        """Return some events as a batch: the history before each, and its item; the rates are of all events drawn."""
        ends = self._ends[events]
        histories = Histories(self._history, ends - self._lengths[events], ends, self._moments, weights=self._weights)
        length = self._sequence_length
        inputs = self._decayed_rows(histories) if length is None else item_sequences(histories, length)
        ones = np.ones(len(events), dtype=np.int64)
        targets = sparse_rows(self._history[events], ones.astype(float), ones)
        denied = self._seen(histories, self._history[events]) if self._denies_seen else None
        row_shares = None
        if self._weights is not None:
            row_shares = torch.from_numpy((self._weights[events] / self._mean_weight).astype(np.float32))
        return Batch("collaborative", inputs, targets, target_rates, denied, row_shares)

    def _seen(self, histories: Histories, targets: NDArray[np.int64]) -> Denied:
        """Return what stands in histories, but for what comes next."""
        lengths = histories.lengths
        rows = np.repeat(np.arange(len(lengths)), lengths)
        items = self._history[ragged_ranges(histories.starts, lengths)]
        if not self._has_repeats:
            return Denied(torch.from_numpy(rows), torch.from_numpy(items))
        is_other = items != targets[rows]
        return Denied(torch.from_numpy(rows[is_other]), torch.from_numpy(items[is_other]))

    def _decayed_rows(self, histories: Histories) -> SparseRows:
        lengths, items, values = histories.decayed(self._settings)
        if self._has_repeats:
            rows = sparse.csr_matrix((values, items, np.r_[0, np.cumsum(lengths)]), (len(lengths), self._n_items))
            rows.sum_duplicates()
            lengths, items, values = np.diff(rows.indptr).astype(np.int64), rows.indices, rows.data
        return unit_rows(sparse_rows(items, values, lengths))
