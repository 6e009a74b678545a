"""Ranking metrics as functions of ranks, and scorers for scikit-learn's model selection."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import sklearn
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.metadata_routing import MetadataRequest

from ._utils.arguments import check_k, check_weights, count_events, weighted_mean

__all__ = [
    "RankingScorer",
    "mean_reciprocal_rank",
    "mrr_scorer",
    "ndcg_at_k",
    "ranks_from_reciprocal",
    "recall_at_k",
    "recall_scorer",
]


def mean_reciprocal_rank(ranks: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    r"""Return the mean reciprocal rank.

    .. math:: \frac{1}{|E|} \sum_{e \in E} \frac{1}{rank(e)}

    Parameters
    ----------
    ranks : array-like of shape (n_events,)
        Rank of the true item of each event, at least 1; infinite if it was not a candidate. Ties give half ranks.
    sample_weight : array-like of shape (n_events,) or None, default=None
        Weight of each event in the mean.

    Returns
    -------
    mrr : float
        In [0, 1].

    Raises
    ------
    ValueError
        If there is no rank, a rank is below 1 or NaN, or ``sample_weight`` does not hold one finite weight of at least
        0 for each event, not all of them 0.

    Examples
    --------
    >>> mean_reciprocal_rank([1, 2, float("inf")])
    0.5
    >>> mean_reciprocal_rank([1, 2, float("inf")], sample_weight=[3, 0, 1])
    0.75
    """
    return weighted_mean(1 / _check_ranks(ranks), sample_weight)


def recall_at_k(ranks: ArrayLike, k: int = 10, *, sample_weight: ArrayLike | None = None) -> float:
    r"""Return the share of events whose true item is among the first k (also called hit rate).

    .. math:: \frac{1}{|E|} \sum_{e \in E} [rank(e) \le k]

    Parameters
    ----------
    ranks : array-like of shape (n_events,)
        Rank of the true item of each event, at least 1; infinite if it was not a candidate.
    k : int, default=10
        Length of the list; at least 1.
    sample_weight : array-like of shape (n_events,) or None, default=None
        Weight of each event in the mean.

    Returns
    -------
    recall : float
        In [0, 1].

    Raises
    ------
    ValueError
        If there is no rank, a rank is below 1 or NaN, k < 1, or ``sample_weight`` does not hold one finite weight of at
        least 0 for each event, not all of them 0.

    Examples
    --------
    >>> recall_at_k([1, 2, 11, 40], k=10)
    0.5
    """
    return weighted_mean(_check_ranks(ranks) <= check_k(k), sample_weight)


def ndcg_at_k(ranks: ArrayLike, k: int = 10, *, sample_weight: ArrayLike | None = None) -> float:
    r"""Return the normalised discounted cumulative gain of lists with one right answer.

    .. math:: \frac{1}{|E|} \sum_{e \in E} \frac{[rank(e) \le k]}{\log_2(1 + rank(e))}

    Parameters
    ----------
    ranks : array-like of shape (n_events,)
        Rank of the true item of each event, at least 1; infinite if it was not a candidate.
    k : int, default=10
        Length of the list; at least 1.
    sample_weight : array-like of shape (n_events,) or None, default=None
        Weight of each event in the mean.

    Returns
    -------
    ndcg : float
        In [0, 1].

    Raises
    ------
    ValueError
        If there is no rank, a rank is below 1 or NaN, k < 1, or ``sample_weight`` does not hold one finite weight of at
        least 0 for each event, not all of them 0.

    Examples
    --------
    >>> ndcg_at_k([1, 3, 100], k=10)
    0.5
    """
    checked = _check_ranks(ranks)
    return weighted_mean(np.where(checked <= check_k(k), 1 / np.log2(1 + checked), 0.0), sample_weight)


def ranks_from_reciprocal(values: ArrayLike) -> NDArray[np.float64]:
    """Return ranks from reciprocal ranks: whole or half ranks, infinite for 0.

    Parameters
    ----------
    values : array-like of shape (n_events,)
        What ``score_samples`` returns.

    Returns
    -------
    ranks : ndarray of shape (n_events,)
        Rounded to the exact half or whole rank, since 1 / (1 / 49) is not 49 in floating point.

    Examples
    --------
    >>> from skautoseqrec.metrics import ranks_from_reciprocal
    >>> ranks_from_reciprocal([1.0, 0.4, 1 / 49, 0.0])
    array([ 1. ,  2.5, 49. ,  inf])
    """
    with np.errstate(divide="ignore"):
        return np.rint(2 / np.asarray(values, dtype=np.float64)) / 2


def _check_ranks(ranks: ArrayLike) -> NDArray[np.float64]:
    checked = np.asarray(ranks, dtype=np.float64)
    if checked.size == 0:
        raise ValueError("There is no rank to average.")
    if not (checked >= 1).all():
        row = int((~(checked >= 1)).argmax())
        raise ValueError(f"Ranks start at 1; row {row} holds {checked[row]}.")
    return checked


class RankingScorer:
    """Scorer that computes ranking metrics from one prequential evaluation of a log.

    A plain callable ``(estimator, X, y=None, *, sample_weight=None)``, for ``scoring=`` in scikit-learn's model
    selection. The estimator needs only ``score_samples``, which Pipeline and GridSearchCV forward. A search passes its
    ``sample_weight`` on if metadata routing is enabled and :meth:`set_score_request` asks for it.

    Parameters
    ----------
    metrics : str or sequence of str, default=("mrr", "recall@10")
        "mrr", "recall@k" or "ndcg@k" for any k >= 1. With a str the scorer returns a float, with a sequence a dict.

    Raises
    ------
    ValueError
        If a metric is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> scorer = RankingScorer(("mrr", "recall@2"))
    >>> class Perfect:
    ...     def score_samples(self, X):
    ...         return np.ones(len(X))
    >>> scorer(Perfect(), [("ann", "tea"), ("ann", "milk")])
    {'mrr': 1.0, 'recall@2': 1.0}
    """

    def __init__(self, metrics: str | Sequence[str] = ("mrr", "recall@10")) -> None:
        self.metrics = metrics
        self._weight_request: bool | str | None = None
        for name in [metrics] if isinstance(metrics, str) else metrics:
            _parse_metric(name)

    def __call__(
        self, estimator: Any, X: Any, y: Any = None, *, sample_weight: ArrayLike | None = None
    ) -> float | dict[str, float]:
        """Evaluate a log prequentially (walking forward) and return the metrics.

        Parameters
        ----------
        estimator : fitted estimator with ``score_samples``
            The recommender, or a pipeline or search around it.
        X : dataframe, array-like or Interactions
            The log.
        y : None
            Ignored; there for the scikit-learn API.
        sample_weight : array-like of shape (n_events,) or None, default=None
            Weight of each event in the means.

        Returns
        -------
        score : float or dict of float
            One value, or one per metric.

        Raises
        ------
        ValueError, TypeError
            If ``sample_weight`` does not hold one finite weight of at least 0 for each event, not all of them 0.
        """
        weights = check_weights(sample_weight, count_events(X))  # before the walk, which may take long
        ranks = ranks_from_reciprocal(estimator.score_samples(X))
        if isinstance(self.metrics, str):
            return _parse_metric(self.metrics)(ranks, sample_weight=weights)
        return {name: _parse_metric(name)(ranks, sample_weight=weights) for name in self.metrics}

    def set_score_request(self, *, sample_weight: bool | str | None) -> RankingScorer:
        """Return a copy of this scorer with a request for scikit-learn's metadata routing.

        This scorer itself does not change, since ``mrr_scorer`` is shared.

        Parameters
        ----------
        sample_weight : bool, str or None
            True asks for ``sample_weight``, a str for the metadata of that name. With False no weights are passed on;
            with None it is an error to pass weights.

        Returns
        -------
        scorer : RankingScorer
            The copy.

        Raises
        ------
        RuntimeError
            If metadata routing is not enabled.
        ValueError
            If ``sample_weight`` is not a valid request.

        Examples
        --------
        >>> import sklearn
        >>> from skautoseqrec.metrics import mrr_scorer
        >>> with sklearn.config_context(enable_metadata_routing=True):
        ...     weighted = mrr_scorer.set_score_request(sample_weight=True)
        >>> weighted.get_metadata_routing()
        {'score': {'sample_weight': True}}
        """
        if not sklearn.get_config()["enable_metadata_routing"]:
            raise RuntimeError(
                "Metadata routing is not enabled: call sklearn.set_config(enable_metadata_routing=True) before."
            )
        asking = copy.copy(self)
        asking._weight_request = sample_weight
        asking.get_metadata_routing()  # scikit-learn refuses what is no request
        return asking

    def get_metadata_routing(self) -> MetadataRequest:
        """Return the request of this scorer for scikit-learn's metadata routing.

        Returns
        -------
        routing : MetadataRequest
            The request for ``sample_weight``.
        """
        request = MetadataRequest(owner=self)
        request.score.add_request(param="sample_weight", alias=self._weight_request)
        return request

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
        A callable ``(estimator, X, y=None, *, sample_weight=None)`` that returns a float.

    Examples
    --------
    >>> recall_scorer(5)
    RankingScorer('recall@5')
    """
    return RankingScorer(f"recall@{check_k(k)}")


def _parse_metric(name: str) -> Callable[..., float]:
    if name == "mrr":
        return mean_reciprocal_rank
    match = re.fullmatch(r"(recall|ndcg)@([1-9]\d*)", name)
    if match is None:
        raise ValueError(f"Unknown metric {name!r}: use 'mrr', 'recall@k' or 'ndcg@k', such as 'recall@10'.")
    function, k = {"recall": recall_at_k, "ndcg": ndcg_at_k}[match[1]], int(match[2])
    return partial(function, k=k)


#: Scorer of the mean reciprocal rank.
mrr_scorer = RankingScorer("mrr")
