"""Exact walking forward in blocks: rank each event of a log, then add it to the state, as matrix products.

The log is known in advance, so every query of a block is formed first and scored against the items as they stood when
the block began. What the block's own events changed is added afterwards: each event moves the ``z_t`` of one item by
one step, and one more product (queries by steps) says what that step is worth to every later query of the block.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._counts.evaluation_warnings import (
    TRIED_EVENTS,
    find_ineligible,
    share_a_moment,
    warn_of_past,
    warn_of_ties,
    warn_of_zeros,
)
from .._counts.events import Events
from .._counts.histories import Context
from .._counts.moments import visible_events
from .._data.interactions import Columns
from .._network.model import Model
from .._state.base import Base
from .._state.dislikes import DislikedItems, disliked_ahead
from .._state.last_transitions import LastTransitions
from .._state.replay import Replay
from .._utils.arguments import check_ties
from .._utils.devices import beside
from .._utils.torch_state import in_usual_torch_state
from .gate import describe
from .queries import form_queries
from .scorer import Scorer, Serving, rows_per_block
from .trend import TrendView
from .view import Recent, View

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
    view : View
        What they are scored from.
    denied : Tensor of shape (n_denied,), int64
        Places, in the flat scores, of what may not be recommended because its user has seen or dislikes it.
    unknown : Tensor of shape (n_rows, n_new), bool
        Which of the last items, those that the state did not know when the walk began, are not known yet.
    """

    events: slice
    targets: NDArray[np.int64]
    view: View
    denied: Tensor
    unknown: Tensor

    def deny(self, scores: Tensor, value: float = -torch.inf) -> None:
        """Set the scores of what is not eligible to a value, in place."""
        scores[:, scores.shape[1] - self.unknown.shape[1] :].masked_fill_(self.unknown, value)
        scores.view(-1).index_fill_(0, self.denied, value)


class WalkForward:
    """Prepares the events of a log for ranking, block by block, each as of its own moment.

    Parameters
    ----------
    model : Model
        Weights and settings.
    base : Base
        The state to start from; it is not changed.
    events : Events
        The log in time order; users and items unknown to the base have the codes that follow its own.
    visible : ndarray of shape (n_events,)
        How many events each event sees; not decreasing, ``visible[e] <= e``.
    exclude_seen : bool
        Whether items that the user has seen are left out.
    device : torch.device
        Where the events are to be ranked.
    disliked : DislikedItems or None, default=None
        What the user of each event dislikes, which is left out.
    """

    def __init__(
        self,
        model: Model,
        base: Base,
        events: Events,
        visible: NDArray[np.int64],
        exclude_seen: bool,
        device: torch.device,
        disliked: DislikedItems | None = None,
    ) -> None:
        self._model, self._events, self._visible = model, events, visible
        self._exclude_seen, self.device, self._disliked = exclude_seen, device, disliked
        self._block_size = rows_per_block(events.n_items)
        self._replay = Replay(model, base, events, visible, self._block_size, device)

    def blocks(self) -> Iterator[Ranking]:
        """Yield the events of the log in blocks."""
        start, n_events = 0, len(self._replay)
        while start < n_events:
            # A block's queries, and the events that its rows see and its items do not, are at most as many.
            stop = int(np.searchsorted(self._visible, self._visible[start] + self._block_size, side="right"))
            stop = min(stop, start + self._block_size, n_events)
            self._replay.add_events(int(self._visible[start]))
            yield self._prepare(slice(start, stop))
            start = stop

    def _prepare(self, events: slice) -> Ranking:
        replay, visible, n_items = self._replay, self._visible[events], self._events.n_items
        histories, settings = replay.histories(events), self._model.settings
        neighbours, seconds = histories.neighbours(settings), replay.seconds(events)
        asked_at = np.nan if seconds is None else seconds

        def transitions_from(context: Context) -> tuple[Tensor, LastTransitions]:
            return replay.transitions_from(context, visible)

        queries = form_queries(self._model, histories, transitions_from, n_items).to(self.device)
        seen_here = slice(replay.n_added, int(visible[-1]))
        sees = np.arange(seen_here.start, seen_here.stop) < visible[:, None]
        items, n_before = self._events.items[seen_here], replay.clock + seen_here.start
        weights = replay.weights(seen_here)
        view = View(
            queries=queries,
            item_vectors=replay.item_vectors,
            recent=Recent(items, replay.vector_changes(seen_here), sees),
            trend=TrendView(self._model.trend, replay.levels, replay.clock + visible, items, n_before, sees, weights),
            n_items=n_items,
            is_cold=histories.lengths == 0,
            mass=lambda: replay.mass.float(),
            neighbourhood=(lambda: replay.neighbourhood(neighbours, visible)) if settings.neighbour_window else None,
            situations=lambda: describe(histories, asked_at, replay.popularity_of(histories.newest_moments(), visible)),
        )
        places = histories.places(n_items) if self._exclude_seen else np.zeros(0, dtype=np.int64)
        if self._disliked is not None:
            places = np.r_[places, self._disliked.rows(events).places(n_items)]
        denied = torch.from_numpy(places).to(self.device)
        return Ranking(events, self._events.items[events], view, denied, replay.unknown(visible))


@in_usual_torch_state
def score_samples(
    serving: Serving, columns: Columns, ties: str | None, exclude_seen: bool, asks_for_rows: bool
) -> NDArray[np.float64]:
    """Return what the recommender's ``score_samples`` does: 1 / rank of each row's item, in row order.

    Parameters
    ----------
    serving : Serving
        State and scorer; they are left as they are.
    columns : Columns
        The log, rows in any order.
    ties : {"row", "together"} or None
        When events of one timestamp see each other; None takes what the fit took.
    exclude_seen : bool
        Whether items that the user has seen are left out.
    asks_for_rows : bool
        Whether somebody chose "row", who is then told if the order of tied rows matters.

    Raises
    ------
    ValueError
        If ``ties`` is neither.
    """
    ties = check_ties(ties) or serving.scorer.model.settings.ties
    state, scorer = serving
    order = columns.time_order(by_moment=ties == "together")
    in_time = columns.take(order)
    snapshot = state.snapshot
    base = state.merged(snapshot)
    events = state.encode_ahead(in_time, base)
    if scorer.outside is not None:
        scorer = replace(scorer, outside=scorer.outside.ahead(in_time.item_ids, base.counts.n_items))
    visible = visible_events(in_time.times, len(order), ties)
    disliked = disliked_ahead(snapshot.dislikes, in_time, events, state.item_vocabulary, base.counts.n_items)
    of_events = walk_forward(scorer, base, events, visible, exclude_seen, disliked)
    is_seen, is_new = find_ineligible(of_events, events, visible, base.counts.n_items)
    if disliked is not None:
        is_seen &= ~disliked.holds(events.items)
    if not warn_of_zeros(is_seen, is_new):
        warn_of_past(events.seconds, base.counts.seconds)
    if asks_for_rows and share_a_moment(events):
        n_tried = min(len(order), TRIED_EVENTS)
        oldest = in_time.take(slice(n_tried))
        tried = state.encode_ahead(oldest, base)
        disliked = disliked_ahead(snapshot.dislikes, oldest, tried, state.item_vocabulary, base.counts.n_items)
        together = visible_events(None if in_time.times is None else in_time.times[:n_tried], n_tried, "together")
        warn_of_ties(of_events[:n_tried], walk_forward(scorer, base, tried, together, exclude_seen, disliked))
    values = np.empty(len(order))
    values[order] = of_events
    return values


@torch.inference_mode()
def walk_forward(
    scorer: Scorer,
    base: Base,
    events: Events,
    visible: NDArray[np.int64],
    exclude_seen: bool,
    disliked: DislikedItems | None = None,
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
        How many events each event sees; not decreasing, ``visible[e] <= e``.
    exclude_seen : bool
        Whether items that the user has seen are left out.
    disliked : DislikedItems or None, default=None
        What the user of each event dislikes, which is left out.
    """
    values = np.zeros(len(events.items))
    for ranking in WalkForward(scorer.model, base, events, visible, exclude_seen, scorer.device, disliked).blocks():
        values[ranking.events] = reciprocal_ranks(scorer.score(ranking.view), ranking)
    return values


def reciprocal_ranks(scores: Tensor, ranking: Ranking) -> NDArray[np.float64]:
    """Return 1 / rank of each row's target, 0 where it is not eligible; scores are overwritten."""
    ranking.deny(scores, 0.0)  # what may not be recommended must not count as large
    largest = torch.maximum(scores.amax(1, keepdim=True), -scores.amin(1, keepdim=True))
    ranking.deny(scores)
    target_scores = scores.gather(1, beside(scores, ranking.targets)[:, None])
    # As numbers: they are counted faster than truth values.
    counts = torch.empty_like(scores)
    n_higher = torch.gt(scores, target_scores + TIE_TOLERANCE * largest, out=counts).sum(1)
    n_tied = torch.ge(scores, target_scores - TIE_TOLERANCE * largest, out=counts).sum(1) - n_higher - 1
    ranks = rank_among(n_higher.double(), n_tied.double())
    return torch.where(torch.isfinite(target_scores[:, 0]), 1 / ranks, 0.0).cpu().numpy()


def rank_among(n_higher: Tensor, n_tied: Tensor) -> Tensor:
    """Return the rank of items with so many others above them and so many tied: ties count at half."""
    return 1 + n_higher + n_tied / 2
