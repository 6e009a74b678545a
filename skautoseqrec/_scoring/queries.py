"""What is known of the users to be answered: encoded queries, and sparse rows added up in the cheaper layout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from .._counts.histories import Context, Histories
from .._network.linear import LinearWeights
from .._network.model import Model
from .._network.vectors import QueryVectors
from .._state.last_transitions import LastTransitions
from .._utils.devices import beside
from .._utils.ragged import SparseEntries, flat_places

#: Sorting an entry of a sparse layout costs as much as so many places of a dense one.
PLACES_PER_ENTRY = 64
#: From so many entries on, scipy fills a dense array faster than torch does.
MANY_ENTRIES = 2**14
#: The linear autoencoder reads so many of the newest items: more change no ranking for the better.
LINEAR_LENGTH = 20
#: Histories up to this length are searched for repeats side by side.
LONGEST_SORTED = 256


def is_cheaper_dense(n_rows: int, n_items: int, n_entries: int) -> bool:
    """Tell in which layout rows are cheaper to add up: a dense one costs its places, a sparse one sorts its entries."""
    return n_rows * n_items <= PLACES_PER_ENTRY * n_entries


class SummedRows:
    """Sparse rows over items whose entries add up.

    Parameters
    ----------
    entries : sequence of SparseEntries
        The rows: all entries of all of them add up.
    n_items : int
        Number of items.
    """

    def __init__(self, entries: Sequence[SparseEntries], n_items: int) -> None:
        self._shape = len(entries[0].lengths), n_items
        entries = [some for some in entries if len(some.items)]
        n_entries = sum(len(some.items) for some in entries)
        self._dense = self._sparse = None
        if n_entries and is_cheaper_dense(*self._shape, n_entries):
            self._dense = self._add_up_densely(entries)
        elif n_entries:
            self._sparse = self._add_up_sparsely(entries)

    def squared_norms(self, n_trained: int) -> Tensor:
        """Return the squared norm of each row over the first ``n_trained`` items, shape (n_rows,)."""
        if self._dense is not None:
            return torch.linalg.vector_norm(self._dense[:, :n_trained], dim=1).square_()
        norms = np.zeros(self._shape[0], dtype=np.float32)
        if self._sparse is not None:
            squares = np.where(self._sparse.indices < n_trained, self._sparse.data**2, 0.0)
            is_row = np.diff(self._sparse.indptr) > 0
            norms[is_row] = np.add.reduceat(squares, self._sparse.indptr[:-1][is_row])
        return torch.from_numpy(norms)

    def add_logs(self, scores: Tensor, weight: float, factor: NDArray[np.float32] | None = None) -> None:
        """Add ``weight log1p(row)``, times a factor (n_rows,), to scores of the rows' own shape, in place."""
        self._add(scores, weight, factor, torch.log1p, np.log1p)

    def add_presence(self, scores: Tensor, weight: float, factor: NDArray[np.float32] | None = None) -> None:
        """Add the weight, times a factor (n_rows,), to scores of the rows' own shape where a row has anything."""
        self._add(scores, weight, factor, torch.sign, np.sign)

    def _add(
        self,
        scores: Tensor,
        weight: float,
        factor: NDArray[np.float32] | None,
        of_dense: Callable[[Tensor], Tensor],
        of_sparse: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    ) -> None:
        """Add a function of the entries that leaves zeros, weighted; it is given for both layouts."""
        if self._dense is not None:
            values = of_dense(self._dense.to(scores.device))
            scores.add_(values if factor is None else values.mul_(beside(scores, factor)[:, None]), alpha=weight)
        elif self._sparse is not None:
            places = flat_places(np.diff(self._sparse.indptr), self._sparse.indices, self._shape[1])
            raised = (weight * of_sparse(self._sparse.data)).astype(np.float32, copy=False)
            if factor is not None:
                raised *= np.repeat(factor, np.diff(self._sparse.indptr))
            scores.view(-1)[beside(scores, places)] += beside(scores, raised)

    def _add_up_densely(self, entries: list[SparseEntries]) -> Tensor:
        first, *others = entries
        if len(first.items) < MANY_ENTRIES:
            dense, others = torch.zeros(self._shape, dtype=torch.float32), entries
        else:
            # A matrix with entries that share a place adds them up on its way to an array.
            dense = torch.from_numpy(first.to_csr(self._shape[1]).toarray())
        for some in others:
            places = torch.from_numpy(some.places(self._shape[1]))
            dense.view(-1).scatter_add_(0, places, torch.from_numpy(some.values))
        return dense

    def _add_up_sparsely(self, entries: list[SparseEntries]) -> sparse.csr_matrix:
        rows = np.concatenate([np.repeat(np.arange(self._shape[0]), some.lengths) for some in entries])
        items = np.concatenate([some.items for some in entries])
        values = np.concatenate([some.values for some in entries])
        return sparse.coo_matrix((values, (rows, items)), shape=self._shape).tocsr()


class Queries(NamedTuple):
    """What is known of the users to be answered, one row each."""

    vectors: QueryVectors
    history_rows: SparseEntries  # (n_rows, n_items), decayed, entries that share an item standing apart
    last: LastTransitions  # what followed the last items
    linear: LinearWeights | None  # what the newest items of the history rows are multiplied with
    recent_rows: SparseEntries  # these items
    histories: Histories

    def to(self, device: torch.device) -> Queries:
        """Return the same with its vectors on another device."""
        return self._replace(vectors=self.vectors.to(device))


#: For the last items of each query: the sum of their transitions, projected, and the transitions.
TransitionsFrom = Callable[[Context], tuple[Tensor, LastTransitions]]


def form_queries(model: Model, histories: Histories, transitions_from: TransitionsFrom, n_items: int) -> Queries:
    """Return the queries of some histories.

    Parameters
    ----------
    model : Model
        Weights and settings.
    histories : Histories
        The users' histories.
    transitions_from : callable
        Looks up the transitions out of the last items of each history.
    n_items : int
        Number of known items.

    Returns
    -------
    queries : Queries
        One row per history.
    """
    decayed = histories.decayed(model.settings)
    projections, last = transitions_from(histories.context(model.settings))
    norms = of_last = torch.zeros(len(decayed.lengths), dtype=torch.float32)
    if model.heads.PARTS:  # without a network nothing is encoded, and adding up rows would be a fifth of a walk
        norms = history_norms(model, histories, decayed, n_items)
        of_last = SummedRows(last.summed(), n_items).squared_norms(model.n_trained)
    row, source = model.encode(model.project_entries(decayed), norms), model.encode(projections, of_last)
    history = row if model.history_reader is None else model.history_reader.encode(histories)
    vectors = model.heads.queries(model.module, row, history, source)
    recent = decayed if model.linear is None else histories.recent(model.settings, LINEAR_LENGTH)
    return Queries(vectors, decayed, last, model.linear, recent, histories)


def history_norms(model: Model, histories: Histories, decayed: SparseEntries, n_items: int) -> Tensor:
    """Return the squared norm of each decayed history over the items that have weights.

    It follows from the length of a history without repeats, moments and weights; only the others have to be added up.
    """
    longest, n_trained = int(decayed.lengths.max(initial=0)), model.n_trained
    if longest > LONGEST_SORTED or histories.moments is not None:
        return SummedRows([decayed], n_items).squared_norms(n_trained)
    items = np.sort(histories.newest_items(longest, nothing=-1), 1)
    is_plain = ((items[:, 1:] != items[:, :-1]) | (items[:, 1:] < 0)).all(1)
    is_plain &= items.max(1, initial=-1) < n_trained
    weights = histories.newest_weights(longest)
    if weights is not None:
        is_plain &= weights.sum(1) == decayed.lengths
        is_plain &= weights.max(1, initial=0) <= 1
    norms_by_length = np.zeros(longest + 1)
    np.cumsum(model.settings.history_decay ** (2.0 * np.arange(longest)), out=norms_by_length[1:])
    norms = torch.from_numpy(norms_by_length[decayed.lengths].astype(np.float32))
    others = np.flatnonzero(~is_plain)
    if len(others):
        rows = histories.rows(others).decayed(model.settings)
        norms[torch.from_numpy(others)] = SummedRows([rows], n_items).squared_norms(n_trained)
    return norms
