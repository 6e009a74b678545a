"""Neighbourhoods of items by the cosine of their users, as they are or weighted by tf-idf or BM25."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .item_to_item import ItemToItem

__all__ = ["Neighbours"]


class Neighbours(ItemToItem):
    """Item neighbours: ``weights[k, i]`` says how alike the users of k and i are, if k is among the nearest of i.

    Column i of the user-item matrix is weighted by what a user's vote is worth, ``log(n_items / (1 + d_u))`` for a user
    of d_u items, and by the length of the column. The weight is the dot product of two columns x of n_i users each:

    - "cosine": ``x_ui = 1 / sqrt(n_i)``;
    - "tfidf": ``x_ui = vote_u``, divided by the Euclidean norm of the column;
    - "bm25": ``x_ui = vote_u * (K + 1) / (K * (1 - B + B * n_i / mean(n)) + 1)``, with K = 1.2 and B = 0.75.

    Parameters
    ----------
    kind : {"cosine", "tfidf", "bm25"}
        Of similarity.
    n_neighbours : int or None
        Number of nearest items that vote for an item; None: all.
    """

    K, B = 1.2, 0.75

    def __init__(
        self,
        kind: str = "cosine",
        decay: float = 1.0,
        n_neighbours: int | None = None,
        refit_every: int | None = None,
        *,
        exclude_seen: bool = True,
    ) -> None:
        super().__init__(decay, refit_every, exclude_seen=exclude_seen)
        self.kind, self.n_neighbours = kind, n_neighbours

    def weigh(self, matrix: csr_array) -> NDArray[np.float64]:
        """Return the similarities."""
        n_users_of = matrix.sum(axis=0)
        if self.kind != "cosine":
            votes = np.log(self.known.sum() / (1 + matrix.sum(axis=1)))
            matrix = matrix.multiply(votes[:, np.newaxis]).tocsr()
        weights = (matrix.T @ matrix).toarray()
        if self.kind == "bm25":
            length = n_users_of / n_users_of[n_users_of > 0].mean()
            scale = (self.K + 1) / (self.K * (1 - self.B + self.B * length) + 1)
        else:
            norms = np.sqrt(weights.diagonal())
            scale = np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)
        weights *= scale[:, np.newaxis] * scale
        np.fill_diagonal(weights, 0)
        return weights if self.n_neighbours is None else _keep_nearest(weights, self.n_neighbours)


def _keep_nearest(weights: NDArray[np.float64], n_neighbours: int) -> NDArray[np.float64]:
    """Return the weights with zeros below the n-th largest of each column."""
    if n_neighbours < len(weights):
        weights[weights < np.partition(weights, -n_neighbours, axis=0)[-n_neighbours]] = 0
    return weights
