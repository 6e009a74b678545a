"""Functions that put a page of candidates in another order: for ``predict_topk(..., rerank=...)``.

Any function will do. It is called once for all users, as ``rerank(users, ids, scores)``: the ids of the users, for each
user the ids of the best candidates, best first, and their scores. It returns an order for each user: ids of the page,
each once, as many as it likes. What it leaves out is not recommended.

Three attributes of a function say more:

- ``rerank_size``: how many candidates it wants for each user.
- ``returns = "positions"``: it returns positions on the page in place of ids.
- ``needs_similarities = True``: it is given ``similarities=``, for each user the cosines of the candidates with each
  other, shape (n_candidates, n_candidates).
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.preprocessing import normalize

from ._data.checks import refuse_other_kind
from ._data.item_table import read_item_table
from ._data.reading import read_ids
from ._utils.words import counted

__all__ = ["MaxPerGroup", "MaximalMarginalRelevance"]


class MaxPerGroup(BaseEstimator):
    """Recommend at most so many items of a group: of a category, a brand, a series.

    The order stays as it is. Whatever comes after the m-th item of its group is left out.

    Parameters
    ----------
    m : int
        Number of items of a group in a list; at least 1.
    groups : dict, pandas series, dataframe or array of records
        Group of each item: by id, or in a column (named "group", if there are several) beside one of item ids. An item
        without a group is a group by itself.
    rerank_size : int or None, default=None
        Number of candidates to choose from; None is ten times the length of the list.

    Examples
    --------
    >>> from skautoseqrec import AutoSeqRecRecommender
    >>> from skautoseqrec.reranking import MaxPerGroup
    >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "juice", 3), ("bob", "jam", 4), ("cid", "tea", 5)]
    >>> parameters = {"objective": "closed_form", "blend": {"trend": (0, 0, 0, 1)}, "early_stopping": False}
    >>> recommender = AutoSeqRecRecommender(**parameters)
    >>> rerank = MaxPerGroup(1, {"tea": "drink", "milk": "drink", "juice": "drink", "jam": "food"})
    >>> recommender.fit(log).predict_topk(["dan"], k=3)
    array([['tea', 'jam', 'juice']], dtype=object)
    >>> recommender.predict_topk(["dan"], k=3, rerank=rerank, output="list")
    [['tea', 'jam']]
    """

    #: What a call returns.
    returns = "positions"

    def __init__(self, m: int, groups: Any, rerank_size: int | None = None) -> None:
        self.m = m
        self.groups = groups
        self.rerank_size = rerank_size

    def __call__(
        self, users: NDArray[Any], ids: Sequence[NDArray[Any]], scores: Sequence[NDArray[Any]]
    ) -> list[NDArray[np.int64]]:
        """Return the positions of the candidates that stay, for each user.

        Raises
        ------
        ValueError, TypeError
            If ``m`` or ``groups`` cannot be used.
        """
        if not isinstance(self.m, Integral) or isinstance(self.m, bool) or self.m < 1:
            raise ValueError(f"m must be a whole number of at least 1, not {self.m!r}.")
        table = read_item_table(self.groups, "groups")
        for page in ids:
            refuse_other_kind("groups", page, table.ids)
        group_of = dict(zip(table.ids.tolist(), table.column("groups", ("group", "category")), strict=True))
        return [self._kept(page.tolist(), group_of) for page in ids]

    def _kept(self, page: list[Any], group_of: dict[Any, Any]) -> NDArray[np.int64]:
        counts: dict[Any, int] = {}
        kept = []
        for place, item in enumerate(page):
            group = group_of.get(item)
            if group is None or counts.setdefault(group, 0) < self.m:
                kept.append(place)
            if group is not None:
                counts[group] += 1
        return np.array(kept, dtype=np.int64)


class MaximalMarginalRelevance(BaseEstimator):
    """Recommend items that are relevant and not alike (maximal marginal relevance).

    The best candidate comes first. Then always the one of the largest
    ``trade_off * relevance - (1 - trade_off) * largest cosine with an item that stands already``.
    The relevance is the score, scaled to [0, 1] over the page.

    Parameters
    ----------
    trade_off : float, default=0.7
        Weight of the relevance; in [0, 1]. 1 keeps the order of the scores.
    vectors : dict, dataframe or None, default=None
        Vector of each item: by id, or in the columns beside one of item ids. An item without a vector is like no other.
        None takes the recommender's cosines: those of ``similar_items`` or, without a network, of the part neighbours.
    rerank_size : int or None, default=None
        Number of candidates to choose from; None is ten times the length of the list.

    References
    ----------
    Carbonell and Goldstein, "The use of MMR, diversity-based reranking for reordering documents and producing
    summaries", SIGIR 1998.

    Examples
    --------
    >>> from skautoseqrec.reranking import MaximalMarginalRelevance
    >>> rerank = MaximalMarginalRelevance(0.5, vectors={"tea": [1, 0], "green tea": [1, 0], "jam": [0, 1]})
    >>> rerank(["ann"], [np.array(["tea", "green tea", "jam"])], [np.array([3.0, 2.9, 2.0])])
    [array([0, 2, 1])]
    """

    #: What a call returns.
    returns = "positions"

    def __init__(self, trade_off: float = 0.7, vectors: Any = None, rerank_size: int | None = None) -> None:
        self.trade_off = trade_off
        self.vectors = vectors
        self.rerank_size = rerank_size

    @property
    def needs_similarities(self) -> bool:
        """Whether the cosines of the recommender are wanted."""
        return self.vectors is None

    def __call__(
        self,
        users: NDArray[Any],
        ids: Sequence[NDArray[Any]],
        scores: Sequence[NDArray[Any]],
        similarities: Sequence[NDArray[Any]] | None = None,
    ) -> list[NDArray[np.int64]]:
        """Return the positions of the candidates in their new order, for each user.

        Raises
        ------
        ValueError, TypeError
            If ``trade_off`` or ``vectors`` cannot be used.
        """
        if not isinstance(self.trade_off, Real) or isinstance(self.trade_off, bool) or not 0 <= self.trade_off <= 1:
            raise ValueError(f"trade_off must be a number in [0, 1], not {self.trade_off!r}.")
        if self.vectors is not None:
            similarities = self._cosines(ids)
        if similarities is None:
            raise ValueError("Without vectors, the similarities of the candidates must be given.")
        return [self._order(*page) for page in zip(scores, similarities, strict=True)]

    def _cosines(self, ids: Sequence[NDArray[Any]]) -> list[NDArray[np.float64]]:
        """Return the cosines of the candidates of each page by the given vectors."""
        vectors = read_vectors(self.vectors)
        known = read_ids([*vectors], "vectors")
        for page in ids:
            refuse_other_kind("vectors", page, known)
        nothing = np.zeros(len(next(iter(vectors.values()))))
        pages = [
            normalize([vectors.get(item, nothing) for item in page.tolist()]) if len(page) else None for page in ids
        ]
        return [np.zeros((0, 0)) if page is None else page @ page.T for page in pages]

    def _order(self, scores: NDArray[Any], cosines: NDArray[Any]) -> NDArray[np.int64]:
        left = np.ones(len(scores), dtype=bool)
        likeness = np.full(len(scores), -np.inf)  # with what stands already
        relevance = _scaled(scores)
        order = np.empty(len(scores), dtype=np.int64)
        for place in range(len(scores)):
            penalty = 0.0 if place == 0 else (1 - self.trade_off) * likeness
            value = np.where(left, self.trade_off * relevance - penalty, -np.inf)
            # The first has nothing to be like: it is the most relevant, also where relevance has no weight.
            order[place] = chosen = int(np.argmax(relevance if place == 0 else value))
            left[chosen] = False
            likeness = np.maximum(likeness, cosines[chosen])
        return order


def read_vectors(vectors: Any) -> dict[Any, NDArray[np.float64]]:
    """Return one vector for each item of a dict or a frame.

    Raises
    ------
    ValueError
        If the vectors are not of one length, there are none, or one is not of finite numbers. The message names the
        item.
    """
    table = read_item_table(vectors, "vectors")
    rows = zip(*table.columns.values(), strict=True)
    found: dict[Any, NDArray[np.float64]] = {}
    for key, row in zip(table.ids.tolist(), rows, strict=True):
        try:
            vector = np.asarray(row, dtype=np.float64).ravel()
        except (TypeError, ValueError) as error:
            raise ValueError(f"vectors holds no numbers for the item {key!r} ({error}).") from error
        first = next(iter(found.values()), vector)
        if not len(vector) or len(vector) != len(first) or not np.isfinite(vector).all():
            raise ValueError(
                f"vectors holds {counted(len(vector), 'number')} for the item {key!r}, and must hold "
                f"{len(first)}, all of them finite."
            )
        found[key] = vector
    if not found:
        raise ValueError("vectors is empty. Give a vector for some items, or None for those of the recommender.")
    return found


def _scaled(scores: NDArray[Any]) -> NDArray[np.float64]:
    """Return scores scaled to [0, 1]; equal ones are all 1."""
    scores = np.asarray(scores, dtype=np.float64)
    spread = np.ptp(scores) if len(scores) else 0.0
    return (scores - scores.min()) / spread if spread else np.ones(len(scores))
