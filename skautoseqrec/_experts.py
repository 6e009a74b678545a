"""The parts of a score that need no training: direct transitions, repeats and the trend. Each is added in place."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from ._ragged import ranks_within_groups
from ._trend import TrendClock

#: How strongly a count of transitions saturates.
DIRECT_SCALE = 5.0


def add_direct(scores: Tensor, source_rows: sparse.csr_matrix, weight: float) -> None:
    """Add ``weight log1p(5 T[last items])``."""
    _add_rows(scores, source_rows, weight, DIRECT_SCALE)


def add_repeat(scores: Tensor, history_rows: sparse.csr_matrix, weight: float) -> None:
    """Add ``weight log1p(history row)``."""
    _add_rows(scores, history_rows, weight, 1.0)


def _add_rows(scores: Tensor, rows: sparse.csr_matrix, weight: float, scale: float) -> None:
    places = np.repeat(np.arange(rows.shape[0]) * scores.shape[1], np.diff(rows.indptr)) + rows.indices
    values = torch.from_numpy((weight * np.log1p(scale * rows.data)).astype(np.float32))
    # Every entry has a place of its own: duplicates were added up when the rows were formed.
    flat = scores.view(-1)
    indices = torch.from_numpy(places)
    flat[indices] += values


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

    def add(self, scores: Tensor, half_life: int, weight: float) -> None:
        """Add the weighted log counts of one half-life.

        A log count is ``max(level - floor, 0)`` plus a constant, with a floor that rises by a constant per event. All
        rows get that of the lowest floor; then the items that have to are corrected: those that had events, and those
        above the floor or, with another constant per row, those below, whichever are fewer.
        """
        floors = self.clock.rising_floors(self.n_events)[half_life]
        lowest = floors.min()
        levels, floors = self.levels[half_life] - lowest, floors - lowest
        constants = np.full(len(floors), self.clock.log_floors[half_life])
        if floors.any():
            is_above = levels > 0
            if is_above.sum() * 2 < len(levels):
                changed = np.flatnonzero(is_above)
                change = np.maximum(levels[changed] - floors[:, None], 0.0) - levels[changed]
            else:
                constants = constants - floors
                changed = np.flatnonzero(levels < floors.max())
                change = np.maximum(levels[changed], floors[:, None]) - np.maximum(levels[changed], 0.0)
            scores[:, torch.from_numpy(changed)] += _single(weight * change)
        scores += _single(weight * np.maximum(levels, 0.0))
        scores += _single(weight * constants)[:, None]
        if len(self.items):
            scores.index_add_(1, torch.from_numpy(self.items), _single(weight * self._moves(levels, floors, half_life)))

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
