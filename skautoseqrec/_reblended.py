"""Reblended: searches over what only scoring reads, with one training for all candidates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import joblib
from filelock import FileLock
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.utils.validation import check_is_fitted, check_memory

from ._data.estimators import LogTags, all_or_nothing


class Reblended(MetaEstimatorMixin, LogTags, BaseEstimator):
    """Recommender under another blend, trained once for all blends that are tried.

    ``blend`` and ``exclude_seen`` are read by scoring alone. A search over them needs each fold trained once: with
    ``memory``, what was trained with the same parameters on the same log is loaded, also by parallel workers, of which
    one trains and the others wait.

    Parameters
    ----------
    recommender : AutoSeqRecRecommender
        What is trained, with its own blend: early stopping looks at that one. With ``random_state=None`` all candidates
        share the training that came first.
    blend : dict or None, default=None
        Weight of each part of the score; None takes the recommender's.
    exclude_seen : bool or None, default=None
        Whether items that a user has met are left out of answers and of evaluation; None takes the recommender's.
    memory : str, joblib.Memory or None, default=None
        Folder of what has been trained, as in scikit-learn's Pipeline. None keeps nothing, and each fit trains.

    Attributes
    ----------
    recommender_ : AutoSeqRecRecommender
        The fitted recommender under this blend; it answers and updates.
    n_features_in_ : int
        Number of columns of the fitted log.

    See Also
    --------
    skautoseqrec.AutoSeqRecRecommender.with_blend : The same of one fitted recommender.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skautoseqrec import AutoSeqRecRecommender
    >>> from skautoseqrec.datasets import make_interactions
    >>> from skautoseqrec.metrics import mrr_scorer
    >>> from skautoseqrec.model_selection import Reblended, TemporalSplit
    >>> log = make_interactions(n_users=30, n_items=20, n_events=300, random_state=0)
    >>> parameters = {"blend": {"collaborative": 1.0}, "early_stopping": False, "max_iter": 1}
    >>> recommender = AutoSeqRecRecommender(n_components=4, random_state=0, **parameters)
    >>> grid = {"blend": [{"collaborative": 1.0}, {"collaborative": 1.0, "direct": 1.0}]}
    >>> with TemporaryDirectory() as folder:
    ...     search = GridSearchCV(
    ...         Reblended(recommender, memory=folder), grid, scoring=mrr_scorer, cv=TemporalSplit(1)
    ...     ).fit(log)
    >>> search.best_estimator_.recommender_.predict_topk(log[:2, 0], k=3).shape
    (2, 3)
    """

    def __init__(
        self,
        recommender: Any,
        *,
        blend: Mapping[str, Any] | None = None,
        exclude_seen: bool | None = None,
        memory: Any = None,
    ) -> None:
        self.recommender = recommender
        self.blend = blend
        self.exclude_seen = exclude_seen
        self.memory = memory

    def fit(self, X: Any, y: Any = None) -> Reblended:
        """Train the recommender on a log, or load it if that was done before.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_events, 2 or 3), list of tuples or Interactions
            The log.
        y : None
            Ignored; there for the scikit-learn API.

        Returns
        -------
        self : Reblended
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            If the log, the blend or a parameter of the recommender is not usable.
        """
        with all_or_nothing(self):
            fitted = _fit_once(clone(self.recommender), X, check_memory(self.memory))
            self.recommender_ = fitted.with_blend(self.blend, self.exclude_seen)
            self.n_features_in_ = fitted.n_features_in_
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the best next item of each row's user.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_rows, 2 or 3), list of tuples or Interactions
            A log; only its users are read.

        Returns
        -------
        items : ndarray of shape (n_rows,)
            Item ids.
        """
        check_is_fitted(self)
        return self.recommender_.predict(X)

    def score_samples(self, X: Any) -> NDArray[Any]:
        """Walk forward over a log: rank each event's item for its user, then let the event in.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_events, 2 or 3), list of tuples or Interactions
            The log.

        Returns
        -------
        reciprocal_ranks : ndarray of shape (n_events,)
            As the recommender's.
        """
        check_is_fitted(self)
        return self.recommender_.score_samples(X)

    def score(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> float:
        """Return the mean reciprocal rank of walking forward over a log.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_events, 2 or 3), list of tuples or Interactions
            The log.
        y : None
            Ignored; there for the scikit-learn API.
        sample_weight : array-like of shape (n_events,) or None, default=None
            Weight of each event in the mean.

        Returns
        -------
        mrr : float
            In [0, 1].
        """
        check_is_fitted(self)
        return self.recommender_.score(X, sample_weight=sample_weight)


def _fit_once(recommender: Any, X: Any, memory: Any) -> Any:
    """Return the recommender fitted on a log; of those who ask at the same time, one trains."""
    if memory.location is None:
        return recommender.fit(X)
    folder = Path(memory.location)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"{joblib.hash((recommender, X))}.lock"):
        return memory.cache(_fit)(recommender, X)


def _fit(recommender: Any, X: Any) -> Any:
    return recommender.fit(X)
