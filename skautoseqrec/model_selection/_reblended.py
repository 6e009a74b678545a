"""Searches over blends that train each fold once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import joblib
from filelock import FileLock
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, MetaEstimatorMixin, _fit_context, clone
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.validation import check_is_fitted, check_memory

from .._data.estimators import DelegatingMixin, LogEstimator, all_or_nothing


class Reblended(DelegatingMixin, MetaEstimatorMixin, LogEstimator, BaseEstimator):
    """Recommender with another blend, for searches that train each fold once for all blends.

    ``blend`` and ``exclude_seen`` change scoring only: training, which leaves seen items out of its softmax, reads the
    recommender's own. With ``memory``, a fit loads the recommender that was trained with the same parameters on the
    same log. Parallel workers share it: one trains, the others wait.

    Parameters
    ----------
    recommender : AutoSeqRecRecommender
        The recommender to train. Early stopping uses its own blend. With ``random_state=None`` all settings of a search
        share the first training.
    blend : dict or None, default=None
        Weight of each part of the score; None takes the recommender's.
    exclude_seen : bool or None, default=None
        Whether to leave out a user's seen items, in recommendations and in evaluation; None takes the recommender's.
    memory : str, joblib.Memory or None, default=None
        Cache folder of trained recommenders, as in scikit-learn's Pipeline. None caches nothing: each fit trains.

    Attributes
    ----------
    recommender_ : AutoSeqRecRecommender
        The fitted recommender with this blend, for recommendations and updates.
    n_features_in_ : int
        Number of columns of the fitted log.

    See Also
    --------
    skautoseqrec.AutoSeqRecRecommender.with_blend : Another blend for one fitted recommender.

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

    # What is wrong with the others is said by ``check_memory``, and by ``with_blend``, which knows the parts.
    _parameter_constraints = {"recommender": [HasMethods(["fit", "with_blend"])]}

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

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, *, sample_weight: ArrayLike | None = None) -> Reblended:
        """Train the recommender on a log, or load it if it was trained before.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_events, 2 or 3), list of tuples or Interactions
            The log.
        y : None
            Ignored; there for the scikit-learn API.
        sample_weight : array-like of shape (n_events,) or None, default=None
            What each event counts, as in the recommender's ``fit``.

        Returns
        -------
        self : Reblended
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            If the log, the blend or a parameter of the recommender cannot be used.
        """
        with all_or_nothing(self):
            recommender, memory = clone(self.recommender), check_memory(self.memory)
            if hasattr(recommender, "_check_blend"):  # what is wrong is said before minutes of training, not after
                recommender._check_blend(self.blend, self.exclude_seen)
            fitted = _fit_once(recommender, X, sample_weight, memory)
            self.recommender_ = fitted.with_blend(self.blend, self.exclude_seen)
            self.n_features_in_ = fitted.n_features_in_
        return self

    def _delegate(self) -> Any:
        """Return the fitted recommender with this blend."""
        check_is_fitted(self)
        return self.recommender_


def _fit_once(recommender: Any, X: Any, sample_weight: Any, memory: Any) -> Any:
    """Return the recommender fitted on a log; of simultaneous callers, one trains and the others wait."""
    if memory.location is None:
        return _fit(recommender, X, sample_weight)
    folder = Path(memory.location)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"{joblib.hash((recommender, X, sample_weight))}.lock"):
        return memory.cache(_fit)(recommender, X, sample_weight)


def _fit(recommender: Any, X: Any, sample_weight: Any) -> Any:
    return recommender.fit(X) if sample_weight is None else recommender.fit(X, sample_weight=sample_weight)
