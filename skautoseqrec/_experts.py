"""The parts of a score that need no training: direct transitions, repeats and the trend. Each is added in place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ._ragged import ranks_within_groups
from ._summed_rows import SummedRows
from ._trend import TrendClock

#: How strongly a count of transitions saturates.
DIRECT_SCALE = 5.0


def add_direct(scores: Tensor, source_rows: SummedRows, weight: float) -> None:
    """Add ``weight log1p(5 T[last items])``."""
    source_rows.add_logs(scores, weight, DIRECT_SCALE)


def add_repeat(scores: Tensor, history_rows: SummedRows, weight: float) -> None:
    """Add ``weight log1p(history row)``."""
    history_rows.add_logs(scores, weight, 1.0)


class TrendView(NamedTuple):
    """The trend as the rows of a batch see it.

    Parameters
    ----------
    clock : TrendClock
        Half-lives and floors.
    levels : ndarray of shape (n_half_lives, n_items)
        Levels when the batch began.
    n_events : ndarray of shape (n_rows,)
        Number of events before each row.
    items : ndarray of shape (n_recent,)
        Items of the events since the batch began.
    n_before : int
        Number of events before the first of those.
    sees : ndarray of shape (n_rows, n_recent), bool
        Which of them each row sees.
    """

    clock: TrendClock
    levels: NDArray[np.float64]
    n_events: NDArray[np.int64]
    items: NDArray[np.int64]
    n_before: int
    sees: NDArray[np.bool_]

    def rows(self, rows: NDArray[np.int64]) -> TrendView:
        """Return what some of the rows see."""
        return self._replace(n_events=self.n_events[rows], sees=self.sees[rows])

    def add(self, scores: Tensor, weights: Sequence[float]) -> None:
        """Add the weighted log counts, given one weight per half-life.

        A log count is ``max(level - floor, 0)`` plus a constant, with a floor that rises by a constant per event. So
        above the floor it is one number per item less one per row, which a thin matrix product adds for all half-lives;
        then the items that have to are corrected: those that fall to the floor meanwhile, and those that had events.
        """
        floors = self.clock.rising_floors(self.n_events)
        lowest = floors.min(1, keepdims=True)
        levels, floors, weighted = self.levels - lowest, floors - lowest, np.array(weights)
        scores += _single(weighted @ np.maximum(levels, 0.0) + weighted @ self.clock.log_floors)
        if floors.any():
            scores.addmm_(_single(-(floors.T * weighted)), _single(levels > 0))
        moves = np.zeros((len(scores), len(self.items)))
        for half_life in np.flatnonzero(weighted).tolist():
            weight, level, floor = weighted[half_life], levels[half_life], floors[half_life]
            falling = np.flatnonzero((level > 0) & (level < floor.max()))
            if len(falling):
                below = np.maximum(floor[:, None] - level[falling], 0.0)
                scores[:, torch.from_numpy(falling)] += _single(weight * below)
            if len(self.items):
                moves += weight * self._moves(level, floor, half_life)
        if len(self.items):
            scores.index_add_(1, torch.from_numpy(self.items), _single(moves))

    def _moves(self, levels: NDArray[np.float64], floors: NDArray[np.float64], half_life: int) -> NDArray[np.float64]:
        """Return by how much each recent event raises its item for each row, shape (n_rows, n_recent)."""
        lowest = self.clock.rising_floors(self.n_events)[half_life].min()
        arrivals = -(self.n_before + 1 + np.arange(len(self.items))) * self.clock.log_decays[half_life] - lowest
        order = np.argsort(self.items, kind="stable")
        before, arrivals = levels[self.items[order]], arrivals[order]
        repeats = ranks_within_groups(self.items[order])
        for repeat in range(1, repeats.max(initial=0) + 1):
            rows = np.flatnonzero(repeats == repeat)
            before[rows] = np.logaddexp(before[rows - 1], arrivals[rows - 1])
        after = np.logaddexp(before, arrivals)
        moves = np.empty((len(floors), len(order)))
        moves[:, order] = np.maximum(after, floors[:, None]) - np.maximum(before, floors[:, None])
        return moves * self.sees


def _single(values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
