"""Recommenders that only count, replayed one event at a time: what a trained model has to beat."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
from numpy.typing import NDArray

from skautoseqrec import Interactions

__all__ = ["Baseline", "Markov", "OwnRecent", "fill_up"]


class Baseline:
    """What all share: histories, eligibility and the replay. A subclass has ``start``, ``scores`` and ``let_in``.

    Parameters
    ----------
    exclude_seen : bool
        Whether items of the user's history are not eligible.
    """

    def __init__(self, *, exclude_seen: bool = True) -> None:
        self.exclude_seen = exclude_seen

    def fit(self, log: Interactions) -> Baseline:
        """Count a log in time order, forgetting what was counted before."""
        self.n_users, self.n_items = len(log.user_ids), len(log.item_ids)
        self.histories: dict[int, list[int]] = defaultdict(list)
        self.known = np.zeros(self.n_items, dtype=bool)
        self.n_events = 0
        self.start()
        for event in self._events(log):
            self._advance(*event)
        return self

    def score_samples(self, log: Interactions, ties: str = "row") -> NDArray[np.float64]:
        """Return the reciprocal rank of each event of a log in time order; what was let in stays in."""
        together = ties == "together" and log.times is not None
        visible = np.searchsorted(log.times, log.times) if together else np.arange(len(log))
        events = self._events(log)
        values = np.empty(len(log))
        n_let_in = 0
        for event, (user, item, _) in enumerate(events):
            for earlier in events[n_let_in : visible[event]]:
                self._advance(*earlier)
            n_let_in = visible[event]
            values[event] = self._reciprocal_rank(user, item)
        return values

    def _events(self, log: Interactions) -> list[tuple[int, int, float]]:
        """Return user, item and time of each event; without times, the number of events before it is its time."""
        times = np.arange(len(log)) + self.n_events if log.times is None else log.times
        if times.dtype.kind == "M":
            times = times.astype(np.int64)
        return list(zip(log.users.tolist(), log.items.tolist(), times.tolist(), strict=True))

    def _advance(self, user: int, item: int, time: float) -> None:
        self.let_in(user, item, time)
        self.histories[user].append(item)
        self.known[item] = True
        self.n_events += 1

    def _reciprocal_rank(self, user: int, item: int) -> float:
        eligible = self.known.copy()
        if self.exclude_seen:
            eligible[self.histories[user]] = False
        if not eligible[item]:
            return 0.0
        scores = self.scores(user)
        higher = (scores[eligible] > scores[item]).sum()
        tied = (scores[eligible] == scores[item]).sum() - 1
        return 1 / (1 + higher + tied / 2)


class Markov(Baseline):
    """How often each item followed the user's last one, k steps later at weight ``decay**(k - 1)``."""

    def __init__(self, window: int = 1, decay: float = 1.0, *, exclude_seen: bool = True) -> None:
        super().__init__(exclude_seen=exclude_seen)
        # Whole millionths add up to the same in any order, so that equal scores are found equal.
        self.weights = [round(1e6 * decay**step) for step in range(window)]

    def start(self) -> None:
        """Begin without transitions."""
        self.followers: dict[int, Counter[int]] = defaultdict(Counter)

    def scores(self, user: int) -> NDArray[np.float64]:
        """Return the score of each item, 0 where it never followed."""
        scores = np.zeros(self.n_items)
        if self.histories[user]:
            followers = self.followers[self.histories[user][-1]]
            scores[list(followers.keys())] = list(followers.values())
        return scores

    def let_in(self, user: int, item: int, time: float) -> None:
        """Count the transitions that an event completes."""
        for previous, weight in zip(reversed(self.histories[user]), self.weights, strict=False):
            self.followers[previous][item] += weight


class OwnRecent(Baseline):
    """The user's own items, newest habits first: for logs in which people come back, with ``exclude_seen=False``.

    The own count of item i is the sum of ``decay**(k - 1)`` over the places k at which i stands in the user's history,
    the newest at k = 1. Items of equal own count, and those without one, are ordered by the events of all users.
    """

    def __init__(self, decay: float, *, exclude_seen: bool = True) -> None:
        super().__init__(exclude_seen=exclude_seen)
        self.decay = decay

    def start(self) -> None:
        """Begin without events."""
        self.counts = np.zeros(self.n_items)

    def scores(self, user: int) -> NDArray[np.float64]:
        """Return the score of each item."""
        history = np.array(self.histories[user][::-1], dtype=np.int64)
        weights = self.decay ** np.arange(len(history))
        return fill_up(np.bincount(history, weights, minlength=self.n_items), self.counts)

    def let_in(self, user: int, item: int, time: float) -> None:
        """Count an event."""
        self.counts[item] += 1


def fill_up(first: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return scores that order items by a first score, and by whole counts where that is equal."""
    # Levels in place of values: however close two first scores are, no count outweighs their difference.
    levels = np.unique(first, return_inverse=True)[1]
    return levels * (counts.max() + 1) + counts
