"""Scorers for scikit-learn's model selection: metrics of the ranks of one prequential evaluation."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sklearn
from numpy.typing import ArrayLike, NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import MetadataRequest

from .._data.naming import check_columns
from .._data.reading import read_columns
from .._utils.arguments import check_k, check_ties, check_weights, count_events
from ._names import metric_names, parse_metric
from ._ranks import ranks_from_reciprocal


class RankingScorer:
    """Scorer that computes ranking metrics from one prequential evaluation of a log.

    A plain callable ``(estimator, X, y=None, *, sample_weight=None)``, for ``scoring=`` in scikit-learn's model
    selection. The estimator needs only ``score_samples``, which Pipeline and GridSearchCV forward. A search passes its
    ``sample_weight`` on if metadata routing is enabled and :meth:`RankingScorer.set_score_request` asks for it.

    Parameters
    ----------
    metrics : str or sequence of str, default=("mrr", "recall@10")
        "mrr", "recall@k" (the hit rate), "precision@k", "ndcg@k", "map@k" for any k >= 1, "neg_mean_rank" or
        "neg_median_rank". With a str the scorer returns a float, with a sequence a dict.
    ties : {"row", "together"} or None, default=None
        How events of one timestamp are ranked, as in ``score_samples``. None leaves it to the estimator: a recommender
        takes its ``ties_``. Otherwise ``score_samples`` must take ``ties``.
    judge : str, int or None, default=None
        Kind of the events that the metrics are of, "buy" for instance: the log then needs a column of events. All
        events are added. None judges all.

    Raises
    ------
    ValueError
        If a metric is unknown, there is none, or ``ties`` is none of these.

    Examples
    --------
    >>> import numpy as np
    >>> import sklearn
    >>> from skautoseqrec.metrics import RankingScorer
    >>> scorer = RankingScorer(("mrr", "recall@2"))
    >>> class Perfect:
    ...     def score_samples(self, X):
    ...         return np.ones(len(X))
    >>> scorer(Perfect(), [("ann", "tea"), ("ann", "milk")])
    {'mrr': 1.0, 'recall@2': 1.0}
    >>> with sklearn.config_context(enable_metadata_routing=True):
    ...     weighted = scorer.set_score_request(sample_weight=True)
    >>> weighted.get_metadata_routing()
    {'score': {'sample_weight': True}}
    """

    def __init__(
        self,
        metrics: str | Sequence[str] = ("mrr", "recall@10"),
        *,
        ties: str | None = None,
        judge: Any = None,
    ) -> None:
        self.metrics = metrics
        self.ties = check_ties(ties)
        self.judge = judge
        self._weight_request: bool | str | None = None
        metric_names(metrics)

    def __call__(
        self, estimator: Any, X: Any, y: Any = None, *, sample_weight: ArrayLike | None = None, judge: Any = None
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
        judge : str, int or None, default=None
            Kind of the events that are judged; None takes the scorer's own.

        Returns
        -------
        score : float or dict of float
            One value, or one per metric.

        Raises
        ------
        ValueError, TypeError
            If ``sample_weight`` does not hold one finite weight of at least 0 for each event, not all of them 0, or no
            event is of the judged kind.
        """
        weights = check_weights(sample_weight, count_events(X))  # before the walk, which may take long
        is_judged = judged_events(estimator, X, self.judge if judge is None else judge)
        values = score_samples(estimator, X, self.ties)
        if is_judged is not None:
            values = values[is_judged]
            weights = None if weights is None else check_weights(weights[is_judged])
        ranks = ranks_from_reciprocal(values)
        if isinstance(self.metrics, str):
            return parse_metric(self.metrics)(ranks, sample_weight=weights)
        return {name: parse_metric(name)(ranks, sample_weight=weights) for name in self.metrics}

    def set_score_request(self, *, sample_weight: bool | str | None) -> RankingScorer:
        """Return a copy of this scorer with a request for scikit-learn's metadata routing.

        This scorer itself does not change, since ``mrr_scorer`` is shared. The class has an example.

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
        ties = "" if self.ties is None else f", ties={self.ties!r}"
        judge = "" if self.judge is None else f", judge={self.judge!r}"
        return f"RankingScorer({self.metrics!r}{ties}{judge})"


def recall_scorer(k: int = 10, *, ties: str | None = None, judge: Any = None) -> RankingScorer:
    """Return a scorer of Recall@k.

    Parameters
    ----------
    k : int, default=10
        Length of the list; at least 1.
    ties : {"row", "together"} or None, default=None
        How events of one timestamp are ranked, as in ``score_samples``. None leaves it to the estimator.
    judge : str, int or None, default=None
        Kind of the events that the metrics are of, "buy" for instance. All events are added. None judges all.

    Returns
    -------
    scorer : RankingScorer
        A callable ``(estimator, X, y=None, *, sample_weight=None)`` that returns a float.

    Raises
    ------
    ValueError
        If k is not a whole number of at least 1.

    Examples
    --------
    >>> from skautoseqrec.metrics import recall_scorer
    >>> recall_scorer(5)
    RankingScorer('recall@5')
    """
    return RankingScorer(f"recall@{check_k(k)}", ties=ties, judge=judge)


def get_scorer(scoring: str | Callable[..., Any], *, ties: str | None = None, judge: Any = None) -> Callable[..., Any]:
    """Return the scorer of a metric, given its name.

    scikit-learn's ``scoring="..."`` knows its own names only, and has no way to register others. Write
    ``scoring=get_scorer("recall@10")``.

    Parameters
    ----------
    scoring : str or callable
        A name that :class:`RankingScorer` takes, such as "mrr", "recall@10" or "ndcg@20". A callable is returned as it
        is, as by scikit-learn's ``get_scorer``.
    ties : {"row", "together"} or None, default=None
        How events of one timestamp are ranked, as in ``score_samples``. None leaves it to the estimator.
        A callable takes None only.
    judge : str, int or None, default=None
        Kind of the events that the metrics are of, "buy" for instance. All events are added. None judges all.
        A callable takes None only.

    Returns
    -------
    scorer : callable
        A callable ``(estimator, X, y=None, *, sample_weight=None)`` that returns a float.

    Raises
    ------
    ValueError
        If no metric has that name, or ``ties`` or ``judge`` is given for a callable.

    Examples
    --------
    >>> from skautoseqrec.metrics import get_scorer
    >>> get_scorer("ndcg@20")
    RankingScorer('ndcg@20')
    """
    if callable(scoring):
        if ties is not None or judge is not None:
            raise ValueError("ties and judge cannot change a scorer that is there already: give them to RankingScorer.")
        return scoring
    parse_metric(scoring)
    return RankingScorer(scoring, ties=ties, judge=judge)


def score_samples(estimator: Any, X: Any, ties: str | None) -> NDArray[Any]:
    """Return an estimator's reciprocal ranks of a log; pipelines and searches do not forward ``ties``, so they open."""
    if ties is None:
        return estimator.score_samples(X)
    if isinstance(estimator, Pipeline):
        log = estimator[:-1].transform(X) if len(estimator) > 1 else X
        return score_samples(estimator[-1], log, ties)
    if hasattr(estimator, "best_estimator_"):
        return score_samples(estimator.best_estimator_, X, ties)
    return estimator.score_samples(X, ties=ties)


def judged_events(estimator: Any, X: Any, judge: Any) -> NDArray[np.bool_] | None:
    """Return which events of a log are of the judged kind, its columns named as the estimator says; None for all."""
    return None if judge is None else read_columns(X, check_columns(columns_of(estimator)), True).judged(judge)


def columns_of(estimator: Any) -> Any:
    """Return the parameter ``columns`` of whatever reads a log first in an estimator."""
    if isinstance(estimator, Pipeline):
        return next((columns_of(step) for _, step in estimator.steps if _reads_logs(step)), None)
    inner = next((name for name in ("best_estimator_", "recommender_") if hasattr(estimator, name)), None)
    return getattr(estimator, "columns", None) if inner is None else columns_of(getattr(estimator, inner))


def _reads_logs(step: Any) -> bool:
    """Tell whether a step of a pipeline says which column holds what, as "passthrough" and a function do not."""
    names = ("columns", "best_estimator_", "recommender_")
    return isinstance(step, Pipeline) or any(hasattr(step, name) for name in names)


#: Scorer of the mean reciprocal rank, with the ties of the estimator.
mrr_scorer = RankingScorer("mrr")
