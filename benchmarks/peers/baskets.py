"""Baskets, which people fill again and again: what the rivals for them share.

A basket is all events of a user that share one timestamp; an item counts once in it. A basket is bought as one, and
mostly of items bought before: ask with ``ties="together"`` and ``exclude_seen=False``.
"""

from __future__ import annotations

import numpy as np

from .replay import Replay

__all__ = ["Baskets"]


class Baskets(Replay):
    """The baskets of each user, oldest first, and the number of events of each item."""

    def start(self) -> None:
        """Begin without events."""
        self.counts = np.zeros(self.n_items)
        self.baskets: dict[int, list[set[int]]] = {}
        self.times: dict[int, float] = {}

    def let_in(self, user: int, item: int, time: float) -> None:
        """Put an item into the user's open basket, or into a new one."""
        self.counts[item] += 1
        baskets = self.baskets.setdefault(user, [])
        if self.times.get(user) != time:
            baskets.append(set())
            self.times[user] = time
        baskets[-1].add(item)
