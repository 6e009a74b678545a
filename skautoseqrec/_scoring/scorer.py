"""State and weights to scores: the blended sum."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._counts.histories import Histories
from .._network.heads import BIASED_PARTS, ItemSide
from .._network.model import FieldsOnly, Model
from .._state.forgetting import without
from .._state.overlay import Changes
from .._state.state import Snapshot, State
from .._utils.devices import CPU, beside
from .blend import PARTS, Blend, resolve_blend
from .experts import TrendView, add_direct, add_moves, add_repeat
from .queries import Queries, form_queries

#: Rows that are scored at a time, if their scores are not more numbers than these (32 MiB).
BLOCK_SIZE, SCORES_PER_BLOCK = 256, 2**23


class Recent(NamedTuple):
    """The events since a batch began, as its rows see them.

    Parameters
    ----------
    items : ndarray of shape (n_recent,)
        Item of each event.
    steps : Tensor of shape (n_recent, d)
        By how much each event moved what reaches its item.
    sees : ndarray of shape (n_rows, n_recent), bool, or None
        Which of them each row sees; None for all.
    """

    items: NDArray[np.int64]
    steps: Tensor
    sees: NDArray[np.bool_] | None

    def add(self, scores: Tensor, moves: Tensor) -> None:
        """Add by how much each event moves the score of its item, (n_rows, n_recent), for the rows that see it."""
        add_moves(scores, moves, self.items, self.sees)


@dataclass(frozen=True)
class Scorer(FieldsOnly):
    """The fitted model as scoring sees it.

    Parameters
    ----------
    model : Model
        Weights, objective and settings.
    blend : mapping
        Weight of each part of the score; "trend" has one per half-life.
    cold_blend : mapping
        The same for users without history, who have no neural part but the decoders' biases. Empty: event counts.
    device : torch.device, default=cpu
        Where scores are formed. Queries are formed, and the state is kept, on the CPU.
    """

    model: Model
    blend: Blend
    cold_blend: Blend
    device: torch.device = CPU

    #: What :meth:`standing` was last asked about, and its answer.
    _standing: ClassVar[tuple[Changes | None, Tensor]] = (None, torch.zeros(0))
    #: What :meth:`on` answered last.
    _twin: ClassVar[Scorer | None] = None

    def on(self, device: torch.device) -> Scorer:
        """Return the same scorer on another device; the newest answer is kept, for it keeps things there."""
        if device == self.device:
            return self
        twin = self._twin
        if twin is None or twin.device != device:
            twin = replace(self, device=device)
            object.__setattr__(self, "_twin", twin)
        return twin

    def score(self, queries: Queries, items: ItemSide, recent: Recent, trend: TrendView, n_items: int) -> Tensor:
        """Return the score of every item for every query, shape (n_rows, n_items).

        Parameters
        ----------
        queries : Queries
            The users.
        items : ItemSide
            The items; where it has not n_items rows, its last row stands for every item that it has none of.
        recent : Recent
            What happened since ``items`` was valid.
        trend : TrendView
            Decayed popularity, of the same recent events as the same rows see them.
        n_items : int
            Number of items to score.
        """
        blend = self.blend
        scores = self.score_queries(queries, items, n_items).add_(self.bias(items, n_items))
        if any(blend["trend"]):
            trend.add_levels(scores, blend["trend"])
        if len(recent.items):
            raised = trend.moves(blend["trend"]).to(self.device)
            recent.add(scores, raised.addmm_(queries.hidden.two_hop, recent.steps.T, alpha=blend["two_hop"]))
        return scores

    def score_queries(self, queries: Queries, items: ItemSide, n_items: int) -> Tensor:
        """Return what :meth:`score` does but for recent events, biases and the trend."""
        blend, objective = self.blend, self.model.objective
        scores = spread_unknown(objective.score(queries.hidden, items, blend), n_items)
        if blend["direct"]:
            add_direct(scores, queries.source_rows, blend["direct"])
        if blend["repeat"]:
            add_repeat(scores, queries.history_rows, blend["repeat"])
        return scores

    def bias(self, items: ItemSide, n_items: int) -> Tensor:
        """Return the blended biases of n_items items, shape (1, n_items)."""
        return spread_unknown(self.model.objective.bias(items, self.blend)[None], n_items)

    def standing(self, snapshot: Snapshot) -> Tensor:
        """Return what each known item scores whoever asks, shape (1, n_items); the newest answer is kept."""
        changes = snapshot.changes()
        known, scores = self._standing
        if known is not changes:
            scores = self.bias(self.items(snapshot), snapshot.n_items)
            if any(self.blend["trend"]):
                live_trend(self.model, snapshot, 1).add(scores, self.blend["trend"])
            # One reference, set at once: readers in other threads find a pair that belongs together.
            object.__setattr__(self, "_standing", (changes, scores))
        return scores

    def items(self, snapshot: Snapshot) -> ItemSide:
        """Return the items as the base of a snapshot has them."""
        return snapshot.base.items_on(self.device).first(snapshot.n_items)

    def score_cold(self, items: ItemSide, popularity: Tensor, trend: TrendView) -> Tensor:
        """Return the score of every item for users without history, those whose rows see the trend.

        Parameters
        ----------
        items : ItemSide
            The items.
        popularity : Tensor of shape (n_items,)
            Events of each item when the batch began.
        trend : TrendView
            Decayed popularity, and the events since then.
        """
        n_rows, n_items = len(trend.n_events), len(popularity)
        if not self.cold_blend:
            scores = popularity.expand(n_rows, -1).clone()
            return scores.index_add_(1, beside(scores, trend.items), beside(scores, trend.sees).float())
        scores = popularity.new_zeros(n_rows, n_items)
        for part, decoder in BIASED_PARTS.items():
            scores += spread_unknown(items.biases[decoder][None] * self.cold_blend[part], n_items)
        trend.add(scores, self.cold_blend["trend"])
        return scores


def rows_per_block(n_items: int) -> int:
    """Return how many rows are scored at a time."""
    return min(BLOCK_SIZE, max(1, SCORES_PER_BLOCK // max(n_items, 1)))


def score_users(scorer: Scorer, snapshot: Snapshot, histories: Histories) -> Tensor:
    """Return the score of every known item for every history, shape (n_rows, n_items)."""
    queries = form_queries(scorer.model, histories, snapshot.leaving, snapshot.n_items).to(scorer.device)
    items, changes = scorer.items(snapshot), live_changes(snapshot)
    scores = scorer.score_queries(queries, items, snapshot.n_items).add_(scorer.standing(snapshot))
    if len(changes.items) and scorer.blend["two_hop"]:
        changes.add(scores, scorer.blend["two_hop"] * queries.hidden.two_hop @ changes.steps.to(scorer.device).T)
    cold = np.flatnonzero(histories.lengths == 0)
    if len(cold):
        trend = live_trend(scorer.model, snapshot, len(cold))
        popularity = beside(scores, snapshot.popularity()).float()
        scores[beside(scores, cold)] = scorer.score_cold(items, popularity, trend)
    return scores


def live_changes(snapshot: Snapshot) -> Recent:
    """Return what happened since the base of a snapshot, which every row sees."""
    changes = snapshot.changes()
    return Recent(changes.items, changes.moves, None)


def live_trend(model: Model, snapshot: Snapshot, n_rows: int) -> TrendView:
    """Return the trend of a snapshot, the same for every row."""
    n_events = np.full(n_rows, snapshot.base.counts.clock + snapshot.n_events)
    nothing, nobody = np.zeros(0, dtype=np.int64), np.zeros((n_rows, 0), dtype=bool)
    return TrendView(model.trend, snapshot.changes().levels, n_events, nothing, 0, nobody)


def spread_unknown(scores: Tensor, n_items: int) -> Tensor:
    """Return scores for n_items items, the last column standing for every item that it has no column of."""
    if n_items == scores.shape[1]:
        return scores
    return torch.cat([scores, scores[:, -1:].expand(-1, n_items - scores.shape[1])], dim=1)


class Serving(NamedTuple):
    """The state, and the scorer under whose weights it stands.

    A reader takes it once, and the snapshot of its state once: whatever is updated, forgotten or fitted meanwhile, it
    answers from what it took.
    """

    state: State
    scorer: Scorer

    def on(self, device: torch.device) -> Serving:
        """Return the same with its scores formed on a device."""
        return self._replace(scorer=self.scorer.on(device))

    def with_blend(self, blend: Mapping[str, Any]) -> Serving:
        """Return the same under another blend."""
        n_trends = len(self.scorer.model.settings.trend_half_lives)
        return self._replace(scorer=replace(self.scorer, blend=resolve_blend(blend, PARTS, n_trends)))

    def without(self, is_forgotten: NDArray[np.bool_]) -> Serving:
        """Return the same without some events."""
        state = without(self.state, is_forgotten)
        return Serving(state, replace(self.scorer, model=state.model))


def batches(n_rows: int, n_items: int) -> Iterator[slice]:
    """Yield slices of rows to score at a time."""
    size = rows_per_block(n_items)
    for start in range(0, n_rows, size):
        yield slice(start, start + size)
