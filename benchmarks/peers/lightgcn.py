"""LightGCN: embeddings averaged over the neighbourhoods of a graph that grows.

He et al., "LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation", SIGIR 2020,
arXiv 2002.02126.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from .graphs import normalized_adjacency, propagate
from .replay import Floats
from .training import Trained

__all__ = ["LightGCN"]


class LightGCN(Trained):
    """LightGCN whose graph grows in the walk: trained embeddings stay, and are propagated anew every few events.

    With L the normalized adjacency, ``E_{l+1} = L E_l``, and the scores are products of rows of the mean of all E_l.
    Trained on pairs of one item of the user and one that the user has not, users drawn evenly:
    ``softplus(x_un - x_up)`` and an L2 penalty on the rows of E_0. A user or item that was not fitted has zeros in E_0,
    and so is the mean of its neighbours. A user without an edge is shown what is popular.

    Parameters
    ----------
    n_components, n_layers, learning_rate, batch_size, regularization : int, float
        As in the paper.
    propagate_every : int
        Events after which embeddings are propagated anew in the walk.
    max_iter, random_state : int
        As in :class:`Trained`; an epoch draws as many pairs as there are.
    """

    epochs_per_check = 5
    #: Epochs are judged on walks that propagate as rarely as this, for speed.
    JUDGED_EVERY = 50

    def __init__(
        self,
        n_components: int = 64,
        n_layers: int = 3,
        learning_rate: float = 5e-3,
        batch_size: int = 2048,
        regularization: float = 1e-4,
        propagate_every: int = 5,
        max_iter: int = 40,
        random_state: int = 0,
        *,
        exclude_seen: bool = True,
    ) -> None:
        super().__init__(max_iter, random_state, exclude_seen=exclude_seen)
        self.n_components, self.n_layers, self.learning_rate = n_components, n_layers, learning_rate
        self.batch_size, self.regularization, self.propagate_every = batch_size, regularization, propagate_every

    def start(self) -> None:
        """Begin without edges."""
        self.counts = np.zeros(self.n_items)
        self.pairs: dict[tuple[int, int], None] = {}
        self.n_propagated = -1

    def let_in(self, user: int, item: int, time: float) -> None:
        """Add an edge."""
        self.counts[item] += 1
        self.pairs[user, item] = None

    def build(self) -> None:
        """Draw the embeddings of those who have an edge."""
        users, items = self._edges()
        self.graph = normalized_adjacency(users, items, self.n_users, self.n_items)
        order = np.argsort(users, kind="stable")
        self.items_by_user = items[order]
        n_of = np.bincount(users, minlength=self.n_users)
        self.starts = np.cumsum(n_of) - n_of
        self.n_of = n_of
        self.fitted_items = np.unique(items)
        self.drawn_users = np.flatnonzero((n_of > 0) & (n_of < len(self.fitted_items)))
        self.keys = np.sort(users * self.n_items + items)
        has_edge = np.zeros((self.n_users + self.n_items, 1), dtype=np.float32)
        has_edge[np.concatenate([users, items + self.n_users])] = 1
        drawn = torch.randn(len(has_edge), self.n_components) * 0.1
        self.embeddings = torch.nn.Parameter(drawn * torch.from_numpy(has_edge))
        self.optimizer = torch.optim.Adam([self.embeddings], lr=self.learning_rate)

    def train_epoch(self) -> None:
        """Draw as many pairs as there are edges, and step."""
        for users, wanted, others in self._batches():
            vectors = self._propagated(self.graph)
            rows = [users, wanted + self.n_users, others + self.n_users]
            u, p, n = (vectors[row] for row in rows)
            loss = functional.softplus((u * (n - p)).sum(1)).mean()
            squares = sum(self.embeddings[row].square().sum() for row in rows)
            loss = loss + self.regularization * squares / (2 * len(users))
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        self.n_propagated = -1

    def scores(self, user: int, time: float) -> Floats:
        """Return the score of each item."""
        if self.n_propagated < 0 or self.n_events >= self.n_propagated + self.propagate_every:
            self.n_propagated = self.n_events
            with torch.no_grad():
                graph = normalized_adjacency(*self._edges(), self.n_users, self.n_items)
                self.vectors = self._propagated(graph).numpy()
        vector = self.vectors[user]
        return self.vectors[self.n_users :] @ vector if vector.any() else self.counts

    def judged(self) -> LightGCN:
        """Return a copy that may be walked."""
        walker = copy.deepcopy(self)
        walker.propagate_every = max(self.propagate_every, self.JUDGED_EVERY)
        return walker

    def _propagated(self, graph: object) -> torch.Tensor:
        layer = total = self.embeddings
        for _ in range(self.n_layers):
            layer = propagate(layer, graph)
            total = total + layer
        return total / (self.n_layers + 1)

    def _edges(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        users, items = np.fromiter(self.pairs, np.dtype((np.int64, 2)), len(self.pairs)).T
        return users, items

    def _batches(self) -> list[tuple[NDArray[np.int64], ...]]:
        """Return users, an item of each and one that each has not, in batches."""
        users = self.rng.choice(self.drawn_users, len(self.keys))
        wanted = self.items_by_user[self.starts[users] + self.rng.integers(self.n_of[users])]
        others = self.rng.choice(self.fitted_items, len(users))
        is_owned = np.isin(users * self.n_items + others, self.keys)
        while is_owned.any():
            others[is_owned] = self.rng.choice(self.fitted_items, is_owned.sum())
            is_owned = np.isin(users * self.n_items + others, self.keys)
        cuts = range(self.batch_size, len(users), self.batch_size)
        return list(zip(*(np.split(column, cuts) for column in (users, wanted, others)), strict=True))
