"""CoPE: states of users and items that flow along a growing graph between events and jump at events.

Zhang et al., "CoPE: Modeling Continuous Propagation and Evolution on Interaction Graph", CIKM 2021; without its
adaptation to the test part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from math import ceil, exp

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor, nn
from torch.nn import functional

from .graphs import normalized_adjacency, propagate
from .replay import Event, Floats
from .training import Trained

__all__ = ["CoPE"]

#: Modified Bessel functions of 1, orders 0 to 2: Chebyshev coefficients of the exponential.
BESSEL = (1.2660658777520084, 0.565159103992485, 0.13574766976703828)
N_NEUMANN = 10
N_NEGATIVES = 8


class CoPEModule(nn.Module):
    """Static vectors and first states of all nodes, the flow, the jump and the score."""

    def __init__(self, n_users: int, n_items: int, n_components: int) -> None:
        super().__init__()
        d, n_nodes, self.n_users = n_components, n_users + n_items, n_users
        self.static, self.first = (nn.Parameter(_drawn(n_nodes, d)) for _ in range(2))
        self.flow = nn.Parameter(torch.full((n_nodes, 1), 3.0))
        self.user_own, self.user_met, self.item_own, self.item_met = (nn.Linear(d, d) for _ in range(4))
        self.user_view, self.item_view = (nn.Linear(2 * d, 2 * d) for _ in range(2))
        for view in (self.user_view, self.item_view):
            nn.init.eye_(view.weight)
            nn.init.zeros_(view.bias)

    def flowed(self, states: Tensor, gap: float, graph: csr_array) -> Tensor:
        """Return the states after a gap of time, where the fitted log lasts 1.

        ``y = exp((sL - I) gap) x + (sL - I)**-1 (e - exp((sL - I) gap) e)`` with x and e divided by the largest |x|.
        """
        norm = states.norm(dim=1).max().clamp_min(1e-12)
        if gap <= 0:
            return states / norm
        share = torch.sigmoid(self.flow)

        def spread(vectors: Tensor) -> Tensor:
            return share * (0.49 * (vectors + propagate(vectors, graph)))

        both = torch.cat([states, self.static], 1) / norm
        x, e = _exponential(spread, both, gap).chunk(2, dim=1)
        rest = both[:, states.shape[1] :] - e
        total = rest
        for _ in range(N_NEUMANN):
            total = rest + spread(total)
        return x + total

    def jumped(self, states: Tensor, users: Tensor, items: Tensor) -> Tensor:
        """Return the states after events: each node meets the mean of those it has an event with."""
        nodes = items + self.n_users
        user_rows = _jump(states, users, nodes, self.user_own, self.user_met)
        item_rows = _jump(states, nodes, users, self.item_own, self.item_met)
        return states.index_copy(0, *user_rows).index_copy(0, *item_rows)

    def views(self, states: Tensor, nodes: Tensor | slice, is_user: bool) -> Tensor:
        """Return vectors whose products are scores, of users or of items."""
        view: Tensor = (self.user_view if is_user else self.item_view)(
            torch.cat([states[nodes], self.static[nodes]], 1)
        )
        return view


class CoPE(Trained):
    """CoPE, whose weights stay as trained while its states roll on.

    With L half the sum of the identity and the normalized adjacency, times .98, of the graph before a step, and s a
    learned share of each node: states flow between steps (:meth:`CoPEModule.flowed`) and jump at the events of a step.
    The events of a step do not see each other; in the walk a step is what becomes visible at once. Trained on the
    cross-entropy of each event beside 8 random items and 8 random users. The exponential is as the authors' code has
    it: its matrix is that of a gap of 1, whatever the gap, which only scales it.

    Parameters
    ----------
    n_components, learning_rate, weight_decay : int, float
        As in the paper.
    n_train_steps : int
        Training takes one step for each distinct time, but times are rounded so that there are no more steps than this.
    n_backprop : int
        Steps that gradients pass.
    max_iter, random_state : int
        As in :class:`Trained`.
    """

    def __init__(
        self,
        n_components: int = 64,
        learning_rate: float = 2e-3,
        weight_decay: float = 5e-3,
        n_train_steps: int = 400,
        n_backprop: int = 5,
        max_iter: int = 3,
        random_state: int = 0,
        *,
        exclude_seen: bool = True,
    ) -> None:
        super().__init__(max_iter, random_state, exclude_seen=exclude_seen)
        self.n_components, self.learning_rate, self.weight_decay = n_components, learning_rate, weight_decay
        self.n_train_steps, self.n_backprop = n_train_steps, n_backprop

    def start(self) -> None:
        """Begin without events."""
        self.module: CoPEModule | None = None
        self.pairs: dict[tuple[int, int], None] = {}
        self.fitted: list[Event] = []

    def advance(self, events: Sequence[Event]) -> None:
        """Let in events, and in the walk let states flow to each time and jump there."""
        super().advance(events)
        if self.module is None:
            self.fitted.extend(events)
            return
        for time, group in groupby(events, key=lambda event: event[2]):
            users, items, _ = zip(*group, strict=True)
            self._flow(time)
            with torch.no_grad():
                self.states = self.module.jumped(self.states, torch.tensor(users), torch.tensor(items))
            self.pairs.update(dict.fromkeys(zip(users, items, strict=True)))
            self.graph = None
            self.item_views = None

    def build(self) -> None:
        """Make the network, and cut the log into steps."""
        self.module = CoPEModule(self.n_users, self.n_items, self.n_components)
        parameters = self.module.parameters()
        self.optimizer = torch.optim.Adam(parameters, lr=self.learning_rate, weight_decay=self.weight_decay)
        times = np.array([time for *_, time in self.fitted], dtype=np.float64)
        self.span = max(times[-1] - times[0], 1e-9)
        if len(np.unique(times)) > self.n_train_steps:
            width = self.span / self.n_train_steps
            times = times[0] + width * np.floor((times - times[0]) / width)
        cuts = np.flatnonzero(np.diff(times)) + 1
        codes = np.array([event[:2] for event in self.fitted])
        self.steps = [
            (float(at[0]), torch.from_numpy(part[:, 0].copy()), torch.from_numpy(part[:, 1].copy()))
            for at, part in zip(np.split(times, cuts), np.split(codes, cuts), strict=True)
        ]
        self.train_items = torch.from_numpy(np.unique(codes[:, 1]))
        self.train_users = torch.from_numpy(np.unique(codes[:, 0]))
        self._reset()

    def train_epoch(self) -> None:
        """Roll through the log from the first states on, stepping the weights every few steps."""
        self._reset()
        losses: list[Tensor] = []
        for number, (time, users, items) in enumerate(self.steps, start=1):
            self.states = self.module.flowed(self.states, (time - self.time) / self.span, self._adjacency())
            self.time = time
            losses.append(self._loss(users, items))
            self.states = self.module.jumped(self.states, users, items)
            self.pairs.update(dict.fromkeys(zip(users.tolist(), items.tolist(), strict=True)))
            self.graph = None
            if number % self.n_backprop == 0 or number == len(self.steps):
                self.optimizer.zero_grad()
                torch.stack(losses).sum().backward()
                self.optimizer.step()
                self.states, losses = self.states.detach(), []
        self.item_views = None

    def scores(self, user: int, time: float) -> Floats:
        """Return the score of each item."""
        self._flow(time)
        with torch.no_grad():
            if self.item_views is None:
                self.item_views = self.module.views(self.states, slice(self.n_users, None), is_user=False)
            wanted = self.module.views(self.states, slice(user, user + 1), is_user=True)
            scores: Floats = (self.item_views @ wanted[0]).numpy()
        return scores

    def _reset(self) -> None:
        self.states: Tensor = self.module.first
        self.time = self.steps[0][0]
        self.pairs.clear()
        self.graph: csr_array | None = None
        self.item_views: Tensor | None = None

    def _adjacency(self) -> csr_array:
        if self.graph is None:
            users, items = np.fromiter(self.pairs, np.dtype((np.int64, 2)), len(self.pairs)).T
            self.graph = normalized_adjacency(users, items, self.n_users, self.n_items)
        return self.graph

    def _flow(self, time: float) -> None:
        """Let the states flow to a time; to one that is past, not at all."""
        if time <= self.time:
            return
        with torch.no_grad():
            self.states = self.module.flowed(self.states, (time - self.time) / self.span, self._adjacency())
        self.time = time
        self.item_views = None

    def _loss(self, users: Tensor, items: Tensor) -> Tensor:
        """Return the cross-entropy of events beside random items of their users, and random users of their items."""
        groups = self.train_users, self.train_items
        others = [group[torch.randint(len(group), (len(users), N_NEGATIVES))] for group in groups]
        u, i = self._views(users, is_user=True), self._views(items, is_user=False)
        other_users = self._views(others[0].ravel(), is_user=True).unflatten(0, others[0].shape)
        other_items = self._views(others[1].ravel(), is_user=False).unflatten(0, others[1].shape)
        logits = [(u * i).sum(1, keepdim=True), (u[:, None] * other_items).sum(2), (i[:, None] * other_users).sum(2)]
        return functional.cross_entropy(torch.cat(logits, 1), torch.zeros(len(users), dtype=torch.int64))

    def _views(self, codes: Tensor, is_user: bool) -> Tensor:
        return self.module.views(self.states, codes if is_user else codes + self.n_users, is_user)


def _drawn(n_rows: int, n_components: int) -> Tensor:
    return nn.init.trunc_normal_(torch.empty(n_rows, n_components), std=0.01, a=-0.02, b=0.02)


def _exponential(spread: Callable[[Tensor], Tensor], vectors: Tensor, gap: float) -> Tensor:
    """Return ``exp(sL - I)`` as often as the gap has begun, by a Chebyshev series of order 2."""
    for _ in range(ceil(gap)):
        first = spread(vectors)
        second = 2 * spread(first) - vectors
        vectors = BESSEL[0] * vectors + 2 * BESSEL[1] * first + 2 * BESSEL[2] * second
    return vectors * exp(-gap)


def _jump(states: Tensor, own: Tensor, others: Tensor, keep: nn.Linear, meet: nn.Linear) -> tuple[Tensor, Tensor]:
    """Return the nodes that have events, and their states after them."""
    nodes, places = torch.unique(own, return_inverse=True)
    counts = torch.bincount(places, minlength=len(nodes))[:, None]
    met = torch.zeros(len(nodes), states.shape[1]).index_add(0, places, meet(states[others])) / counts
    return nodes, states[nodes] + functional.relu(keep(states[nodes]) + met)
