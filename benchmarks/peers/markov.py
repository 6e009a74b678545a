"""Transitions: how often each item followed the user's last ones."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
from numpy.typing import NDArray

from .popularity import fill_up
from .replay import Replay

__all__ = ["Markov"]


class Markov(Replay):
    """Items by how often they followed the user's last items, k steps later at weight ``decay**(k - 1)``.

    Parameters
    ----------
    window : int
        Most steps between two items of a transition.
    decay : float
        Weight of a step more.
    context_size, context_decay : int, float
        Number of last items whose followers are added up, and the weight of each older one.
    by_popularity : bool
        Whether items of equal score, 0 for most, are ordered by their events.
    """

    def __init__(
        self,
        window: int = 1,
        decay: float = 1.0,
        context_size: int = 1,
        context_decay: float = 0.5,
        by_popularity: bool = False,
        *,
        exclude_seen: bool = True,
    ) -> None:
        super().__init__(exclude_seen=exclude_seen)
        # Whole units add up to the same in any order, so that equal scores are found equal.
        self.weights = [round(2**20 * decay**step) for step in range(window)]
        self.context_size, self.context_decay, self.by_popularity = context_size, context_decay, by_popularity

    def start(self) -> None:
        """Begin without transitions."""
        self.followers: dict[int, Counter[int]] = defaultdict(Counter)
        self.counts = np.zeros(self.n_items)

    def let_in(self, user: int, item: int, time: float) -> None:
        """Count the transitions that an event completes."""
        self.counts[item] += 1
        for previous, weight in zip(reversed(self.histories[user]), self.weights, strict=False):
            self.followers[previous][item] += weight

    def scores(self, user: int, time: float) -> NDArray[np.float64]:
        """Return the score of each item; a user without history is shown what is popular."""
        scores = np.zeros(self.n_items)
        context = self.histories[user][::-1][: self.context_size]
        for age, earlier in enumerate(context):
            followers = self.followers[earlier]
            weights = np.fromiter(followers.values(), np.float64, len(followers))
            scores[list(followers)] += self.context_decay**age * weights
        if self.by_popularity or not context:
            return fill_up(scores, self.counts)
        return scores
