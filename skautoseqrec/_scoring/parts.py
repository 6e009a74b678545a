"""Every part of a score by itself: what blends are fitted on, and what explains an answer."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .._counts.histories import Histories
from .._network.heads import BIASED_PARTS, ItemSide
from .._network.model import Model
from .._state.state import Snapshot
from .blend import PARTS, Blend
from .experts import TrendView, add_direct, add_repeat
from .queries import Queries, form_queries
from .scorer import Recent, Scorer, live_changes, live_trend, spread_unknown


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
    like = queries.hidden.user.new_zeros(len(queries.hidden.user), n_items)
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
    return queries, snapshot.base.items.first(snapshot.n_items), live_changes(snapshot), trend, snapshot.n_items
