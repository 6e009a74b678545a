"""The user's own items, newest habits first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .popularity import fill_up
from .replay import Replay

__all__ = ["OwnRecent", "own_counts"]


class OwnRecent(Replay):
    """The user's own items: for logs in which people come back, with ``exclude_seen=False``.

    The own count of item i is the sum of ``decay**(k - 1)`` over the places k at which i stands in the user's history,
    the newest at k = 1. Items of equal own count, and those without one, are ordered by the events of all users.

    Parameters
    ----------
    decay : float
        Weight of each older place.
    """

    def __init__(self, decay: float = 0.9, *, exclude_seen: bool = True) -> None:
        super().__init__(exclude_seen=exclude_seen)
        self.decay = decay

    def start(self) -> None:
        """Begin without events."""
        self.counts = np.zeros(self.n_items)

    def let_in(self, user: int, item: int, time: float) -> None:
        """Count an event."""
        self.counts[item] += 1

    def scores(self, user: int, time: float) -> NDArray[np.float64]:
        """Return the score of each item."""
        return fill_up(own_counts(self.histories[user], self.decay, self.n_items), self.counts)


def own_counts(history: list[int], decay: float, n_items: int) -> NDArray[np.float64]:
    """Return what each item's places in a history weigh, oldest first."""
    newest_first = np.array(history[::-1], dtype=np.int64)
    return np.bincount(newest_first, decay ** np.arange(len(newest_first)), minlength=n_items)
