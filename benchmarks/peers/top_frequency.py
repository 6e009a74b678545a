"""GP-TopFreq: the personal frequencies of items in baskets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .baskets import Baskets
from .popularity import fill_up

__all__ = ["PersonalTopFrequency"]


class PersonalTopFrequency(Baskets):
    """In how many of the user's baskets an item was; where that is equal, how many events it has."""

    def scores(self, user: int, time: float) -> NDArray[np.float64]:
        """Return the score of each item."""
        own = np.zeros(self.n_items)
        for basket in self.baskets.get(user, []):
            own[list(basket)] += 1
        return fill_up(own, self.counts)
