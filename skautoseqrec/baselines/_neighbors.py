"""Item neighbours: items that the same users have, by the cosine of their users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils._param_validation import StrOptions

from .._counts.counted_log import CountedLog
from .._counts.counts import Counts
from .._parameters import DECAY, POSITIVE_INTEGER
from .._utils.ragged import with_room
from ._base import BaselineRecommender
from ._fading import Fading
from ._pair_weights import PairWeights, pair_weights
from ._state import Rule

#: Parameters of BM25, as the field has them.
BM25_K, BM25_B = 1.2, 0.75


class ItemKNNRecommender(BaselineRecommender):
    """Recommend the nearest neighbours of a user's items: items that the same users have.

    The score of i is the sum of ``history_decay**(k - 1) * similarity(h_k, i)`` over a user's history, the newest item
    at k = 1. The similarity is the dot product of two columns of the user-item matrix of ones, which ``weighting``
    scales.

    Read more in the :ref:`user guide <baselines>`.

    Parameters
    ----------
    n_neighbors : int or None, default=None
        Number of most similar items that each item of the history speaks for; at least 1. None takes all.
    weighting : {"cosine", "tfidf", "bm25"}, default="cosine"
        How columns are scaled. "cosine" divides them by their length. "tfidf" and "bm25" first weigh each user by
        ``log(n_items / (1 + n_items_of_user))``. "bm25" dampens popular items less than the others do.
    history_decay : float, default=0.8
        The k-th newest item of a history weighs ``history_decay**(k - 1)``, and 0 once that is under .002; in (0, 1].
        1 cuts nothing.
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
    With "cosine", updates and prequential evaluation count every event at once. With "tfidf" and "bm25" one event
    changes the weight of all items of its user: the similarities stand still until the next fit, and only histories
    move. Users without history are ranked by popularity.

    References
    ----------
    Deshpande and Karypis, "Item-based top-N recommendation algorithms", ACM TOIS 22(1), 2004.

    Examples
    --------
    >>> from skautoseqrec.baselines import ItemKNNRecommender
    >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3), ("cid", "tea", 4), ("cid", "jam", 5)]
    >>> recommender = ItemKNNRecommender().fit(log)
    >>> recommender.partial_update([("dan", "milk", 6)]).predict_topk(["bob"], k=2)
    array([['jam', 'milk']], dtype=object)
    """

    _parameter_constraints: dict[str, Any] = {
        **BaselineRecommender._parameter_constraints,
        "n_neighbors": [POSITIVE_INTEGER, None],
        "weighting": [StrOptions({"cosine", "tfidf", "bm25"})],
        "history_decay": [DECAY],
    }

    def __init__(
        self,
        n_neighbors: int | None = None,
        *,
        weighting: str = "cosine",
        history_decay: float = 0.8,
        exclude_seen: bool = True,
        columns: Mapping[str, str] | None = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.weighting = weighting
        self.history_decay = history_decay
        self.exclude_seen = exclude_seen
        self.columns = columns

    def _learn(self, log: CountedLog) -> Rule:
        fading = Fading(float(self.history_decay))
        if self.weighting == "cosine":
            return LiveNeighbors.of(log.counts, fading, self.n_neighbors)
        products, scales = weighted_products(log.counts, self.weighting)
        return Neighbors(pair_weights(products), scales, fading, self.n_neighbors)


class Neighbors:
    """The rule of neighbours whose similarities stand still.

    Parameters
    ----------
    products : PairWeights
        Dot product of the columns of each pair of different items.
    scales : ndarray of shape (n_items,)
        What each column is scaled by.
    fading : Fading
        How much each item of a history counts.
    n_neighbors : int or None
        How many items each of them speaks for.
    """

    def __init__(
        self, products: PairWeights, scales: NDArray[np.float64], fading: Fading, n_neighbors: int | None
    ) -> None:
        self._products, self._scales = products, scales
        self._fading, self._n_neighbors = fading, n_neighbors

    def add_event(self, item: int, history: NDArray[np.int64], n_events: int, weight: int) -> None:
        """Learn nothing until the next fit; a new item has no neighbours."""
        self._scales = with_room(self._scales, item + 1)

    def score(self, user: int, history: NDArray[np.int64], popularity: NDArray[Any]) -> NDArray[np.float64]:
        """Return the weighted sum of the similarities of every item with those of the history."""
        if not len(history):
            return popularity.astype(np.float64)
        items, weights = self._fading.newest_first(history)
        scales = self._column_scales(len(popularity))
        return self._products.weigh(items, weights * scales[items], scales, self._n_neighbors)

    def copy(self) -> Neighbors:
        """Return an independent rule of the same similarities."""
        return Neighbors(self._products, self._scales, self._fading, self._n_neighbors)

    def recounted(self, counts: Counts) -> Neighbors:
        """Return the rule: its similarities are those of the fit."""
        return self

    def _column_scales(self, n_items: int) -> NDArray[np.float64]:
        return self._scales[:n_items]


class LiveNeighbors(Neighbors):
    """The rule of neighbours by the cosine: two whole numbers for each pair and item, which every event changes.

    ``products`` are the numbers of users that have both items of a pair, ``scales`` those that have each item.
    """

    @classmethod
    def of(cls, counts: Counts, fading: Fading, n_neighbors: int | None) -> LiveNeighbors:
        """Count the users of a log."""
        met = user_item_ones(counts)
        n_users_of = np.asarray(met.sum(axis=0)).ravel()
        return cls(pair_weights(without_diagonal(met.T @ met)), n_users_of, fading, n_neighbors)

    def add_event(self, item: int, history: NDArray[np.int64], n_events: int, weight: int) -> None:
        """Count the user of an item that the user has not had before, and the pairs with those before it."""
        super().add_event(item, history, n_events, weight)
        met = np.flatnonzero(np.bincount(history))  # each item once, faster than by np.unique
        if item not in met:
            self._scales[item] += 1
            items = np.full(len(met), item)
            self._products = self._products.add(met, items, 1.0).add(items, met, 1.0)

    def copy(self) -> LiveNeighbors:
        """Return an independent rule that has counted the same."""
        return LiveNeighbors(self._products.copy(), self._scales.copy(), self._fading, self._n_neighbors)

    def recounted(self, counts: Counts) -> LiveNeighbors:
        """Return the rule after other events."""
        return LiveNeighbors.of(counts, self._fading, self._n_neighbors)

    def _column_scales(self, n_items: int) -> NDArray[np.float64]:
        return 1 / np.sqrt(np.maximum(self._scales[:n_items], 1))


def weighted_products(counts: Counts, weighting: str) -> tuple[sparse.csr_matrix, NDArray[np.float64]]:
    """Return the dot products of weighted columns, and what makes similarities of them: "tfidf" or "bm25"."""
    met = user_item_ones(counts)
    n_users_of, n_items_of = (np.asarray(met.sum(axis=axis)).ravel() for axis in (0, 1))
    votes = np.log(counts.n_items / (1 + n_items_of))
    voted = sparse.diags(votes) @ met
    products = (voted.T @ voted).tocsr()
    if weighting == "tfidf":
        norms = np.sqrt(products.diagonal())
        scales = np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)
    else:
        lengths = n_users_of / n_users_of.mean()
        scales = (BM25_K + 1) / (BM25_K * (1 - BM25_B + BM25_B * lengths) + 1)
    return without_diagonal(products), scales


def user_item_ones(counts: Counts) -> sparse.csr_matrix:
    """Return which user has met which item, as ones."""
    met = counts.user_item().astype(np.float64)
    met.data[:] = 1.0
    return met


def without_diagonal(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return a matrix of csr format, its indices sorted, without its diagonal."""
    kept = (matrix - sparse.diags(matrix.diagonal())).tocsr()
    kept.eliminate_zeros()
    kept.sort_indices()
    return kept
