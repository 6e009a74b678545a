"""Ranking metrics as functions of ranks, and scorers for scikit-learn's model selection."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "RankingScorer",
    "mean_reciprocal_rank",
    "mrr_scorer",
    "ndcg_at_k",
    "ranks_from_reciprocal",
    "recall_at_k",
    "recall_scorer",
]


def mean_reciprocal_rank(ranks: ArrayLike) -> float:
    r"""Return the mean reciprocal rank.

    .. math:: \frac{1}{|E|} \sum_{e \in E} \frac{1}{rank(e)}

    Parameters
    ----------
    ranks : array-like of shape (n_events,)
        Rank of the true item of each event, at least 1; infinite where it could not be recommended. Halves
        stand for ties.

    Returns
    -------
    mrr : float
        In [0, 1].

    Raises
    ------
    ValueError
        If there is no rank, or one is below 1 or NaN.

    Examples
    --------
    >>> mean_reciprocal_rank([1, 2, float("inf")])
    0.5
    """
    return float((1 / _check_ranks(ranks)).mean())


def recall_at_k(ranks: ArrayLike, k: int = 10) -> float:
    r"""Return the share of events whose true item is among the first k (also called hit rate).

    .. math:: \frac{1}{|E|} \sum_{e \in E} [rank(e) \le k]

    Parameters
    ----------
    ranks : array-like of shape (n_events,)
        Rank of the true item of each event, at least 1; infinite where it could not be recommended.
    k : int, default=10
        Length of the list; at least 1.

    Returns
    -------
    recall : float
        In [0, 1].

    Raises
    ------
    ValueError
        If there is no rank, one is below 1 or NaN, or k < 1.

    Examples
    --------
    >>> recall_at_k([1, 2, 11, 40], k=10)
    0.5
    """
    return float((_check_ranks(ranks) <= _check_k(k)).mean())


def ndcg_at_k(ranks: ArrayLike, k: int = 10) -> float:
    r"""Return the normalised discounted cumulative gain of lists with one right answer.

    .. math:: \frac{1}{|E|} \sum_{e \in E} \frac{[rank(e) \le k]}{\log_2(1 + rank(e))}

    Parameters
    ----------
    ranks : array-like of shape (n_events,)
        Rank of the true item of each event, at least 1; infinite where it could not be recommended.
    k : int, default=10
        Length of the list; at least 1.

    Returns
    -------
    ndcg : float
        In [0, 1].

    Raises
    ------
    ValueError
        If there is no rank, one is below 1 or NaN, or k < 1.

    Examples
    --------
    >>> ndcg_at_k([1, 3, 100], k=10)
    0.5
    """
    checked = _check_ranks(ranks)
    return float(np.where(checked <= _check_k(k), 1 / np.log2(1 + checked), 0.0).mean())


class RankingScorer:
    """Scorer of a recommender that walks forward over a log once and takes every metric from it.

    A plain callable ``(estimator, X, y=None)``, for ``scoring=`` in scikit-learn's model selection. It needs nothing
    of the estimator but ``score_samples``, which Pipeline and GridSearchCV forward.

    Parameters
    ----------
    metrics : str or sequence of str, default=("mrr", "recall@10")
        "mrr", "recall@k" or "ndcg@k" for any k >= 1. A single str makes the scorer return a float, a sequence a dict.

    Raises
    ------
    ValueError
        If a metric is not known.

    Examples
    --------
    >>> scorer = RankingScorer(("mrr", "recall@2"))
    >>> class Perfect:
    ...     def score_samples(self, X):
    ...         return np.ones(len(X))
    >>> scorer(Perfect(), [("ann", "tea"), ("ann", "milk")])
    {'mrr': 1.0, 'recall@2': 1.0}
    """

    def __init__(self, metrics: str | Sequence[str] = ("mrr", "recall@10")) -> None:
        self.metrics = metrics
        for name in [metrics] if isinstance(metrics, str) else metrics:
            _parse_metric(name)

    def __call__(self, estimator: Any, X: Any, y: Any = None) -> float | dict[str, float]:
        """Walk forward over a log and return the metrics.

        Parameters
        ----------
        estimator : fitted estimator with ``score_samples``
            The recommender, or a pipeline or search around it.
        X : dataframe, array-like or Interactions
            The log.
        y : None
            Ignored; there for the scikit-learn API.

        Returns
        -------
        score : float or dict of float
            One value, or one per metric.
        """
        ranks = ranks_from_reciprocal(estimator.score_samples(X))
        if isinstance(self.metrics, str):
            return _parse_metric(self.metrics)(ranks)
        return {name: _parse_metric(name)(ranks) for name in self.metrics}

    def __repr__(self) -> str:
        """Return the call that makes this scorer."""
        return f"RankingScorer({self.metrics!r})"


def recall_scorer(k: int = 10) -> RankingScorer:
    """Return a scorer of Recall@k.

    Parameters
    ----------
    k : int, default=10
        Length of the list; at least 1.

    Returns
    -------
    scorer : RankingScorer
        A callable ``(estimator, X, y=None)`` that returns a float.

    Examples
    --------
    >>> recall_scorer(5)
    RankingScorer('recall@5')
    """
    return RankingScorer(f"recall@{_check_k(k)}")


def ranks_from_reciprocal(values: ArrayLike) -> NDArray[np.float64]:
    """Return ranks from reciprocal ranks: whole or half numbers, infinite for 0.

    Parameters
    ----------
    values : array-like of shape (n_events,)
        What ``score_samples`` returns.

    Returns
    -------
    ranks : ndarray of shape (n_events,)
        Exact: 1 / (1 / 49) is not 49 in floating point, so halves are restored.

    Examples
    --------
    >>> from skautoseqrec.metrics import ranks_from_reciprocal
    >>> ranks_from_reciprocal([1.0, 0.4, 1 / 49, 0.0])
    array([ 1. ,  2.5, 49. ,  inf])
    """
    with np.errstate(divide="ignore"):
        return np.rint(2 / np.asarray(values, dtype=np.float64)) / 2


def _parse_metric(name: str) -> Callable[[NDArray[np.float64]], float]:
    if name == "mrr":
        return mean_reciprocal_rank
    match = re.fullmatch(r"(recall|ndcg)@([1-9]\d*)", name)
    if match is None:
        raise ValueError(f"Unknown metric {name!r}: use 'mrr', 'recall@k' or 'ndcg@k', such as 'recall@10'.")
    function, k = {"recall": recall_at_k, "ndcg": ndcg_at_k}[match[1]], int(match[2])
    return lambda ranks: function(ranks, k)


def _check_ranks(ranks: ArrayLike) -> NDArray[np.float64]:
    checked = np.asarray(ranks, dtype=np.float64)
    if checked.size == 0:
        raise ValueError("There is no rank to average.")
    if not (checked >= 1).all():
        row = int((~(checked >= 1)).argmax())
        raise ValueError(f"Ranks start at 1; row {row} holds {checked[row]}.")
    return checked


def _check_k(k: int) -> int:
    if k != int(k) or k < 1:
        raise ValueError(f"k must be a whole number of at least 1, not {k!r}.")
    return int(k)


#: Scorer of the mean reciprocal rank.
mrr_scorer = RankingScorer("mrr")
