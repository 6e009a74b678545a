"""How time enters the matrices: parameters of the estimator as computations use them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .transitions import step_weights

#: A decayed history is cut where an item would weigh less than this.
SMALLEST_HISTORY_WEIGHT = 0.002
#: Of a longer context, only so many of the newest items have a weight of their own.
MOST_LAGS = 10


@dataclass(frozen=True)
class SequenceSettings:
    """The estimator's parameters of the same names."""

    transition_window: int
    transition_decay: float
    history_decay: float
    context_size: int
    context_decay: float
    trend_half_lives: tuple[float, ...]
    neighbour_window: int = 0
    neighbour_decay: float = 1.0
    ties: str = "row"

    @property
    def by_moment(self) -> bool:
        """Whether what a user does at one time has no order."""
        return self.ties == "together"

    @property
    def step_weights(self) -> NDArray[np.int64]:
        """Weight of each transition step, in units."""
        return step_weights(self.transition_window, self.transition_decay)

    @property
    def n_lags(self) -> int:
        """How many of the last items have a weight of their own."""
        return min(self.context_size, MOST_LAGS)

    @property
    def history_length(self) -> int | None:
        """How many of the newest items a user's row holds; None if all."""
        if self.history_decay == 1:
            return None
        return int(np.log(SMALLEST_HISTORY_WEIGHT) / np.log(self.history_decay)) + 1
