"""Exact walking forward in blocks: rank each event of a log, then let it in, as matrix products.

The log is known in advance, so every query of a block is formed first and scored against the items as they stood when
the block began. What the block's own events changed is added afterwards: each event moves the ``z_t`` of one item by
one step, and one more product (queries by steps) says what that step is worth to every later query of the block.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._counts.events import Events
from .._data.interactions import Columns
from .._network.heads import ItemSide
from .._network.model import Model, project
from .._state.base import Base, padded, padded_levels, spread_items
from .._state.replay import ArrivingLog
from .._utils.devices import beside
from .._utils.ragged import Entries, ranks_within_groups
from .._utils.warn import warn_caller
from .experts import TrendView
from .queries import Queries, form_queries
from .scorer import Recent, Scorer, Serving, rows_per_block

#: Scores this close, relative to the largest of their row, are tied: float32 products of different shapes differ by
#: that.
TIE_TOLERANCE = 1e-5


class Ranking(NamedTuple):
    """A block of events ready to be ranked.

    Parameters
    ----------
    events : slice
        Which events of the log.
    targets : ndarray of shape (n_rows,)
        Their items.
    seen : Tensor of shape (n_seen,), int64
        Places, in the flat scores, of what may not be recommended because its user has seen it.
    unknown : Tensor of shape (n_rows, n_new), bool
        Which of the last items, those that the state did not know when the walk began, are not known yet.
    cold : ndarray of shape (n_rows,), bool
        Whose user has no history.
    inputs : tuple
        Arguments of :meth:`Scorer.score` and of :func:`score_parts`.
    """

    events: slice
    targets: NDArray[np.int64]
    seen: Tensor
    unknown: Tensor
    cold: NDArray[np.bool_]
    inputs: tuple[Queries, ItemSide, Recent, TrendView, int]

    def deny(self, scores: Tensor, value: float = -torch.inf) -> None:
        """Set the scores of what is not eligible to a value, in place."""
        scores[:, scores.shape[1] - self.unknown.shape[1] :].masked_fill_(self.unknown, value)
        scores.view(-1).index_fill_(0, self.seen, value)


class WalkForward:
    """A private copy of the state that lets a log in, block by block, and prepares its events for ranking.

    Parameters
    ----------
    model : Model
        Weights and settings.
    base : Base
        The state to start from; it is not changed.
    events : Events
        The log in time order; users and items unknown to the base have the codes that follow its own.
    visible : ndarray of shape (n_events,)
        How many events are let in before each is ranked; not decreasing, ``visible[e] <= e``.
    exclude_seen : bool
        Whether items that the user has seen are left out.
    device : torch.device
        Where the events are to be ranked.
    """

    def __init__(
        self,
        model: Model,
        base: Base,
        events: Events,
        visible: NDArray[np.int64],
        exclude_seen: bool,
        device: torch.device,
    ) -> None:
        self._model = model
        self._base = base
        self._items, self._n_items = events.items, events.n_items
        self._visible = visible
        self._exclude_seen, self._device = exclude_seen, device
        self._log = ArrivingLog(base.counts, events, visible, model)
        self._source = padded(base.source, events.n_items)
        self._target = padded(base.target, events.n_items)
        self._item_side = spread_items(base.items, events.n_items).to(device)
        self._levels = padded_levels(base.levels, model, events.n_items)
        self.popularity = torch.zeros(events.n_items)
        self.popularity[: base.counts.n_items] = torch.from_numpy(base.counts.popularity).float()
        self.popularity = self.popularity.to(device)
        self._first_event = np.full(events.n_items, len(events.items))
        np.minimum.at(self._first_event, events.items, np.arange(len(events.items)))
        self._n_let_in = 0
        self._newest_increments = 0, torch.zeros(0, self._target.shape[1])
        self._block_size = rows_per_block(events.n_items)

    def blocks(self) -> Iterator[Ranking]:
        """Yield the events of the log in blocks, each as of its own moment."""
        start = 0
        while start < len(self._items):
            # A block's queries, and the events that its rows see and its items do not, are at most as many.
            stop = int(np.searchsorted(self._visible, self._visible[start] + self._block_size, side="right"))
            stop = min(stop, start + self._block_size, len(self._items))
            self._let_in(int(self._visible[start]))
            yield self._prepare(slice(start, stop))
            start = stop

    def _prepare(self, events: slice) -> Ranking:
        histories = self._log.histories(events)
        visible = self._visible[events]

        def leaving(last_items: Entries) -> tuple[Tensor, list[Entries]]:
            added, recent = self._log.leaving(last_items, self._n_let_in, visible)
            projections = project(last_items, self._source) + self._model.project_entries(recent)
            return projections, [self._base.transitions(last_items), added]

        queries = form_queries(self._model, histories, leaving, self._n_items).to(self._device)
        seen = slice(self._n_let_in, int(visible[-1]))
        sees = np.arange(seen.start, seen.stop) < visible[:, None]
        recent = Recent(self._items[seen], self._steps(seen), sees)
        clock = self._base.counts.clock
        trend = TrendView(self._model.trend, self._levels, clock + visible, recent.items, clock + seen.start, sees)
        inputs = (queries, self._item_side, recent, trend, self._n_items)
        n_known = self._base.counts.n_items
        unknown = torch.from_numpy(self._first_event[n_known:] >= visible[:, None]).to(self._device)
        places = histories.places(self._n_items) if self._exclude_seen else np.zeros(0, dtype=np.int64)
        seen_before = torch.from_numpy(places).to(self._device)
        return Ranking(events, self._items[events], seen_before, unknown, histories.lengths == 0, inputs)

    def _steps(self, events: slice) -> Tensor:
        """Return by how much each of some events moves what reaches its item, given all events before it."""
        items = self._items[events]
        order = np.argsort(items, kind="stable")
        items, increments = items[order], self._increments(events)[torch.from_numpy(order)]
        before = self._target[torch.from_numpy(items)]
        repeats = ranks_within_groups(items)
        for repeat in range(1, repeats.max(initial=0) + 1):
            rows = torch.from_numpy(np.flatnonzero(repeats == repeat))
            before[rows] = before[rows - 1] + increments[rows - 1]
        steps = before.new_empty(len(items), before.shape[1] - 1)
        steps[torch.from_numpy(order)] = self._model.reach(before + increments) - self._model.reach(before)
        return steps.to(self._device)

    def _increments(self, events: slice) -> Tensor:
        """Return the increments of at most a block of events; those of the whole block are formed and kept."""
        first, increments = self._newest_increments
        if not first <= events.start <= events.stop <= first + len(increments):
            first = events.start
            increments = self._log.increments(slice(first, min(first + self._block_size, len(self._items))))
            self._newest_increments = first, increments
        return increments[events.start - first : events.stop - first]

    def _let_in(self, stop: int) -> None:
        """Let the events before ``stop`` into the copy of the state."""
        for start in range(self._n_let_in, stop, self._block_size):
            events = slice(start, min(start + self._block_size, stop))
            items = torch.from_numpy(self._items[events])
            self._target.index_add_(0, items, self._increments(events))
            touched = torch.unique(items)
            reached = self._model.reach(self._target[touched])
            self._item_side.reached[touched.to(self._device)] = reached.to(self._device)
            self.popularity.index_add_(0, items.to(self._device), self.popularity.new_ones(len(items)))
            self._source.index_add_(0, *self._log.growth(events))
            arrivals = self._base.counts.clock + np.arange(events.start, events.stop)
            self._model.trend.let_in(self._levels, self._items[events], arrivals)
        self._n_let_in = max(stop, self._n_let_in)


def score_samples(serving: Serving, columns: Columns, ties: str, exclude_seen: bool) -> NDArray[np.float64]:
    """Return what the recommender's ``score_samples`` does: 1 / rank of each row's item, in row order.

    Parameters
    ----------
    serving : Serving
        State and scorer; they are left as they are.
    columns : Columns
        The log, rows in any order.
    ties : {"row", "together"}
        When events of one timestamp see each other.
    exclude_seen : bool
        Whether items that the user has seen are left out.

    Raises
    ------
    ValueError
        If ``ties`` is neither.
    """
    if ties not in ("row", "together"):
        raise ValueError(f"ties must be 'row' or 'together', not {ties!r}.")
    order = columns.time_order()
    in_time = columns.take(order)
    state, scorer = serving
    base = state.merged()
    events = state.encode_ahead(in_time, base)
    visible = visible_events(in_time.times, len(order), ties)
    values = np.empty(len(order))
    values[order] = walk_forward(scorer, base, events, visible, exclude_seen)
    _warn_if_ineligible(values)
    return values


@torch.inference_mode()
def walk_forward(
    scorer: Scorer, base: Base, events: Events, visible: NDArray[np.int64], exclude_seen: bool
) -> NDArray[np.float64]:
    """Return 1 / rank of each event's item for its user, 0 where it was not eligible.

    Parameters
    ----------
    scorer : Scorer
        The model and its blend.
    base : Base
        The state to start from; it is not changed.
    events : Events
        The log in time order.
    visible : ndarray of shape (n_events,)
        How many events are let in before each is ranked.
    exclude_seen : bool
        Whether items that the user has seen are left out.
    """
    values = np.zeros(len(events.items))
    walk = WalkForward(scorer.model, base, events, visible, exclude_seen, scorer.device)
    for ranking in walk.blocks():
        scores = scorer.score(*ranking.inputs)
        rows = np.flatnonzero(ranking.cold)
        if len(rows):
            _, items, _, trend, _ = ranking.inputs
            scores[beside(scores, rows)] = scorer.score_cold(items, walk.popularity, trend.rows(rows))
        values[ranking.events] = reciprocal_ranks(scores, ranking)
    return values


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


def reciprocal_ranks(scores: Tensor, ranking: Ranking) -> NDArray[np.float64]:
    """Return 1 / (1 + higher + tied / 2) of each row's target, 0 where it is not eligible; scores are overwritten."""
    ranking.deny(scores, 0.0)  # what may not be recommended must not count as large
    tolerance = TIE_TOLERANCE * torch.maximum(scores.amax(1, keepdim=True), -scores.amin(1, keepdim=True))
    ranking.deny(scores)
    target_scores = scores.gather(1, beside(scores, ranking.targets)[:, None])
    # As numbers: truth values take three times as long to count.
    counts = torch.empty_like(scores)
    n_higher = torch.gt(scores, target_scores + tolerance, out=counts).sum(1)
    n_tied = torch.ge(scores, target_scores - tolerance, out=counts).sum(1) - n_higher - 1
    ranks = 1 + n_higher.double() + n_tied.double() / 2
    return torch.where(torch.isfinite(target_scores[:, 0]), 1 / ranks, 0.0).cpu().numpy()


def _warn_if_ineligible(values: NDArray[np.float64]) -> None:
    share = np.mean(values == 0)
    if share > 0.5:
        warn_caller(
            f"The items of {share:.0%} of the rows were not eligible and count as 0: not known yet, or already seen by "
            "their user while exclude_seen=True. Was this log fitted before, or do people come back to items?"
        )
