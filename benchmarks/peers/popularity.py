"""Popularity, where an event counts half after so many further events."""

from __future__ import annotations

from math import log

import numpy as np
from numpy.typing import NDArray

from .replay import Replay

__all__ = ["DecayedPopularity", "fill_up"]


class DecayedPopularity(Replay):
    """The items with the most recent events, the same to all users.

    Parameters
    ----------
    half_life : float
        Events of anybody after which an event weighs half.
    """

    def __init__(self, half_life: float = 300.0, *, exclude_seen: bool = True) -> None:
        super().__init__(exclude_seen=exclude_seen)
        self.rate = log(2) / half_life

    def start(self) -> None:
        """Begin without events."""
        self.logs = np.full(self.n_items, -np.inf)

    def let_in(self, user: int, item: int, time: float) -> None:
        """Count an event, as of the first one: what it weighs beside others never changes."""
        self.logs[item] = np.logaddexp(self.logs[item], self.rate * self.n_events)

    def scores(self, user: int, time: float) -> NDArray[np.float64]:
        """Return the logarithm of what each item's events weigh now."""
        return self.logs - self.rate * (self.n_events - 1)


def fill_up(first: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return scores that order items by a first score, and by whole counts where that is equal."""
    # Levels in place of values: however close two first scores are, no count outweighs their difference.
    levels = np.unique(first, return_inverse=True)[1]
    return levels * (counts.max() + 1) + counts
