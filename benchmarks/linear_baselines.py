"""Linear rivals: a matrix of item-to-item weights in closed form, asked with the user's decayed history.

Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, arXiv 1905.03375; and neighbourhoods of items by
the cosine of their users, as they are or weighted by tf-idf or BM25.
"""

from __future__ import annotations

import numpy as np
from baselines import Baseline
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_array

from skautoseqrec import Interactions

__all__ = ["LinearAutoencoder", "Neighbours"]


class ItemToItem(Baseline):
    """What both share: the score of item i is the sum of ``decay**(k - 1) * weights[h_k, i]``, h_1 the newest item.

    A user without a history is shown what is popular. A subclass has ``learn``.

    Parameters
    ----------
    decay : float
        Weight of an item of the history, as a multiple of that of the next newer one.
    refit_every : int or None
        Number of events after which the weights are learnt anew; None: as fitted.
    """

    def __init__(self, decay: float = 1.0, refit_every: int | None = None, *, exclude_seen: bool = True) -> None:
        super().__init__(exclude_seen=exclude_seen)
        self.decay, self.refit_every = decay, refit_every

    def fit(self, log: Interactions) -> ItemToItem:
        """Learn the weights from a log."""
        super().fit(log)
        self._refit()
        return self

    def start(self) -> None:
        """Begin without events."""
        self.counts = np.zeros(self.n_items)
        self.pairs: dict[tuple[int, int], None] = {}

    def let_in(self, user: int, item: int, time: float) -> None:
        """Remember who has what."""
        self.counts[item] += 1
        self.pairs[user, item] = None

    def scores(self, user: int) -> NDArray[np.float64]:
        """Return the score of each item."""
        if self.refit_every is not None and self.n_events >= self.n_fitted + self.refit_every:
            self._refit()
        newest_first = self.histories[user][::-1]
        if not newest_first:
            return self.counts
        return self.decay ** np.arange(len(newest_first)) @ self.weights[newest_first]

    def learn(self, matrix: csr_array) -> NDArray[np.float64]:
        """Return the weights (asked item, scored item) for a matrix of ones (users, items)."""
        raise NotImplementedError

    def _refit(self) -> None:
        self.n_fitted = self.n_events
        users, items = np.array(list(self.pairs), dtype=np.int64).reshape(-1, 2).T
        ones = np.ones(len(self.pairs))
        self.weights = self.learn(csr_array((ones, (users, items)), shape=(self.n_users, self.n_items)))


class LinearAutoencoder(ItemToItem):
    """EASE: the linear map that rebuilds each column of the user-item matrix R best from the other columns.

    With ``G = R'R + regularization * I`` and ``P`` the inverse of G, ``weights[k, i] = -P[k, i] / P[i, i]``, and 0 on
    the diagonal.
    """

    def __init__(
        self,
        regularization: float = 100.0,
        decay: float = 1.0,
        refit_every: int | None = None,
        *,
        exclude_seen: bool = True,
    ) -> None:
        super().__init__(decay, refit_every, exclude_seen=exclude_seen)
        self.regularization = regularization

    def learn(self, matrix: csr_array) -> NDArray[np.float64]:
        """Return the weights in closed form."""
        gram = (matrix.T @ matrix).toarray()
        identity = np.eye(self.n_items)
        gram += self.regularization * identity
        inverse = cho_solve(cho_factor(gram, overwrite_a=True), identity, overwrite_b=True)
        weights = inverse / -inverse.diagonal()
        np.fill_diagonal(weights, 0)
        return weights


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

    def learn(self, matrix: csr_array) -> NDArray[np.float64]:
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
