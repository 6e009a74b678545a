"""Item-to-item rivals: a matrix of weights in closed form, asked with the user's decayed history."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .replay import Replay

__all__ = ["ItemToItem"]


class ItemToItem(Replay):
    """What both share: the score of item i is the sum of ``decay**(k - 1) * weights[h_k, i]``, h_1 the newest item.

    A user without a history is shown what is popular. A subclass has ``weigh``.

    Parameters
    ----------
    decay : float
        Weight of an item of the history, as a multiple of that of the next newer one.
    refit_every : int or None
        Number of events after which the weights are learnt anew; None: as fitted.
    """

    def __init__(self, decay: float = 1.0, refit_every: int | None = None, *, exclude_seen: bool = True) -> None:
        super().__init__(exclude_seen=exclude_seen)
        self.decay, self.refit_every = decay, refit_every

    def start(self) -> None:
        """Begin without events."""
        self.counts = np.zeros(self.n_items)
        self.pairs: dict[tuple[int, int], None] = {}

    def let_in(self, user: int, item: int, time: float) -> None:
        """Remember who has what."""
        self.counts[item] += 1
        self.pairs[user, item] = None

    def scores(self, user: int, time: float) -> NDArray[np.float64]:
        """Return the score of each item."""
        if self.refit_every is not None and self.n_events >= self.n_fitted + self.refit_every:
            self._refit()
        newest_first = self.histories[user][::-1]
        if not newest_first:
            return self.counts
        return self.decay ** np.arange(len(newest_first)) @ self.weights[newest_first]

    def learn(self) -> None:
        """Make the weights."""
        self._refit()

    def weigh(self, matrix: csr_array) -> NDArray[np.float64]:
        """Return the weights (asked item, scored item) for a matrix of ones (users, items)."""
        raise NotImplementedError

    def _refit(self) -> None:
        self.n_fitted = self.n_events
        users, items = np.array(list(self.pairs), dtype=np.int64).reshape(-1, 2).T
        ones = np.ones(len(self.pairs))
        self.weights = self.weigh(csr_array((ones, (users, items)), shape=(self.n_users, self.n_items)))
