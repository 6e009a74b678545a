"""The immutable part of the state: what a log of events adds up to, in counts and in the hidden space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from .._counts.counts import Counts
from .._counts.events import Events
from .._counts.pairs import PairCounts
from .._counts.settings import SequenceSettings
from .._counts.transitions import TRANSITION_UNIT
from .._network.model import Model
from .._network.vectors import ARRAYS, BIASED_PARTS, ItemVectors
from .._utils.keeping import FieldsOnly
from .._utils.sparse import entries_at
from .neighbours import DensePairs, SparsePairs, is_cheaper_as_array, read_pairs

#: How strongly a count of transitions saturates in a log.
TRANSITION_SCALE = np.float32(5.0)
#: Logs of transitions are laid out as an array for a question about one in so many of its rows: after a merge, a small
#: question would wait longer for the array than for its answer.
ROWS_PER_ASKED = 8


@dataclass(frozen=True)
class Base(FieldsOnly):
    """Counts together with what they add up to under trained weights.

    Parameters
    ----------
    counts : Counts
        The events so far.
    source : Tensor of shape (n_items, d)
        ``sum_i T[j, i] W[i]`` for every item j: what leaves it.
    target : Tensor of shape (n_items, d + 1)
        ``sum_j T[j, i] W[j]`` for every item i, and behind it ``sum_j T[j, i]**2``: what leads to it.
    transitions : csr_matrix of shape (n_items, n_items), float32
        T, not in units, with the indices of ``counts.transitions``.
    levels : ndarray of shape (n_half_lives, n_items)
        Levels of the trend.
    item_vectors : ItemVectors with n_items + 1 rows
        What scoring reads; the last row stands for any item that is not known yet.
    n_built_from : int
        How many events it was last built from as a whole; what came since was added to sums of float32.
    """

    counts: Counts
    source: Tensor
    target: Tensor
    transitions: sparse.csr_matrix
    levels: NDArray[np.float64]
    item_vectors: ItemVectors
    n_built_from: int

    @classmethod
    def build(cls, counts: Counts, items: NDArray[np.int64], model: Model) -> Base:
        """Return the base of counted events, given their items in order of arrival."""
        transitions = counts.transitions / TRANSITION_UNIT
        norms = model.column_norms(counts.transitions)
        target = torch.cat([model.project_rows(transitions.T.tocsr()), norms[:, None]], 1)
        levels, weights = model.trend.empty_levels(counts.n_items), counts.weights
        in_order = None if weights is None else weights[np.argsort(counts.arrivals)]
        model.trend.add_events(levels, items, np.sort(counts.arrivals), in_order)
        source, values = model.project_rows(transitions), single_precision(counts.transitions)
        vectors = item_vectors(target, model)
        return cls(counts, source, target, values, levels, vectors, len(counts.history))

    def add_events(self, events: Events, model: Model) -> Base:
        """Return the base with more events: only what they touch is computed again."""
        counts, added = self.counts.add_events(events, model.settings.step_weights)
        source, target = padded(self.source, events.n_items), padded(self.target, events.n_items)
        for projections, matrix in ((source, added.tocsr()), (target[:, :-1], added.T.tocsr())):
            touched = np.flatnonzero(np.diff(matrix.indptr))
            projections[torch.from_numpy(touched)] += model.project_rows(matrix[touched] / TRANSITION_UNIT)
        target[:, -1] = model.column_norms(counts.transitions)
        item_vectors = spread_items(self.item_vectors, events.n_items + 1)
        changed = torch.from_numpy(np.unique(events.items))
        item_vectors.two_hop[changed] = model.reach(target[changed])
        levels = padded_levels(self.levels, model, events.n_items)
        model.trend.add_events(levels, events.items, np.arange(self.counts.clock, counts.clock), events.weights)
        values = single_precision(counts.transitions)
        grown = Base(counts, source, target, values, levels, item_vectors, self.n_built_from)
        if self.keeps("pairs"):
            grown.keep("pairs", counts, lambda: self.pairs(model.settings).add_events(events, self.counts))
        return grown

    def pairs(self, settings: SequenceSettings) -> PairCounts:
        """Return the counts of pairs of items; they are counted when they are first asked for."""
        return self.keep("pairs", self.counts, lambda: PairCounts.of(self.counts, settings.neighbour_window))

    def readable_pairs(self, settings: SequenceSettings) -> DensePairs | SparsePairs:
        """Return the counts of pairs as scoring reads them."""
        pairs = self.pairs(settings)
        return self.keep("readable pairs", pairs, lambda: read_pairs(pairs))

    @property
    def transition_logs(self) -> sparse.csr_matrix:
        """``log1p(5 T)``, with the indices of ``transitions``."""
        return self.keep("logs", self.transitions, lambda: log_transitions(self.transitions))

    def log_array(self, n_rows: int) -> Tensor | None:
        """Return ``log1p(5 T)`` as an array, of which so many rows are added up; None where sparse rows are cheaper."""
        n_items = self.counts.n_items
        if ROWS_PER_ASKED * n_rows < n_items or not is_cheaper_as_array(self.transitions.nnz, n_items):
            return None
        return self.keep("log array", self.transitions, lambda: torch.from_numpy(self.transition_logs.toarray()))

    def logs_at(self, sources: NDArray[np.integer], targets: NDArray[np.integer], n_rows: int) -> NDArray[np.float32]:
        """Return entries of ``log1p(5 T)`` in so many of its rows, 0 for items that it does not know."""
        n_items = self.counts.n_items
        is_known = (sources < n_items) & (targets < n_items)
        sources, targets = sources[is_known], targets[is_known]
        array = self.log_array(n_rows)
        logs = np.zeros(len(is_known), dtype=np.float32)
        if array is None:
            logs[is_known] = entries_at(self.transition_logs, sources, targets)
        else:
            logs[is_known] = array.view(-1).numpy().take(sources * np.int64(n_items) + targets)
        return logs


def single_precision(transitions: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return transitions in units as float32 numbers not in units, sharing the indices."""
    values = (transitions.data / TRANSITION_UNIT).astype(np.float32)
    return sparse.csr_matrix((values, transitions.indices, transitions.indptr), shape=transitions.shape)


def log_transitions(transitions: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return ``log1p(5 T)``, sharing the indices."""
    parts = logs_of(transitions.data), transitions.indices, transitions.indptr
    return sparse.csr_matrix(parts, shape=transitions.shape)


def logs_of(transitions: NDArray[Any]) -> NDArray[Any]:
    """Return ``log1p(5 t)`` of entries of T."""
    logs: NDArray[Any] = np.log1p(TRANSITION_SCALE * transitions)
    return logs


def padded(rows: Tensor, n_rows: int) -> Tensor:
    """Return a copy of rows with zero rows added."""
    copy = rows.new_zeros(n_rows, rows.shape[1])
    copy[: len(rows)] = rows
    return copy


def padded_levels(levels: NDArray[np.float64], model: Model, n_items: int) -> NDArray[np.float64]:
    """Return a copy of trend levels with items without events added."""
    copy = model.trend.empty_levels(n_items)
    copy[:, : levels.shape[1]] = levels
    return copy


def item_vectors(target: Tensor, model: Model) -> ItemVectors:
    """Return what scoring reads of each item, with one more row for the items not known yet.

    Items without weights of their own take the mean of the trained decoder rows: what leads to them, direct
    transitions and the trend tell them apart.
    """
    n_rows = len(target) + 1
    n_untrained = n_rows - model.n_trained
    vectors, biases = {"two_hop": model.reach(padded(target, n_rows))}, {}
    for part, name in BIASED_PARTS.items():
        decoder = model.module.decoder(name)
        mean_weight, mean_bias = decoder.weight.mean(0, keepdim=True), decoder.bias.mean(0, keepdim=True)
        vectors[part] = torch.cat([decoder.weight, mean_weight.expand(n_untrained, -1)])
        biases[name] = torch.cat([decoder.bias, mean_bias.expand(n_untrained)])
    return ItemVectors(tuple(torch.cat([vectors[part] for part in parts], 1) for parts in ARRAYS), biases)


def spread_items(items: ItemVectors, n_rows: int) -> ItemVectors:
    """Return vectors of so many items that may be written to: the last row stands for all that were not known."""
    rows = torch.from_numpy(np.minimum(np.arange(n_rows), items.n_items - 1))
    return items.map(lambda known: known[rows])
