"""A synthetic world of users who walk a hidden graph, with the best ranking that anybody could give."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch, check_random_state

from .._utils.arguments import check_flag


def make_interactions(
    n_users: int = 200,
    n_items: int = 100,
    n_events: int = 6000,
    *,
    n_successors: int = 5,
    n_tastes: int = 4,
    noise: float = 0.1,
    return_rate: float = 0.0,
    basket_size: float = 1.0,
    random_state: Any = None,
    return_oracle: bool = False,
) -> Any:
    """Make a synthetic log of users who walk a hidden transition graph by personal taste.

    Every item has a few successors and a taste; every user has a taste. A user's next item is an unseen successor of
    the last item. Successors of the user's own taste are three times as likely. With probability ``noise``, or if no
    successor is unseen, the next item is any unseen item. First items follow a power law.

    Users come back to items with probability ``return_rate``, out of habit: to one of their own, each earlier time
    weighing ``.9**(k - 1)`` if it was k moments ago. With a ``basket_size`` above 1, a user takes several items at one
    moment, given what stood before it, each at most once. A successor then is one of any item of the last moment.

    Parameters
    ----------
    n_users : int, default=200
        Number of users; at least 1.
    n_items : int, default=100
        Number of items; at least 2.
    n_events : int, default=6000
        Number of events; at most ``n_users * n_items / 2``.
    n_successors : int, default=5
        Number of successors of each item; in [1, n_items - 1].
    n_tastes : int, default=4
        Number of tastes; at least 1.
    noise : float, default=0.1
        Probability of a step to any unseen item; in [0, 1].
    return_rate : float, default=0
        Probability of coming back to an item of one's own; in [0, 1).
    basket_size : float, default=1
        Mean number of items that a user takes at one time, which is Poisson distributed from 1 on; at least 1.
    random_state : int, RandomState instance or None, default=None
        Seed of the graph, the tastes and the walks.
    return_oracle : bool, default=False
        Whether to return the predictions of an oracle that knows the graph and the tastes.

    Returns
    -------
    X : ndarray of shape (n_events, 3), int64
        Columns user, item, time; times increase by one from moment to moment.
    oracle : Bunch
        Only with ``return_oracle``. ``best_items`` (n_events,): the most probable item of each event. ``ranks``
        (n_events,): the rank of the true item, ties at half. ``mean_reciprocal_rank(oracle.ranks)`` is the best
        that can be expected of any recommender.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> from skautoseqrec.datasets import make_interactions
    >>> X, oracle = make_interactions(n_events=500, random_state=0, return_oracle=True)
    >>> X.shape, oracle.ranks.shape
    ((500, 3), (500,))
    """
    _check_world(n_users, n_items, n_events, n_successors, n_tastes)
    _check_rates(noise, return_rate, basket_size)
    check_flag(return_oracle, "return_oracle", may_be_none=False)
    rng = np.random.default_rng(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    world = _World(rng, n_users, n_items, n_successors, n_tastes, noise, return_rate)
    turns = rng.permutation(np.tile(np.arange(n_users), -(-n_events // n_users)))
    rows: list[tuple[int, int, int]] = []
    best_items, ranks = [], []
    for time, user in enumerate(turns.tolist()):
        size = 1 if basket_size == 1 else 1 + int(rng.poisson(basket_size - 1))
        probabilities = world.probabilities(user)
        basket = world.draw(probabilities, min(size, n_events - len(rows)))
        for item in basket:
            higher, tied = (probabilities > probabilities[item]).sum(), (probabilities == probabilities[item]).sum()
            ranks.append(higher + (tied + 1) / 2)
            best_items.append(int(probabilities.argmax()))
            rows.append((user, item, time))
        world.take(user, basket)
        if len(rows) == n_events:
            break
    X = np.array(rows)
    return (X, Bunch(best_items=np.array(best_items), ranks=np.array(ranks))) if return_oracle else X


class _World:
    """The hidden graph and tastes, what users have taken, and the probability of each next item."""

    #: What a moment leaves of a habit.
    HABIT_DECAY = 0.9

    def __init__(
        self,
        rng: np.random.Generator,
        n_users: int,
        n_items: int,
        n_successors: int,
        n_tastes: int,
        noise: float,
        return_rate: float,
    ) -> None:
        self.rng, self.noise, self.return_rate = rng, noise, return_rate
        self.last: list[list[int]] = [[] for _ in range(n_users)]
        self.habits = np.zeros((n_users, n_items))
        self.user_taste = rng.integers(n_tastes, size=n_users)
        self.item_taste = rng.integers(n_tastes, size=n_items)
        self.start = 1 / rng.permutation(np.arange(1, n_items + 1))
        self.graph = np.zeros((n_items, n_items))
        for item in range(n_items):
            others = np.delete(np.arange(n_items), item)
            self.graph[item, rng.choice(others, n_successors, replace=False)] = rng.dirichlet(np.ones(n_successors))

    def probabilities(self, user: int) -> NDArray[np.float64]:
        """Return the probability of each item to be the user's next one."""
        if not self.last[user]:
            return self.start / self.start.sum()
        habits = self.habits[user] / self.habits[user].sum()
        unseen = self.habits[user] == 0
        if not unseen.any():
            return habits
        new = unseen / unseen.sum()
        step = (
            self.graph[self.last[user]].sum(0) * np.where(self.item_taste == self.user_taste[user], 3.0, 1.0) * unseen
        )
        if step.sum() > 0:
            new = (1 - self.noise) * step / step.sum() + self.noise * new
        return self.return_rate * habits + (1 - self.return_rate) * new if self.return_rate else new

    def draw(self, probabilities: NDArray[np.float64], size: int) -> list[int]:
        """Return so many different items, or all that have a chance if there are not more."""
        if size == 1:
            return [int(self.rng.choice(len(probabilities), p=probabilities))]
        size = min(size, int((probabilities > 0).sum()))
        return self.rng.choice(len(probabilities), size, replace=False, p=probabilities).tolist()

    def take(self, user: int, items: list[int]) -> None:
        """Let a user take items at one moment."""
        self.last[user] = items
        self.habits[user] *= self.HABIT_DECAY
        self.habits[user, items] += 1


def _check_rates(noise: float, return_rate: float, basket_size: float) -> None:
    if not isinstance(noise, Real) or not 0 <= noise <= 1:
        raise ValueError(f"noise must lie in [0, 1], not {noise!r}.")
    if not isinstance(return_rate, Real) or not 0 <= return_rate < 1:
        raise ValueError(f"return_rate must lie in [0, 1), not {return_rate!r}.")
    if not isinstance(basket_size, Real) or not 1 <= basket_size < np.inf:
        raise ValueError(f"basket_size must be a finite number of at least 1, not {basket_size!r}.")


def _check_world(n_users: int, n_items: int, n_events: int, n_successors: int, n_tastes: int) -> None:
    lowest = {"n_users": 1, "n_items": 2, "n_events": 1, "n_successors": 1, "n_tastes": 1}
    values = {
        "n_users": n_users,
        "n_items": n_items,
        "n_events": n_events,
        "n_successors": n_successors,
        "n_tastes": n_tastes,
    }
    for name, value in values.items():
        if not isinstance(value, Integral) or value < lowest[name]:
            raise ValueError(f"{name} must be a whole number of at least {lowest[name]}, not {value!r}.")
    if n_successors >= n_items:
        raise ValueError(f"n_successors must be below n_items={n_items}, not {n_successors}.")
    if n_events > n_users * n_items / 2:
        raise ValueError(f"n_events={n_events} is above n_users * n_items / 2 = {n_users * n_items / 2:g}.")
