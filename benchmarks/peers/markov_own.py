"""Transitions mixed with the user's own recent items: what counting alone can do where people come back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .markov import Markov
from .own_recent import own_counts
from .popularity import fill_up

__all__ = ["MarkovOwnRecent"]

#: Shares are compared at this many digits, so that rounding errors make no order.
N_DIGITS = 12


class MarkovOwnRecent(Markov):
    """``own_share`` times the share of each item in the user's own decayed counts, the rest of its share in followers.

    Items of equal score are ordered by the events of all users. Where the user's items are not eligible, it orders
    items as :class:`Markov` with ``by_popularity`` does.

    Parameters
    ----------
    own_share, own_decay : float
        Share of the own counts, and their weight of each older place.
    window, decay, context_size, context_decay : int, float
        As in :class:`Markov`.
    """

    def __init__(
        self,
        own_share: float = 0.5,
        own_decay: float = 0.9,
        window: int = 5,
        decay: float = 0.7,
        context_size: int = 1,
        context_decay: float = 0.5,
        *,
        exclude_seen: bool = True,
    ) -> None:
        super().__init__(window, decay, context_size, context_decay, exclude_seen=exclude_seen)
        self.own_share, self.own_decay = own_share, own_decay

    def scores(self, user: int, time: float) -> NDArray[np.float64]:
        """Return the score of each item."""
        history = self.histories[user]
        if not history:
            return self.counts
        own = own_counts(history, self.own_decay, self.n_items)
        followers = super().scores(user, time)
        mixed = self.own_share * own / own.sum() + (1 - self.own_share) * followers / max(followers.sum(), 1)
        return fill_up(mixed.round(N_DIGITS), self.counts)
