"""The linear autoencoder's weights, solved in closed form (EASE, Steck 2019)."""

from __future__ import annotations

import numpy as np
import torch

from .._counts.counts import Counts
from .._network.linear import LinearWeights
from .._utils.linear_autoencoder import solve_linear_autoencoder

#: The autoencoder is of so many items at most, the most frequent ones: its weights are a square of them.
MOST_ITEMS = 4096


def solve_linear(counts: Counts, penalty: float) -> LinearWeights:
    """Return the weights B without a diagonal that reconstruct binary histories best.

    ``B = I - P / diag(P)`` with ``P = (R'R + penalty I)^-1``, in float64. Where events have weights, R holds the
    largest of a user's events with an item.

    Parameters
    ----------
    counts : Counts
        The histories.
    penalty : float
        Penalty of squared weights, above 0.
    """
    n_linear = min(counts.n_items, MOST_ITEMS)
    items = np.sort(np.argsort(-counts.mass, kind="stable")[:n_linear])
    met = counts.strongest()[:, items].astype(np.float64)
    gram = (met.T @ met).toarray()
    weights = solve_linear_autoencoder(gram, penalty)
    return LinearWeights(items, torch.from_numpy(weights.astype(np.float32)))


class Solver:
    """Solves the linear autoencoder of some counts, and keeps the newest one: many epochs ask for the same.

    Parameters
    ----------
    penalty : float or None
        Penalty of squared weights; None solves none.
    """

    def __init__(self, penalty: float | None) -> None:
        self._penalty = penalty
        self._newest: tuple[Counts, LinearWeights] | None = None

    def linear(self, counts: Counts) -> LinearWeights | None:
        """Return the weights for some counts, None if there are to be none."""
        if self._penalty is None:
            return None
        if self._newest is None or self._newest[0] is not counts:
            self._newest = counts, solve_linear(counts, self._penalty)
        return self._newest[1]
