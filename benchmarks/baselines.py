"""Recommenders that only count, replayed one event at a time: what a trained model has to beat."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
from numpy.typing import NDArray

from skautoseqrec import Interactions

__all__ = ["DecayedPopularity", "Markov", "Popularity"]


class Baseline:
    """What all share: histories, eligibility and the replay. A subclass has ``start``, ``scores`` and ``let_in``."""

    def fit(self, log: Interactions) -> Baseline:
        """Count a log in time order, forgetting what was counted before."""
        self.histories: dict[int, list[int]] = defaultdict(list)
        self.known = np.zeros(len(log.item_ids), dtype=bool)
        self.start(len(log.item_ids))
        for user, item in _pairs(log):
            self._advance(user, item)
        return self

    def score_samples(self, log: Interactions, ties: str = "row") -> NDArray[np.float64]:
        """Return the reciprocal rank of each event of a log in time order; what was let in stays in."""
        together = ties == "together" and log.times is not None
        visible = np.searchsorted(log.times, log.times) if together else np.arange(len(log))
        pairs = _pairs(log)
        values = np.empty(len(log))
        n_let_in = 0
        for event, (user, item) in enumerate(pairs):
            for earlier in pairs[n_let_in : visible[event]]:
                self._advance(*earlier)
            n_let_in = visible[event]
            values[event] = self._reciprocal_rank(user, item)
        return values

    def _advance(self, user: int, item: int) -> None:
        self.let_in(user, item)
        self.histories[user].append(item)
        self.known[item] = True

    def _reciprocal_rank(self, user: int, item: int) -> float:
        eligible = self.known.copy()
        eligible[self.histories[user]] = False
        if not eligible[item]:
            return 0.0
        scores = self.scores(user)
        higher = (scores[eligible] > scores[item]).sum()
        tied = (scores[eligible] == scores[item]).sum() - 1
        return 1 / (1 + higher + tied / 2)


class Popularity(Baseline):
    """The number of events of each item."""

    def start(self, n_items: int) -> None:
        """Begin without events."""
        self.counts = np.zeros(n_items)

    def scores(self, user: int) -> NDArray[np.float64]:
        """Return the score of each item, the same for every user."""
        return self.counts

    def let_in(self, user: int, item: int) -> None:
        """Count an event."""
        self.counts[item] += 1


class DecayedPopularity(Baseline):
    """The number of events of each item, where an event weighs half after ``half_life`` further events."""

    def __init__(self, half_life: float) -> None:
        self.half_life = half_life

    def start(self, n_items: int) -> None:
        """Begin without events."""
        self.log_counts = np.full(n_items, -np.inf)
        self.n_events = 0

    def scores(self, user: int) -> NDArray[np.float64]:
        """Return the score of each item, the same for every user."""
        return self.log_counts

    def let_in(self, user: int, item: int) -> None:
        """Count an event."""
        # A growing weight for the new event ranks as shrinking weights for the old ones do; its log cannot overflow.
        self.log_counts[item] = np.logaddexp2(self.log_counts[item], self.n_events / self.half_life)
        self.n_events += 1


class Markov(Baseline):
    """How often each item followed the user's last one, k steps later at weight ``decay**(k - 1)``."""

    def __init__(self, window: int = 1, decay: float = 1.0) -> None:
        # Whole millionths add up to the same in any order, so that equal scores are found equal.
        self.weights = [round(1e6 * decay**step) for step in range(window)]

    def start(self, n_items: int) -> None:
        """Begin without transitions."""
        self.n_items = n_items
        self.followers: dict[int, Counter[int]] = defaultdict(Counter)

    def scores(self, user: int) -> NDArray[np.float64]:
        """Return the score of each item, 0 where it never followed."""
        scores = np.zeros(self.n_items)
        if self.histories[user]:
            followers = self.followers[self.histories[user][-1]]
            scores[list(followers.keys())] = list(followers.values())
        return scores

    def let_in(self, user: int, item: int) -> None:
        """Count the transitions that an event completes."""
        for previous, weight in zip(reversed(self.histories[user]), self.weights, strict=False):
            self.followers[previous][item] += weight


def _pairs(log: Interactions) -> list[tuple[int, int]]:
    return list(zip(log.users.tolist(), log.items.tolist(), strict=True))
