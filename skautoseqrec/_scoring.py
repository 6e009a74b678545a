"""State and weights to scores: the blended sum, or every part by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ._experts import TrendView, add_direct, add_repeat
from ._histories import Histories
from ._keeping import FieldsOnly
from ._model import Model
from ._objective import BIASED_PARTS, ItemSide
from ._queries import Queries, form_queries
from ._state import Snapshot

#: The parts of a score, in the order of fitted weights; the trend has one for each half-life.
PARTS = ("collaborative", "one_hop", "two_hop", "direct", "repeat", "trend")

Blend = Mapping[str, Any]

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
        if self.sees is not None:
            moves *= torch.from_numpy(self.sees)
        scores.index_add_(1, torch.from_numpy(self.items), moves)


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
    """

    model: Model
    blend: Blend
    cold_blend: Blend

    #: What :meth:`standing` was last asked about, and its answer.
    _standing = (None, torch.zeros(0))

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
            Decayed popularity.
        n_items : int
            Number of items to score.
        """
        blend = self.blend
        scores = self.score_queries(queries, items, n_items).add_(self.bias(items, n_items))
        if any(blend["trend"]):
            trend.add_levels(scores, blend["trend"])
        if len(recent.items):
            raised = trend.moves(blend["trend"]).addmm_(queries.hidden.two_hop, recent.steps.T, alpha=blend["two_hop"])
            recent.add(scores, raised)
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
            scores = self.bias(live_items(snapshot), snapshot.n_items)
            if any(self.blend["trend"]):
                live_trend(self.model, snapshot, 1).add(scores, self.blend["trend"])
            # One reference, set at once: readers in other threads find a pair that belongs together.
            object.__setattr__(self, "_standing", (changes, scores))
        return scores

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
            return scores.index_add_(1, torch.from_numpy(trend.items), torch.from_numpy(trend.sees).float())
        scores = torch.zeros(n_rows, n_items)
        for part, decoder in BIASED_PARTS.items():
            scores += spread_unknown(items.biases[decoder][None] * self.cold_blend[part], n_items)
        trend.add(scores, self.cold_blend["trend"])
        return scores


def rows_per_block(n_items: int) -> int:
    """Return how many rows are scored at a time."""
    return min(BLOCK_SIZE, max(1, SCORES_PER_BLOCK // max(n_items, 1)))


def score_parts(
    model: Model, queries: Queries, items: ItemSide, recent: Recent, trend: TrendView, n_items: int
) -> dict[str, Tensor]:
    """Return every part of the score by itself; their blended sum is what :meth:`Scorer.score` returns."""
    neural = model.objective.parts(queries.hidden, items)
    parts = {name: spread_unknown(part, n_items) for name, part in neural.items()}
    recent.add(parts["two_hop"], queries.hidden.two_hop @ recent.steps.T)
    parts |= {name: torch.zeros_like(parts["two_hop"]) for name in ("direct", "repeat")}
    add_direct(parts["direct"], queries.source_rows, 1.0)
    add_repeat(parts["repeat"], queries.history_rows, 1.0)
    return parts | _trend_parts(parts["two_hop"], trend)


def cold_parts(queries: Queries, items: ItemSide, recent: Recent, trend: TrendView, n_items: int) -> dict[str, Tensor]:
    """Return every part of the score of users without history by itself."""
    like = torch.zeros(len(queries.hidden.user), n_items)
    parts = {}
    for part, decoder in BIASED_PARTS.items():
        parts[part] = spread_unknown(items.biases[decoder][None], n_items).expand_as(like)
    return parts | _trend_parts(like, trend)


def _trend_parts(like: Tensor, trend: TrendView) -> dict[str, Tensor]:
    parts = {}
    # Named by their places: two half-lives may be equal.
    for half_life, weights in enumerate(np.eye(len(trend.clock.half_lives))):
        parts[f"trend {half_life}"] = torch.zeros_like(like)
        trend.add(parts[f"trend {half_life}"], weights.tolist())
    return parts


def score_users(scorer: Scorer, snapshot: Snapshot, histories: Histories) -> Tensor:
    """Return the score of every known item for every history, shape (n_rows, n_items)."""
    queries = form_queries(scorer.model, histories, snapshot.leaving, snapshot.n_items)
    items, changes = live_items(snapshot), live_changes(snapshot)
    scores = scorer.score_queries(queries, items, snapshot.n_items).add_(scorer.standing(snapshot))
    if len(changes.items) and scorer.blend["two_hop"]:
        changes.add(scores, scorer.blend["two_hop"] * queries.hidden.two_hop @ changes.steps.T)
    cold = np.flatnonzero(histories.lengths == 0)
    if len(cold):
        trend = live_trend(scorer.model, snapshot, len(cold))
        popularity = torch.from_numpy(snapshot.popularity()).float()
        scores[torch.from_numpy(cold)] = scorer.score_cold(items, popularity, trend)
    return scores


def weighted_parts(scorer: Scorer, snapshot: Snapshot, histories: Histories) -> dict[str, Tensor]:
    """Return the weighted parts of the score of every known item, which add up to what :func:`score_users` returns."""
    queries, items, recent, trend, n_items = view = live_view(scorer.model, snapshot, histories)
    warm, cold = score_parts(scorer.model, *view), cold_parts(queries, items, recent, trend, n_items)
    is_cold = torch.from_numpy(histories.lengths == 0)[:, None]
    total = {}
    for name in PARTS:
        total[name] = _weigh(warm, name, scorer.blend)
        if scorer.cold_blend and name in scorer.cold_blend:
            total[name] = torch.where(is_cold, _weigh(cold, name, scorer.cold_blend), total[name])
        else:
            total[name] = torch.where(is_cold, 0.0, total[name])
    if not scorer.cold_blend:
        total["popularity"] = torch.where(is_cold, torch.from_numpy(snapshot.popularity()).float(), 0.0)
    return total


def _weigh(parts: dict[str, Tensor], name: str, blend: Blend) -> Tensor:
    """Return one weighted part; the trend is the sum over its half-lives."""
    if name != "trend":
        return parts[name] * blend[name]
    total = torch.zeros_like(parts["collaborative"])
    trends = [part for part_name, part in parts.items() if part_name.startswith("trend ")]
    for weight, part in zip(blend["trend"], trends, strict=True):
        total += weight * part
    return total


def live_view(
    model: Model, snapshot: Snapshot, histories: Histories
) -> tuple[Queries, ItemSide, Recent, TrendView, int]:
    """Return what scoring reads of a snapshot, the same for every history."""
    queries = form_queries(model, histories, snapshot.leaving, snapshot.n_items)
    trend = live_trend(model, snapshot, len(histories))
    return queries, live_items(snapshot), live_changes(snapshot), trend, snapshot.n_items


def live_items(snapshot: Snapshot) -> ItemSide:
    """Return the items as the base of a snapshot has them."""
    return snapshot.base.items.first(snapshot.n_items)


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
