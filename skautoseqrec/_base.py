"""The immutable part of the state: what a log of events adds up to, in counts and in the hidden space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from ._counting import TRANSITION_UNIT, Transitions, count_user_item, find_transitions
from ._module import DECODERS, AutoSeqRecModule, SparseRows
from ._objective import ItemSide
from ._ragged import ragged_ranges, ranks_within_groups


class Events(NamedTuple):
    """Events as codes in order of arrival, and how many users and items are known once they have arrived."""

    users: NDArray[np.int64]
    items: NDArray[np.int64]
    n_users: int
    n_items: int


@dataclass(frozen=True)
class Counts:
    """Histories, transitions and popularity of a log: all that can be said of it without weights.

    Parameters
    ----------
    indptr : ndarray of shape (n_users + 1,)
        Where each user's history begins in ``history``.
    history : ndarray of shape (n_events,)
        Items, user after user, each in order of arrival.
    transitions : csr_matrix of shape (n_items, n_items), int64
        T in whole units, indices sorted.
    popularity : ndarray of shape (n_items,), int64
        Events of each item.
    """

    indptr: NDArray[np.int64]
    history: NDArray[np.int64]
    transitions: sparse.csr_matrix
    popularity: NDArray[np.int64]

    @classmethod
    def empty(cls) -> Counts:
        """Return the counts of no events."""
        none = np.zeros(0, dtype=np.int64)
        return cls(np.zeros(1, dtype=np.int64), none, sparse.csr_matrix((0, 0), dtype=np.int64), none)

    @property
    def n_users(self) -> int:
        """Number of users."""
        return len(self.indptr) - 1

    @property
    def n_items(self) -> int:
        """Number of items."""
        return len(self.popularity)

    def user_item(self) -> sparse.csr_matrix:
        """Return R: how often each user met each item, int64."""
        users = np.repeat(np.arange(self.n_users), np.diff(self.indptr))
        return count_user_item(users, self.history, (self.n_users, self.n_items))

    def advance(self, events: Events, step_weights: NDArray[np.int64]) -> tuple[Counts, sparse.csr_matrix]:
        """Return the counts with more events let in, and the transitions they added."""
        added = self.find_new_transitions(events, step_weights).to_csr(events.n_items)
        counts = self.append(events, resized(self.transitions, events.n_items) + added)
        return counts, added

    def append(self, events: Events, transitions: sparse.csr_matrix) -> Counts:
        """Return the counts with more events let in, given the transitions of all."""
        old_lengths = self.history_lengths(np.arange(events.n_users))
        indptr = np.r_[0, np.cumsum(old_lengths + np.bincount(events.users, minlength=events.n_users))]
        history = np.empty(indptr[-1], dtype=np.int64)
        history[ragged_ranges(indptr[:-1], old_lengths)] = self.history
        places = indptr[events.users] + old_lengths[events.users] + ranks_within_groups(events.users)
        history[places] = events.items
        popularity = np.bincount(events.items, minlength=events.n_items)
        popularity[: self.n_items] += self.popularity
        return Counts(indptr, history, transitions, popularity)

    def find_new_transitions(self, events: Events, step_weights: NDArray[np.int64]) -> Transitions:
        """Return the transitions that events complete, from the known histories as well as among themselves."""
        users = np.unique(events.users)
        lengths = np.minimum(self.history_lengths(users), len(step_weights))
        context = self.history[self.newest(users, lengths)]
        return find_transitions(
            np.r_[np.repeat(users, lengths), events.users],
            np.r_[context, events.items],
            step_weights,
            n_context=len(context),
        )

    def history_lengths(self, users: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of events of each user, 0 for users not known yet."""
        lengths = np.zeros(len(users), dtype=np.int64)
        known = (users >= 0) & (users < self.n_users)
        lengths[known] = self.indptr[users[known] + 1] - self.indptr[users[known]]
        return lengths

    def newest(self, users: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where the newest ``lengths`` events of each user stand in ``history``, oldest first."""
        ends = np.zeros(len(users), dtype=np.int64)
        ends[lengths > 0] = self.indptr[users[lengths > 0] + 1]
        return ragged_ranges(ends - lengths, lengths)


@dataclass(frozen=True)
class Base:
    """Counts together with what they add up to in the hidden space under trained weights.

    Parameters
    ----------
    counts : Counts
        The events let in so far.
    source : Tensor of shape (n_items, d)
        ``sum_i T[j, i] W[i]`` for every item j: what leaves it.
    target : Tensor of shape (n_items, d)
        ``sum_j T[j, i] W[j]`` for every item i: what leads to it.
    items : ItemSide with n_items + 1 rows
        What scoring reads; the last row stands for any item that is not known yet.
    """

    counts: Counts
    source: Tensor
    target: Tensor
    items: ItemSide

    @classmethod
    def build(cls, counts: Counts, module: AutoSeqRecModule) -> Base:
        """Return the base of counted events under the weights of a module."""
        source = project_rows(counts.transitions, module)
        target = project_rows(counts.transitions.T.tocsr(), module)
        return cls(counts, source, target, _item_side(target, module))

    def advance(self, events: Events, step_weights: NDArray[np.int64], module: AutoSeqRecModule) -> Base:
        """Return the base with more events let in: only what they touch is projected again."""
        counts, added = self.counts.advance(events, step_weights)
        source = padded(self.source, events.n_items)
        target = padded(self.target, events.n_items)
        for projections, matrix in ((source, added), (target, added.T.tocsr())):
            touched = np.flatnonzero(np.diff(matrix.indptr))
            projections[torch.from_numpy(touched)] += project_rows(matrix[touched], module)
        return Base(counts, source, target, _item_side(target, module))


def resized(matrix: sparse.csr_matrix, n_items: int) -> sparse.csr_matrix:
    """Return an item by item matrix with empty rows and columns added."""
    indptr = np.r_[matrix.indptr, np.full(n_items - matrix.shape[0], matrix.indptr[-1])]
    return sparse.csr_matrix((matrix.data, matrix.indices, indptr), shape=(n_items, n_items))


def padded(rows: Tensor, n_rows: int) -> Tensor:
    """Return a copy of rows with zero rows added."""
    copy = rows.new_zeros(n_rows, rows.shape[1])
    copy[: len(rows)] = rows
    return copy


def project_rows(matrix: sparse.csr_matrix, module: AutoSeqRecModule) -> Tensor:
    """Return the product of rows of transitions (in units) with the encoder's weight."""
    return project_entries(matrix.indices, matrix.data / TRANSITION_UNIT, matrix.indptr[:-1], module)


def project_entries(
    items: NDArray[np.integer], values: NDArray[np.floating], offsets: NDArray[np.integer], module: AutoSeqRecModule
) -> Tensor:
    """Return the product of sparse rows with the encoder's weight; items that have no weights count as zero rows."""
    items = items.astype(np.int64)
    trained = items < module.n_items
    rows = SparseRows(
        torch.from_numpy(np.where(trained, items, 0)),
        torch.from_numpy(np.where(trained, values, 0.0).astype(np.float32)),
        torch.from_numpy(offsets.astype(np.int64)),
    )
    return rows.project(module.encoder_weight)


def _item_side(target: Tensor, module: AutoSeqRecModule) -> ItemSide:
    """Return what scoring reads of each item, with one more row for the items not known yet.

    Items without weights of their own take the mean of the trained decoder rows: two-hop and popularity tell them
    apart.
    """
    n_untrained = len(target) + 1 - module.n_items
    weights, biases = {}, {}
    for name in DECODERS:
        decoder = module.decoder(name)
        mean_weight, mean_bias = decoder.weight.mean(0, keepdim=True), decoder.bias.mean(0, keepdim=True)
        weights[name] = torch.cat([decoder.weight, mean_weight.expand(n_untrained, -1)])
        biases[name] = torch.cat([decoder.bias, mean_bias.expand(n_untrained)])
    return ItemSide(weights, biases, module.activate(padded(target, len(target) + 1)))
