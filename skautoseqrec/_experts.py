"""The parts of a score that need no training: direct transitions, repeats and the trend. Each is added in place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from ._ragged import ranks_within_groups
from ._summed_rows import SummedRows
from ._trend import TrendClock

#: How strongly a count of transitions saturates.
DIRECT_SCALE = 5.0


def add_direct(scores: Tensor, source_rows: SummedRows, weight: float) -> None:
    """Add ``weight log1p(5 T[last items])``."""
    source_rows.add_logs(scores, weight, DIRECT_SCALE)


def add_repeat(scores: Tensor, history_rows: sparse.csr_matrix, weight: float) -> None:
    """Add ``weight log1p(history row)``."""
    places = np.repeat(np.arange(history_rows.shape[0]) * scores.shape[1], np.diff(history_rows.indptr))
    # Every entry has a place of its own: duplicates were added up when the rows were formed.
    scores.view(-1)[torch.from_numpy(places + history_rows.indices)] += _single(weight * np.log1p(history_rows.data))


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

    def add(self, scores: Tensor, weights: Sequence[float]) -> None:
        """Add the weighted log counts, given one weight per half-life.

        A log count is ``max(level - floor, 0)`` plus a constant, with a floor that rises by a constant per event. So
        above the floor it is one number per item less one per row, which a thin matrix product adds for all half-lives;
        then the items that have to are corrected: those that fall to the floor meanwhile, and those that had events.
        """
        all_floors = self.clock.rising_floors(self.n_events)
        of_items = [np.zeros(scores.shape[1])]
        of_rows = [np.ones(len(scores))]
        constants, moves = np.zeros(len(scores)), np.zeros((len(scores), len(self.items)))
        for half_life, weight in enumerate(weights):
            if not weight:
                continue
            lowest = all_floors[half_life].min()
            levels, floors = self.levels[half_life] - lowest, all_floors[half_life] - lowest
            is_above = levels > 0
            of_items[0] += weight * np.maximum(levels, 0.0)
            of_items.append(is_above)
            of_rows.append(-weight * floors)
            constants += weight * self.clock.log_floors[half_life]
            falling = np.flatnonzero(is_above & (levels < floors.max()))
            if len(falling):
                scores[:, torch.from_numpy(falling)] += _single(
                    weight * np.maximum(floors[:, None] - levels[falling], 0.0)
                )
            if len(self.items):
                moves += weight * self._moves(levels, floors, half_life)
        of_items.append(np.ones(scores.shape[1]))
        of_rows.append(constants)
        scores.addmm_(_single(np.stack(of_rows, 1)), _single(np.stack(of_items)))
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


def _single(values: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
