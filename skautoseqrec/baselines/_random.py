"""The baseline of chance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from .._counts.counted_log import CountedLog
from .._counts.counts import Counts
from ._base import BaselineRecommender
from ._state import Rule


class RandomRecommender(BaselineRecommender):
    """Recommend items at random: each user has an order of all items, which is drawn once for each fit.

    Whatever is better than it has learned something. Of n candidates the true one has the expected rank (n + 1) / 2.

    Read more in the :ref:`user guide <baselines>`.

    Parameters
    ----------
    random_state : int, RandomState instance or None, default=None
        Seed of the orders; it is drawn in ``fit``. With an int, the same log gives the same answers every time.
    exclude_seen : bool, default=True
        Whether to leave out a user's seen items, in recommendations and in evaluation.
    columns : dict or None, default=None
        Names of the columns of a log, by what they hold: ``{"user": ..., "item": ..., "time": ...}``, some or all of
        them. What is not given is found by the usual names (see the user guide).

    Attributes
    ----------
    user_ids_ : ndarray of shape (n_users,)
        Ids of the known users, in order of first appearance in time. Updates append to it.
    item_ids_ : ndarray of shape (n_items,)
        Ids of the known items, likewise.
    ties_ : str
        How events of one timestamp are taken unless it is said: "row".
    n_features_in_ : int
        Number of columns of the fitted log.

    Notes
    -----
    New items fall somewhere into the order of each user, and change nothing in the order of the others. Unknown users
    share one order.

    Examples
    --------
    >>> from skautoseqrec.baselines import RandomRecommender
    >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3), ("cid", "jam", 4)]
    >>> RandomRecommender(random_state=0).fit(log).predict_topk(["bob"], k=2).shape
    (1, 2)
    """

    _parameter_constraints: dict[str, Any] = {
        **BaselineRecommender._parameter_constraints,
        "random_state": ["random_state"],
    }

    def __init__(
        self, random_state: Any = None, *, exclude_seen: bool = True, columns: Mapping[str, str] | None = None
    ) -> None:
        self.random_state = random_state
        self.exclude_seen = exclude_seen
        self.columns = columns

    _counts_weights = True  # which nothing depends on

    def _learn(self, log: CountedLog) -> Rule:
        return RandomOrders(int(check_random_state(self.random_state).randint(2**31 - 1)))


class RandomOrders:
    """The rule of chance: a stream of numbers for each user, of which every item has one."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def add_event(self, item: int, history: NDArray[np.int64], n_events: int, weight: int) -> None:
        """Learn nothing."""

    def score(self, user: int, history: NDArray[np.int64], popularity: NDArray[Any]) -> NDArray[np.float64]:
        """Return a number in [0, 1) for every item: the same ones for a user each time."""
        return np.random.default_rng([self._seed, user + 1]).random(len(popularity))

    def copy(self) -> RandomOrders:
        """Return the rule."""
        return self

    def recounted(self, counts: Counts) -> RandomOrders:
        """Return the rule."""
        return self
