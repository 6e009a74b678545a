"""From histories to queries: the encoded user and the encoded transitions out of the last items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ._base import project_entries
from ._counting import step_weights
from ._module import AutoSeqRecModule
from ._ragged import ragged_ranges

#: A decayed history is cut where an item would weigh less than this.
SMALLEST_HISTORY_WEIGHT = 0.002


@dataclass(frozen=True)
class SequenceSettings:
    """How time enters the matrices: the estimator's parameters of the same names."""

    transition_window: int
    transition_decay: float
    history_decay: float
    context_size: int
    context_decay: float

    @property
    def step_weights(self) -> NDArray[np.int64]:
        """Weight of each transition step, in units."""
        return step_weights(self.transition_window, self.transition_decay)

    @property
    def history_length(self) -> int | None:
        """How many of the newest items a user's row holds; None if all."""
        if self.history_decay == 1:
            return None
        return int(np.log(SMALLEST_HISTORY_WEIGHT) / np.log(self.history_decay)) + 1


@dataclass(frozen=True)
class Histories:
    """Some histories as ranges of one array of items, each oldest first.

    Parameters
    ----------
    items : ndarray of int64
        Items that the ranges point into.
    starts, ends : ndarray of shape (n_rows,)
        Range of each history; empty for a user without events.
    """

    items: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of events of each history."""
        return self.ends - self.starts

    def entries(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the row and the item of every event."""
        rows = np.repeat(np.arange(len(self.starts)), self.lengths)
        return rows, self.items[ragged_ranges(self.starts, self.lengths)]

    def encode(self, module: AutoSeqRecModule, settings: SequenceSettings) -> Tensor:
        """Return ``z_u``: the k-th newest item weighs ``history_decay**(k - 1)``."""
        lengths = self.lengths
        if settings.history_length is not None:
            lengths = np.minimum(lengths, settings.history_length)
        places = ragged_ranges(self.ends - lengths, lengths)
        ages = np.repeat(self.ends - 1, lengths) - places
        offsets = np.cumsum(lengths) - lengths
        return module.activate(project_entries(self.items[places], settings.history_decay**ages, offsets, module))

    def context(self, settings: SequenceSettings) -> list[tuple[NDArray[np.int64], NDArray[np.int64], float]]:
        """Return rows, their c-th newest items and the weight of those, for c = 1..context_size."""
        steps = []
        for age in range(settings.context_size):
            rows = np.flatnonzero(self.lengths > age)
            if len(rows):
                steps.append((rows, self.items[self.ends[rows] - 1 - age], settings.context_decay**age))
        return steps


def add_to_rows(totals: Tensor, rows: NDArray[np.int64], values: Tensor, weight: float) -> None:
    """Add weighted values to some distinct rows in place."""
    totals[torch.from_numpy(rows)] += values * weight
