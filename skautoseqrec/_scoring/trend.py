"""Decayed popularity as the rows of a batch see it: levels when the batch began, and the events since then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._counts.trend import TrendClock, log_weights
from .._data.weights import WEIGHT_UNIT
from .._state.snapshot import Snapshot
from .._utils.devices import beside
from .._utils.ragged import repeats_of


def add_score_changes(
    scores: Tensor, changes: Tensor, items: NDArray[np.int64], sees: NDArray[np.bool_] | None
) -> None:
    """Add by how much each event changes the score of its item, (n_rows, n_events), for the rows that see it.

    ``sees`` says which they are; None for all. The changes are overwritten.
    """
    if sees is not None:
        changes *= beside(scores, sees)
    scores.index_add_(1, beside(scores, items), changes)


@dataclass(frozen=True)
class TrendView:
    """The trend as the rows of a batch see it.

    Parameters
    ----------
    trend : TrendClock
        Half-lives and floors.
    levels : ndarray of shape (n_half_lives, n_items)
        Levels when the batch began.
    n_events : ndarray of shape (n_rows,), or (1,) where all rows see the same
        Number of events before each row, forgotten ones too.
    items : ndarray of shape (n_recent,)
        Items of the events since the batch began.
    n_before : int
        Number of events before the first of those.
    sees : ndarray of shape (n_rows, n_recent), or (1, 0) where all rows see the same, bool
        Which of them each row sees.
    weights : ndarray of shape (n_recent,) or None, default=None
        What each of them counts, in units; None if all count 1.
    """

    trend: TrendClock
    levels: NDArray[np.float64]
    n_events: NDArray[np.int64]
    items: NDArray[np.int64]
    n_before: int
    sees: NDArray[np.bool_]
    weights: NDArray[np.int64] | None = None

    @classmethod
    def live(cls, trend: TrendClock, snapshot: Snapshot) -> TrendView:
        """Return the trend of a snapshot: one row, which is that of every history."""
        n_events = np.array([snapshot.base.counts.clock + snapshot.n_events])
        nothing, nobody = np.zeros(0, dtype=np.int64), np.zeros((1, 0), dtype=bool)
        return cls(trend, snapshot.changes().levels, n_events, nothing, 0, nobody)

    def rows(self, rows: NDArray[np.int64]) -> TrendView:
        """Return what some of the rows see."""
        if len(self.n_events) == 1:
            return self
        return replace(self, n_events=self.n_events[rows], sees=self.sees[rows])

    def counts_seen(self) -> NDArray[np.float32]:
        """Return what each of the recent events counts for each row: nothing if the row does not see it."""
        sees = self.sees.astype(np.float32)
        return sees if self.weights is None else sees * (self.weights / WEIGHT_UNIT).astype(np.float32)

    def add(self, scores: Tensor, weights: Sequence[float]) -> None:
        """Add the weighted log counts, given one weight per half-life."""
        self.add_levels(scores, weights)
        if len(self.items):
            add_score_changes(scores, self.score_changes(weights).to(scores.device), self.items, self.sees)

    def add_levels(self, scores: Tensor, weights: Sequence[float], factor: NDArray[np.float32] | None = None) -> None:
        """Add the weighted log counts as they were when the batch began, times a factor (n_rows,).

        A log count is ``max(level - floor, 0)`` plus a constant, with a floor that rises by a constant per event. So
        above the floor it is one number per item less one per row, which a thin matrix product adds for all half-lives;
        then the items that fall to the floor meanwhile are corrected.
        """
        if len(scores) == 0:
            return
        levels, floors, _ = self._above_lowest
        weighted = np.array(weights)
        # Not a product: numpy's threads would fight torch's for the cores.
        raised = np.einsum("h,hi->i", weighted, np.maximum(levels, 0.0))
        raised += (weighted * self.trend.log_floors).sum()
        raised = _single(raised).to(scores.device)
        if factor is None:
            scores += raised
        else:
            scores.addr_(beside(scores, factor), raised)
        if floors.any():
            rows = weighted if factor is None else weighted * factor[:, None]
            rising, is_above = _single(-(floors.T * rows)), _single(levels > 0)
            scores.addmm_(rising.to(scores.device), is_above.to(scores.device))
            self._lift_to_floors(scores, levels, floors, weighted, factor)

    def score_changes(self, weights: Sequence[float]) -> Tensor:
        """Return by how much each event since the batch began raises its item, whether a row sees it or not."""
        levels, floors, lowest = self._above_lowest
        changes, repeats = torch.zeros(len(self.n_events), len(self.items), dtype=torch.float32), repeats_of(self.items)
        for half_life in np.flatnonzero(weights).tolist():
            changes.add_(self._changes(levels, floors, lowest, repeats, half_life), alpha=weights[half_life])
        return changes

    @cached_property
    def _above_lowest(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return levels and floors above the lowest floor of each half-life, and that floor."""
        floors = self.trend.rising_floors(self.n_events)
        lowest = floors.min(1, keepdims=True)
        return self.levels - lowest, floors - lowest, lowest

    @staticmethod
    def _lift_to_floors(
        scores: Tensor,
        levels: NDArray[np.float64],
        floors: NDArray[np.float64],
        weights: NDArray[np.float64],
        factor: NDArray[np.float32] | None,
    ) -> None:
        """Add what items lack that are above the lowest floor and below that of some row."""
        is_falling = (levels > 0) & (levels < floors.max(1, keepdims=True)) & (weights > 0)[:, None]
        for half_life in np.flatnonzero(is_falling.any(1)):
            falling = np.flatnonzero(is_falling[half_life])
            below = _single(floors[half_life])[:, None] - _single(levels[half_life, falling])
            lifts = below.clamp_min_(0.0).to(scores.device)
            if factor is not None:
                lifts = lifts * beside(scores, factor)[:, None]
            scores.index_add_(1, beside(scores, falling), lifts, alpha=weights[half_life])

    def _changes(
        self,
        levels: NDArray[np.float64],
        floors: NDArray[np.float64],
        lowest: NDArray[np.float64],
        repeats: list[tuple[NDArray[np.int64], NDArray[np.int64]]],
        half_life: int,
    ) -> Tensor:
        """Return by how much each recent event raises its item for each row, shape (n_rows, n_recent)."""
        arrivals = -(self.n_before + 1 + np.arange(len(self.items))) * self.trend.log_decays[half_life]
        arrivals += log_weights(self.weights) - lowest[half_life]
        before = levels[half_life, self.items]
        for rows, previous in repeats:
            before[rows] = np.logaddexp(before[previous], arrivals[previous])
        after = np.logaddexp(before, arrivals)
        row_floors = _single(floors[half_life])[:, None]
        return torch.maximum(_single(after), row_floors) - torch.maximum(_single(before), row_floors)


def _single(values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
