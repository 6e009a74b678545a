"""What the rows of a batch are scored from: a moment of the state, as each row sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._network.vectors import ItemVectors
from .._state.neighbours import Neighbourhood
from .._utils.devices import beside
from .queries import Queries
from .trend import TrendView, add_score_changes


class Recent(NamedTuple):
    """The events since a batch began, as its rows see them.

    Parameters
    ----------
    items : ndarray of shape (n_recent,)
        Item of each event.
    vector_changes : Tensor of shape (n_recent, d)
        By how much each event changed the two-hop vector of its item.
    sees : ndarray of shape (n_rows, n_recent), bool, or None
        Which of them each row sees; None for all.
    """

    items: NDArray[np.int64]
    vector_changes: Tensor
    sees: NDArray[np.bool_] | None

    def add(self, scores: Tensor, score_changes: Tensor) -> None:
        """Add by how much each event changes the score of its item, (n_rows, n_recent), for the rows that see it."""
        add_score_changes(scores, score_changes, self.items, self.sees)


class View(NamedTuple):
    """What the rows of a batch are scored from.

    Parameters
    ----------
    queries : Queries
        The users, one row each.
    item_vectors : ItemVectors
        What scoring reads of the items. If it has fewer than n_items rows, its last row stands for every other item.
    recent : Recent
        The events since ``item_vectors`` was valid.
    trend : TrendView
        Decayed popularity, of the same moment and the same events.
    n_items : int
        Number of items to score.
    is_cold : ndarray of shape (n_rows,), bool
        Whose user has no history.
    mass : callable
        Returns what the events of each item weigh together when the batch began, Tensor of shape (n_items,).
    neighbourhood : callable or None
        Returns what the counts of pairs say, as each row sees them; None where no pairs are counted.
    situations : callable
        Returns the situation of each row, ndarray of shape (n_rows, n_features).
    shared : Tensor of shape (n_shared, n_items) or None
        What each item scores whoever asks, where that is the same for all rows and known already: one row, or with a
        gate the biases and then a row for each shared part that weighs anything.
    factors : mapping or None, default=None
        By what a gate multiplies parts in each row: by name, ndarray of shape (n_rows,); parts without a gate are not
        named. None where there is no gate.
    all_vectors : ItemVectors or None, default=None
        The very thing that ``item_vectors`` is the first rows of, where scorers keep what they make of it.
    """

    queries: Queries
    item_vectors: ItemVectors
    recent: Recent
    trend: TrendView
    n_items: int
    is_cold: NDArray[np.bool_]
    mass: Callable[[], Tensor]
    neighbourhood: Callable[[], Neighbourhood] | None
    situations: Callable[[], NDArray[np.float64]]
    shared: Tensor | None = None
    factors: Mapping[str, NDArray[np.float32]] | None = None
    all_vectors: ItemVectors | None = None

    def factor(self, name: str) -> NDArray[np.float32] | None:
        """Return by what a gate multiplies a part in each row; None if by nothing."""
        return None if self.factors is None else self.factors.get(name)

    def gated(self, scores: Tensor, name: str) -> Tensor:
        """Return a part's scores, one row for each of the view's, times what its gate says; they are overwritten."""
        factor = self.factor(name)
        return scores if factor is None else scores.mul_(beside(scores, factor)[:, None])

    def zeros(self) -> Tensor:
        """Return scores of nothing, shape (n_rows, n_items)."""
        return self.item_vectors.zeros(len(self.is_cold), self.n_items)

    def spread(self, scores: Tensor) -> Tensor:
        """Return scores for all items, the last column standing for every item that ``item_vectors`` has no row of."""
        if self.n_items == scores.shape[1]:
            return scores
        return torch.cat([scores, scores[:, -1:].expand(-1, self.n_items - scores.shape[1])], dim=1)

    def cold(self) -> View:
        """Return the rows of users without history; their queries, which say nothing, stay those of all rows."""
        rows = np.flatnonzero(self.is_cold)
        return self._replace(trend=self.trend.rows(rows), is_cold=self.is_cold[rows], shared=None, factors=None)
