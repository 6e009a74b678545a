"""Synthetic logs of the benchmarks, with the best possible rank of each event: for an oracle that knows the world.

Most come from :func:`~skautoseqrec.datasets.make_interactions`. Two walk the same kind of hidden graph as it does, and
change what it keeps: people start anew in every session, or the graph becomes another one while they walk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skautoseqrec.datasets import make_interactions
from skautoseqrec.datasets._synthetic import _World

#: Events of a changing world that happen before its graph may change.
STEP = 100
DAY = 24 * 60 * 60
#: How much likelier a successor is in its season.
IN_SEASON = 9.0

Graph = NDArray[np.float64]


class Walked(NamedTuple):
    """A log with the columns user, item and time, in time order, and the best possible rank of each event."""

    log: NDArray[np.int64]
    best_ranks: NDArray[np.float64]


def make_plain(**parameters: float) -> Walked:
    """Return a log of ``make_interactions``."""
    X, oracle = make_interactions(**parameters, random_state=0, return_oracle=True)
    return Walked(X, oracle.ranks)


def walk(
    world: _World, users: NDArray[np.int64], times: NDArray[np.int64], prepare: Callable[[_World, int], None]
) -> Walked:
    """Let users take an item each at some times.

    Parameters
    ----------
    world : _World
        Who they are, and where they may go.
    users : ndarray of shape (n_events,)
        Whose turn it is, in time order.
    times : ndarray of shape (n_events,)
        When it is.
    prepare : callable
        Called with the world and the number of each event before it happens; may change the world.

    Returns
    -------
    walked : Walked
        The log, and the ranks of an oracle that knows the world as it is at each event.
    """
    items, ranks = [], []
    for number, user in enumerate(users.tolist()):
        prepare(world, number)
        probabilities = world.probabilities(user)
        (item,) = world.draw(probabilities, 1)
        higher, tied = (probabilities > probabilities[item]).sum(), (probabilities == probabilities[item]).sum()
        items.append(item)
        ranks.append(higher + (tied + 1) / 2)
        world.take(user, [item])
    return Walked(np.column_stack([users, items, times]), np.array(ranks))


class SessionWorld(_World):
    """A world whose users may start anew: with a popular item that they have not seen."""

    def probabilities(self, user: int) -> NDArray[np.float64]:
        """Return the probability of each item to be the user's next one."""
        if self.last[user]:
            return super().probabilities(user)
        start = self.start * (self.habits[user] == 0)
        return start / start.sum()


def make_sessions(
    n_users: int = 400, n_items: int = 1000, n_days: int = 10, mean_length: float = 8.0, random_state: int = 0
) -> Walked:
    """Return a log of users who have a session a day: a walk of a minute a step that begins at a popular item."""
    rng = np.random.default_rng(random_state)
    world = SessionWorld(rng, n_users, n_items, n_successors=5, n_tastes=4, noise=0.2, return_rate=0.0)
    lengths = 1 + rng.poisson(mean_length - 1, n_users * n_days)
    sessions, begins = np.repeat(np.arange(len(lengths)), lengths), np.cumsum(lengths) - lengths
    steps = rng.integers(10, 120, len(sessions)).cumsum()
    starts = DAY * (np.arange(len(lengths)) % n_days) + rng.integers(DAY // 2, size=len(lengths))
    times = starts[sessions] + steps - steps[begins][sessions]
    order = np.argsort(times, kind="stable")
    users, begin_now = (sessions // n_days)[order], np.isin(order, begins)

    def forget_last(world: _World, number: int) -> None:
        if begin_now[number]:
            world.last[users[number]] = []

    return walk(world, users, times[order], forget_last)


def make_changing(
    graphs: Iterator[Graph], n_users: int, n_items: int, n_events: int, noise: float = 0.1, random_state: int = 0
) -> Walked:
    """Return a log of users who walk one graph after the other, each for :data:`STEP` events; an event a second."""
    rng = np.random.default_rng(random_state)
    world = _World(rng, n_users, n_items, n_successors=1, n_tastes=1, noise=noise, return_rate=0.0)

    def follow(world: _World, number: int) -> None:
        if number % STEP == 0:
            world.graph = next(graphs)

    turns = rng.permutation(np.tile(np.arange(n_users), -(-n_events // n_users)))[:n_events]
    return walk(world, turns, np.arange(n_events), follow)


def drifting_graphs(share: float, n_items: int, random_state: int = 0) -> Iterator[Graph]:
    """Yield a graph in which a share of the items, drawn anew for each step, get other successors."""
    rng = np.random.default_rng(random_state)
    graph = draw_graph(rng, n_items)
    while True:
        yield graph
        is_changed = rng.random(n_items) < share
        graph = np.where(is_changed[:, None], draw_graph(rng, n_items), graph)


def alternating_graphs(period: int, n_items: int, random_state: int = 0) -> Iterator[Graph]:
    """Yield two graphs in turns: so many events of the one and of the other make a period."""
    rng = np.random.default_rng(random_state)
    graphs = draw_graph(rng, n_items), draw_graph(rng, n_items)
    return (graphs[season] for season in seasons(period))


def seasonal_graphs(period: int, n_items: int, random_state: int = 0) -> Iterator[Graph]:
    """Yield a graph whose successors stay: one half of the items is popular in one season, the rest in the other."""
    rng = np.random.default_rng(random_state)
    graph, season_of_item = draw_graph(rng, n_items), rng.permutation(n_items) % 2
    return (graph * np.where(season_of_item == season, IN_SEASON, 1.0) for season in seasons(period))


def seasons(period: int) -> Iterator[int]:
    """Yield the season of each step, 0 or 1: each lasts for half a period."""
    return (step * STEP * 2 // period % 2 for step in count())


def draw_graph(rng: np.random.Generator, n_items: int) -> Graph:
    """Return the probabilities of five successors of each item."""
    return _World(rng, 1, n_items, n_successors=5, n_tastes=1, noise=0.0, return_rate=0.0).graph


#: Logs in which people see nothing twice, come back, fill baskets again, or come for a session a day.
WORLDS: dict[str, Callable[[], Walked]] = {
    "plain": make_plain,
    "returns": partial(make_plain, n_users=400, n_items=1000, n_events=40000, noise=0.2, return_rate=0.4),
    "baskets": partial(
        make_plain,
        n_users=400,
        n_items=1500,
        n_events=60000,
        n_successors=8,
        n_tastes=6,
        noise=0.4,
        return_rate=0.5,
        basket_size=15.0,
    ),
    "sessions": make_sessions,
}
