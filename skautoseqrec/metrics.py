"""Ranking metrics as functions of ranks, and scorers for scikit-learn's model selection."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import sklearn
from numpy.typing import ArrayLike
from sklearn.utils.metadata_routing import MetadataRequest

from ._ranks import check_k, mean_reciprocal_rank, ndcg_at_k, ranks_from_reciprocal, recall_at_k
from ._utils.sample_weight import check_weights, count_events

__all__ = [
    "RankingScorer",
    "mean_reciprocal_rank",
    "mrr_scorer",
    "ndcg_at_k",
    "ranks_from_reciprocal",
    "recall_at_k",
    "recall_scorer",
]


class RankingScorer:
    """Scorer of a recommender that walks forward over a log once and takes every metric from it.

    A plain callable ``(estimator, X, y=None, *, sample_weight=None)``, for ``scoring=`` in scikit-learn's model
    selection. It needs nothing of the estimator but ``score_samples``, which Pipeline and GridSearchCV forward. Weights
    that a search is given reach it where metadata routing is enabled and :meth:`set_score_request` asks for them.

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
        """Walk forward over a log and return the metrics.

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
            If the weights are not one for each event, finite, at least 0 and not all 0.
        """
        weights = check_weights(sample_weight, count_events(X))  # before the walk, which may take long
        ranks = ranks_from_reciprocal(estimator.score_samples(X))
        if isinstance(self.metrics, str):
            return _parse_metric(self.metrics)(ranks, sample_weight=weights)
        return {name: _parse_metric(name)(ranks, sample_weight=weights) for name in self.metrics}

    def set_score_request(self, *, sample_weight: bool | str | None) -> RankingScorer:
        """Return this scorer with what it asks of scikit-learn's metadata routing.

        This scorer itself is left as it is: ``mrr_scorer`` is everybody's.

        Parameters
        ----------
        sample_weight : bool, str or None
            True asks for ``sample_weight``, a str for what goes by that name; with False nothing is passed on, and with
            None it is an error to pass weights.

        Returns
        -------
        scorer : RankingScorer
            A copy.

        Raises
        ------
        RuntimeError
            If metadata routing is not enabled.
        ValueError
            If ``sample_weight`` is none of these.

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
        """Return what this scorer asks of scikit-learn's metadata routing.

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
