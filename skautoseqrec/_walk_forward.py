"""Exact walking forward in blocks: rank each event of a log, then let it in, as matrix products.

The log is known in advance, so every query of a block is formed first and scored against the items as they stood when
the block began. What the block's own events changed is added afterwards: each event moves the ``z_t`` of one item by
one step, and one more product (queries by steps) says what that step is worth to every later query of the block.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ._base import Base, Events, padded, project_entries, project_rows
from ._counting import TRANSITION_UNIT, Transitions
from ._objective import ItemSide, Queries
from ._queries import Histories, add_to_rows
from ._ragged import ragged_ranges, ranks_within_groups
from ._scoring import Scorer

BLOCK_SIZE = 256

#: Scores this close, relative to the largest of their row, are tied: float32 products of different shapes differ
#: by that.
TIE_TOLERANCE = 1e-5


class WalkForward:
    """A private copy of the state that lets a log in, block by block, and ranks its events.

    Parameters
    ----------
    scorer : Scorer
        The model.
    base : Base
        The state to start from; it is not changed.
    events : Events
        The log in time order; users and items unknown to the base have the codes that follow its own.
    visible : ndarray of shape (n_events,)
        How many events are let in before each is ranked; not decreasing, ``visible[e] <= e``.
    exclude_seen : bool
        Whether items that the user has seen are eligible.
    """

    def __init__(
        self, scorer: Scorer, base: Base, events: Events, visible: NDArray[np.int64], exclude_seen: bool
    ) -> None:
        self._scorer = scorer
        self._module = scorer.module
        self._users, self._items = events.users, events.items
        self._visible = visible
        self._exclude_seen = exclude_seen
        self._n_base_items = base.counts.n_items
        self._copy_base(base, events.n_items)
        self._lay_out_histories(base, events)
        transitions = base.counts.find_new_transitions(events, scorer.settings.step_weights)
        self._index_transitions(transitions.sort_by_event())
        self._first_event = np.zeros(events.n_items, dtype=np.int64)
        self._first_event[self._n_base_items :] = len(self._items)
        np.minimum.at(self._first_event, self._items, np.arange(len(self._items)))
        self._first_event[: self._n_base_items] = -1
        self._n_let_in = 0

    def reciprocal_ranks(self) -> NDArray[np.float64]:
        """Return 1 / rank of each event's item for its user, 0 where it was not eligible."""
        values = np.zeros(len(self._items))
        for block in self._blocks():
            self._let_in(int(self._visible[block.start]))
            values[block] = self._rank_block(block)
        return values

    def _copy_base(self, base: Base, n_items: int) -> None:
        self._source = padded(base.source, n_items)
        self._target = padded(base.target, n_items)
        last = base.items.reached.shape[0] - 1
        rows = torch.from_numpy(np.minimum(np.arange(n_items), last))
        self._item_side = ItemSide(
            {name: weights[rows] for name, weights in base.items.decoder_weights.items()},
            {name: biases[rows] for name, biases in base.items.decoder_biases.items()},
            base.items.reached[rows],
        )
        self._popularity = torch.zeros(n_items)
        self._popularity[: base.counts.n_items] = torch.from_numpy(base.counts.popularity).float()

    def _lay_out_histories(self, base: Base, events: Events) -> None:
        """Put old and new events of each user side by side, so that a history is a range at any time."""
        users, rows = np.unique(events.users, return_inverse=True)
        old_lengths = base.counts.history_lengths(users)
        lengths = old_lengths + np.bincount(rows)
        starts = np.cumsum(lengths) - lengths
        self._history = np.empty(lengths.sum(), dtype=np.int64)
        self._history[ragged_ranges(starts, old_lengths)] = base.counts.history[base.counts.newest(users, old_lengths)]
        places = starts[rows] + old_lengths[rows] + ranks_within_groups(rows)
        self._history[places] = events.items
        self._starts = starts[rows]
        self._ends = self._starts + old_lengths[rows] + _count_earlier(rows, self._visible)

    def _index_transitions(self, transitions: Transitions) -> None:
        self._into = transitions
        n_events = len(self._items)
        self._into_bounds = np.searchsorted(transitions.event, np.arange(n_events + 1))
        order = np.lexsort((transitions.event, transitions.source))
        self._leaving_keys = transitions.source[order] * (n_events + 1) + transitions.event[order]
        self._leaving_target = transitions.target[order]
        self._leaving_weight = transitions.weight[order] / TRANSITION_UNIT

    def _blocks(self) -> Iterator[slice]:
        """Yield blocks whose queries, and whose events to be corrected for, are at most BLOCK_SIZE."""
        start = 0
        while start < len(self._items):
            stop = int(np.searchsorted(self._visible, self._visible[start] + BLOCK_SIZE, side="right"))
            stop = min(stop, start + BLOCK_SIZE, len(self._items))
            yield slice(start, stop)
            start = stop

    def _rank_block(self, block: slice) -> NDArray[np.float64]:
        histories = Histories(self._history, self._starts[block], self._ends[block])
        queries = Queries(histories.encode(self._module, self._scorer.settings), self._encode_sources(block, histories))
        scores = self._scorer.objective.score(queries, self._item_side, self._scorer.blend)
        self._correct(scores, queries, block, histories.lengths == 0)
        self._mask(scores, block, histories)
        return reciprocal_ranks(scores, self._items[block])

    def _encode_sources(self, block: slice, histories: Histories) -> Tensor:
        """Return ``z_s`` as of each event: the sources at the block's start plus what its earlier events added."""
        projections = torch.zeros(len(histories.starts), self._source.shape[1])
        for rows, items, weight in histories.context(self._scorer.settings):
            keys = items * (len(self._items) + 1)
            first = np.searchsorted(self._leaving_keys, keys + self._n_let_in)
            lengths = np.searchsorted(self._leaving_keys, keys + self._visible[block][rows]) - first
            added = ragged_ranges(first, lengths)
            recent = project_entries(
                self._leaving_target[added], self._leaving_weight[added], np.cumsum(lengths) - lengths, self._module
            )
            add_to_rows(projections, rows, self._source[torch.from_numpy(items)] + recent, weight)
        return self._module.activate(projections)

    def _correct(self, scores: Tensor, queries: Queries, block: slice, cold: NDArray[np.bool_]) -> None:
        """Add what the events since the block's start changed, each to the queries that come after it."""
        recent = slice(self._n_let_in, int(self._visible[block.stop - 1]))
        items = torch.from_numpy(self._items[recent])
        sees = torch.from_numpy(np.arange(recent.start, recent.stop) < self._visible[block, None])
        moves = self._scorer.objective.two_hop_queries(queries, self._scorer.blend) @ self._steps(recent).T
        scores.index_add_(1, items, moves * sees)
        if cold.any():
            rows = torch.from_numpy(np.flatnonzero(cold))
            scores[rows] = self._popularity.expand(len(rows), -1).index_add(1, items, sees[rows].float())

    def _steps(self, recent: slice) -> Tensor:
        """Return by how much each of some events moves the ``z_t`` of its item, given all events before it."""
        items = self._items[recent]
        order = np.argsort(items, kind="stable")
        items, increments = items[order], self._increments(recent)[torch.from_numpy(order)]
        before = self._target[torch.from_numpy(items)]
        repeats = ranks_within_groups(items)
        for repeat in range(1, repeats.max(initial=0) + 1):
            rows = torch.from_numpy(np.flatnonzero(repeats == repeat))
            before[rows] = before[rows - 1] + increments[rows - 1]
        steps = torch.empty_like(before)
        steps[torch.from_numpy(order)] = self._module.activate(before + increments) - self._module.activate(before)
        return steps

    def _increments(self, events: slice) -> Tensor:
        """Return what each of some events adds to the target projection of its item."""
        bounds = self._into_bounds[events.start : events.stop + 1]
        entries = slice(bounds[0], bounds[-1])
        values = self._into.weight[entries] / TRANSITION_UNIT
        return project_entries(self._into.source[entries], values, bounds[:-1] - bounds[0], self._module)

    def _mask(self, scores: Tensor, block: slice, histories: Histories) -> None:
        """Set the scores of ineligible items to minus infinity: not known yet, or seen."""
        unknown = self._first_event[self._n_base_items :] >= self._visible[block, None]
        scores[:, self._n_base_items :].masked_fill_(torch.from_numpy(unknown), -torch.inf)
        if self._exclude_seen:
            rows, items = histories.entries()
            scores[torch.from_numpy(rows), torch.from_numpy(items)] = -torch.inf

    def _let_in(self, stop: int) -> None:
        """Let the events before ``stop`` into the copy of the state."""
        for start in range(self._n_let_in, stop, BLOCK_SIZE):
            events = slice(start, min(start + BLOCK_SIZE, stop))
            items = torch.from_numpy(self._items[events])
            self._target.index_add_(0, items, self._increments(events))
            touched = torch.unique(items)
            self._item_side.reached[touched] = self._module.activate(self._target[touched])
            self._popularity.index_add_(0, items, torch.ones(len(items)))
            entries = slice(self._into_bounds[events.start], self._into_bounds[events.stop])
            added = Transitions(*(column[entries] for column in self._into)).to_csr(len(self._source))
            sources = np.flatnonzero(np.diff(added.indptr))
            self._source[torch.from_numpy(sources)] += project_rows(added[sources], self._module)
        self._n_let_in = max(stop, self._n_let_in)


def visible_events(times: NDArray[np.generic] | None, n_events: int, ties: str) -> NDArray[np.int64]:
    """Return how many events are let in before each event of a log in time order is ranked.

    Parameters
    ----------
    times : ndarray of shape (n_events,) or None
        Times in order.
    n_events : int
        Length of the log.
    ties : {"row", "together"}
        Whether events of one timestamp see those of earlier rows, or none of each other.
    """
    if ties == "row" or times is None:
        return np.arange(n_events)
    return np.searchsorted(times, times, side="left")


def reciprocal_ranks(scores: Tensor, targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return 1 / (1 + higher + tied / 2) of each row's target, 0 where its score is minus infinity."""
    eligible = torch.isfinite(scores)
    target_scores = scores.gather(1, torch.from_numpy(targets)[:, None])
    largest = torch.where(eligible, scores.abs(), 0.0).amax(1, keepdim=True)
    tolerance = TIE_TOLERANCE * largest
    higher = (scores > target_scores + tolerance).sum(1)
    tied = (scores >= target_scores - tolerance).sum(1) - higher - 1
    ranks = 1 + higher + tied / 2
    is_eligible = torch.isfinite(target_scores[:, 0])
    return torch.where(is_eligible, 1 / ranks.double(), 0.0).numpy()


def _count_earlier(groups: NDArray[np.int64], visible: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each row how many of the first ``visible[row]`` rows share its group."""
    n_rows = len(groups)
    keys = np.sort(groups * (n_rows + 1) + np.arange(n_rows))
    group_starts = np.searchsorted(keys, groups * (n_rows + 1))
    return np.searchsorted(keys, groups * (n_rows + 1) + visible) - group_starts
