"""TIFU-KNN: personal frequencies of items in baskets, mixed with those of similar users."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .baskets import Baskets

__all__ = ["TIFUKNN"]


class TIFUKNN(Baskets):
    """Temporal item frequencies of the user, mixed with those of similar users.

    Hu et al., "Modeling Personalized Item Frequency Information for Next-basket Recommendation", SIGIR 2020,
    arXiv 2006.00556. With each basket as a vector of zeros and ones:

    - the baskets of a user are cut into groups of ``group_size``, counted from the newest, so that the oldest group
      may be smaller. A group of n baskets is ``(1 / n) sum_j basket_decay**(n - j) b_j``, its newest basket at j = n;
    - the vector of a user with n groups is ``v = (1 / n) sum_j group_decay**(n - j) g_j``, the newest group at j = n;
    - the scores are ``own_share * v + (1 - own_share) * mean of v`` over the ``n_neighbours`` other users whose vectors
      are nearest by Euclidean distance.

    A user without events is shown what is popular. Neighbours are as new as the walk: each event changes its user.
    """

    def __init__(
        self,
        n_neighbours: int = 300,
        group_size: int = 7,
        basket_decay: float = 0.9,
        group_decay: float = 0.7,
        own_share: float = 0.7,
        *,
        exclude_seen: bool = True,
    ) -> None:
        super().__init__(exclude_seen=exclude_seen)
        self.n_neighbours, self.group_size = n_neighbours, group_size
        self.basket_decay, self.group_decay, self.own_share = basket_decay, group_decay, own_share

    def start(self) -> None:
        """Begin without events."""
        super().start()
        # A column per user: distances need only the rows of what the asking user has.
        self.vectors = np.zeros((self.n_items, self.n_users))
        self.squares = np.full(self.n_users, np.inf)
        self.sparse: dict[int, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
        self.changed: set[int] = set()

    def let_in(self, user: int, item: int, time: float) -> None:
        """Put an item into a basket."""
        super().let_in(user, item, time)
        self.changed.add(user)

    def scores(self, user: int, time: float) -> NDArray[np.float64]:
        """Return the score of each item."""
        for changed in self.changed:
            self._renew(changed)
        self.changed.clear()
        if user not in self.baskets:
            return self.counts
        items, values = self.sparse[user]
        distances = self.squares - 2 * values @ self.vectors[items]
        distances[user] = np.inf
        others = np.argsort(distances, kind="stable")[: self.n_neighbours]
        others = others[np.isfinite(distances[others])]
        own = self.own_share * self.vectors[:, user]
        if not len(others):
            return own
        columns = (
            np.concatenate(column) for column in zip(*map(self.sparse.__getitem__, others.tolist()), strict=True)
        )
        return own + (1 - self.own_share) / len(others) * np.bincount(*columns, minlength=self.n_items)

    def _renew(self, user: int) -> None:
        vector = self.vectors[:, user]
        vector[:] = 0
        newest_first = self.baskets[user][::-1]
        n_groups = -(-len(newest_first) // self.group_size)
        for age, basket in enumerate(newest_first):
            group, place = divmod(age, self.group_size)
            n_in_group = min(self.group_size, len(newest_first) - group * self.group_size)
            weight = self.basket_decay**place * self.group_decay**group / (n_in_group * n_groups)
            vector[list(basket)] += weight
        items = np.flatnonzero(vector)
        self.sparse[user] = items, vector[items]
        self.squares[user] = vector @ vector
