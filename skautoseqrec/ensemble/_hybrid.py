"""A recommender with a part of the score from outside, whose weight is fitted."""

from __future__ import annotations

import copy
from collections.abc import Callable
from numbers import Real
from typing import Any

from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from .._data.estimators import LogEstimator, all_or_nothing
from ..recommender import AutoSeqRecRecommender
from ._answers import HybridAnswersMixin
from ._fitting import fit_part, fit_recommender, fit_weight


class HybridRecommender(HybridAnswersMixin, MetaEstimatorMixin, LogEstimator, BaseEstimator):
    """Recommender with a part of the score from outside (a weighted hybrid).

    The part is a function of histories: another model, say. Its scores times ``weight_`` are added to those of the
    recommender. The recommender holds the events, so updates and evaluation stay exact: the part is always asked with
    the histories as they are then. Users without history are ranked by the recommender alone.

    Parameters
    ----------
    recommender : AutoSeqRecRecommender
        The recommender to fit.
    part : callable
        Called as ``part(histories, item_ids)``: lists of item ids, oldest first, none empty, and the ids of the items
        to score. Returns an array of shape (n_histories, n_items), NaN (which counts 0) where it knows nothing. If it
        has a method ``fit``, a clone is fitted on the log first.
    weight : float or "auto", default="auto"
        What the part's scores are multiplied with; in [0, 1,000,000]. "auto" fits the weight to held-out events, by
        maximum likelihood. It fits recommender and part twice: on the log without these events, and on all of it.
    validation_fraction : float, default=0.1
        Newest share of the log that the weight is fitted on, 5,000 events at most; in (0, 1). If fewer than 50 of them
        are usable, ``fit`` warns, and the part weighs 0.

    Attributes
    ----------
    recommender_ : AutoSeqRecRecommender
        The fitted recommender, without the part. It has what does not depend on scores (``similar_items``, ``blend_``,
        ``save_model``). What it is told, the hybrid knows.
    part_ : callable
        The part, fitted if it has a ``fit``.
    weight_ : float
        What the part's scores are multiplied with.
    user_ids_, item_ids_ : ndarray
        Ids of the known users and items, in order of first appearance in time.
    n_features_in_ : int
        Number of columns of the fitted log.

    See Also
    --------
    skautoseqrec.reranking : Functions that put recommended items in another order.

    Notes
    -----
    Evaluation scores many events at once. So the score of an item must depend on its history alone: not on the other
    histories, nor on which other items are to be scored. A part that is no estimator must not have learned from the
    held-out events, or its weight is too high.

    References
    ----------
    Burke, "Hybrid Recommender Systems: Survey and Experiments", User Modeling and User-Adapted Interaction 12, 2002.

    Examples
    --------
    >>> import numpy as np
    >>> from skautoseqrec import AutoSeqRecRecommender
    >>> from skautoseqrec.ensemble import HybridRecommender
    >>> def prefer_short_names(histories, item_ids):
    ...     return np.tile([-len(item) for item in item_ids], (len(histories), 1))
    >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3), ("cid", "jam", 4)]
    >>> recommender = AutoSeqRecRecommender(objective="closed_form", blend={"direct": 1.0}, early_stopping=False)
    >>> hybrid = HybridRecommender(recommender, prefer_short_names, weight=10).fit(log)
    >>> hybrid.predict_topk(["bob"], k=2)
    array([['jam', 'milk']], dtype=object)
    >>> hybrid.recommender_.predict_topk(["bob"], k=2)
    array([['milk', 'jam']], dtype=object)
    """

    _parameter_constraints = {
        "recommender": [AutoSeqRecRecommender],
        "part": [callable],
        "weight": [Interval(Real, 0, 1e6, closed="both"), StrOptions({"auto"})],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    }

    def __init__(
        self,
        recommender: Any,
        part: Callable[..., Any],
        *,
        weight: float | str = "auto",
        validation_fraction: float = 0.1,
    ) -> None:
        self.recommender = recommender
        self.part = part
        self.weight = weight
        self.validation_fraction = validation_fraction

    @classmethod
    def from_fitted(cls, recommender: Any, part: Callable[..., Any], weight: float) -> HybridRecommender:
        """Return a hybrid of what is fitted already, loaded from files for instance; nothing is fitted.

        Parameters
        ----------
        recommender : AutoSeqRecRecommender
            A fitted recommender, which becomes ``recommender_`` itself, with its journal.
        part : callable
            The part, as in the class; one with a method ``fit`` must be fitted.
        weight : float
            What the part's scores are multiplied with: ``weight_`` of an earlier fit, say.

        Returns
        -------
        hybrid : HybridRecommender
            The fitted hybrid.

        Raises
        ------
        ValueError, TypeError
            If an argument is of another kind, or the weight out of range.
        NotFittedError
            If the recommender is not fitted.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> from skautoseqrec.ensemble import HybridRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3), ("cid", "jam", 4)]
        >>> recommender = AutoSeqRecRecommender(objective="closed_form", blend={"direct": 1.0}, early_stopping=False)
        >>> recommender = recommender.fit(log)
        >>> hybrid = HybridRecommender.from_fitted(recommender, lambda _, item_ids: [item_ids == "jam"], weight=5)
        >>> hybrid.explain("bob", ["milk", "jam"]).parts["outside"]
        array([[0., 5.]], dtype=float32)
        """
        hybrid = cls(recommender, part, weight=weight)
        hybrid._validate_params()
        if weight == "auto":
            raise ValueError("weight must be a number where nothing is fitted, not 'auto'.")
        check_is_fitted(recommender)
        hybrid.recommender_, hybrid.part_, hybrid.weight_ = recommender, part, float(weight)
        hybrid.n_features_in_ = recommender.n_features_in_
        return hybrid

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, *, sample_weight: ArrayLike | None = None) -> HybridRecommender:
        """Fit the recommender, the part if it can be, and the weight.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_events, 2 or 3), list of tuples or Interactions
            The log, which the part's ``fit`` is given as it is.
        y : None
            Ignored; there for the scikit-learn API.
        sample_weight : array-like of shape (n_events,) or None, default=None
            What each event counts, as in the recommender's ``fit``. The part is not told.

        Returns
        -------
        self : HybridRecommender
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            If the log or a parameter cannot be used, or the part returns no scores.

        Warns
        -----
        UserWarning
            If too few held-out events are usable, so that the part weighs 0.
        """
        with all_or_nothing(self):
            self.recommender_ = fit_recommender(self.recommender, X, sample_weight)
            self.part_ = fit_part(self.part, X)
            if self.weight == "auto":
                ties = self.recommender_.ties_
                self.weight_ = fit_weight(self.recommender, self.part, X, sample_weight, self.validation_fraction, ties)
            else:
                self.weight_ = float(self.weight)
            self.n_features_in_ = self.recommender_.n_features_in_
        return self

    def partial_update(self, X: Any, *, sample_weight: ArrayLike | None = None) -> HybridRecommender:
        """Add new events, exactly and without changing a weight; the part is asked with the new histories from then on.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_events, 2 or 3), list of tuples or Interactions
            The new events.
        sample_weight : array-like of shape (n_events,) or None, default=None
            What each event counts.

        Returns
        -------
        self : HybridRecommender
            The updated estimator.

        Raises
        ------
        ValueError, TypeError
            If the events cannot be used. Then nothing has changed.

        Warns
        -----
        UserWarning
            If ten events or more, and a tenth of the call, are known already: same user, item and time. They count
            twice.
        """
        check_is_fitted(self)
        self.recommender_.partial_update(X, sample_weight=sample_weight)
        return self

    def forget(self, users: Any = None, items: Any = None, interactions: Any = None) -> HybridRecommender:
        """Remove events from the state, exactly, but not from what the part has learned by itself.

        Parameters
        ----------
        users : array-like of user ids or None, default=None
            Users all of whose events are removed; each must be known.
        items : array-like of item ids or None, default=None
            Items all of whose events are removed; each must be known.
        interactions : dataframe, array-like, list of tuples, Interactions or None, default=None
            A log of the events to remove. A row removes all events of its user and item, and of its time if there is
            one. Each row must match an event.

        Returns
        -------
        self : HybridRecommender
            The recommender without these events.

        Raises
        ------
        ValueError, TypeError
            If what is to be forgotten cannot be read, or is not known. Then nothing has changed.
        """
        check_is_fitted(self)
        self.recommender_.forget(users, items, interactions)
        return self

    def dislike(self, X: Any, *, withdraw: bool = False) -> HybridRecommender:
        """Never recommend some items to some users again, whatever the part says.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_pairs, 2 or 3), list of tuples or Interactions
            A log of the users and the items that they dislike.
        withdraw : bool, default=False
            Whether the pairs are no longer disliked.

        Returns
        -------
        self : HybridRecommender
            The same recommender.

        Raises
        ------
        ValueError, TypeError
            If the pairs cannot be used. Then nothing has changed.
        """
        check_is_fitted(self)
        self.recommender_.dislike(X, withdraw=withdraw)
        return self

    def save_model(self, path: Any, *, journal: Any = None) -> None:
        """Refuse to save a hybrid, and say how its two halves are saved: no file holds a part without running its code.

        Parameters
        ----------
        path : path-like
            Ignored; there because recommenders have it.
        journal : path-like or None, default=None
            Ignored; there because recommenders have it.

        Raises
        ------
        TypeError
            Always. The message has the line that puts the halves together again.
        """
        check_is_fitted(self)
        raise TypeError(
            "A saved model runs no code, so it cannot hold the part of a hybrid. Save recommender_ by its own "
            "save_model and the part in its own way. HybridRecommender.from_fitted(load_model(path), part, "
            f"weight={self.weight_!r}) is the hybrid again."
        )

    @property
    def user_ids_(self) -> NDArray[Any]:
        """Ids of the known users."""
        check_is_fitted(self)
        return self.recommender_.user_ids_

    @property
    def item_ids_(self) -> NDArray[Any]:
        """Ids of the known items."""
        check_is_fitted(self)
        return self.recommender_.item_ids_

    @property
    def ties_(self) -> str:
        """How the fit took events of one timestamp."""
        check_is_fitted(self)
        return self.recommender_.ties_

    def _delegate(self) -> AutoSeqRecRecommender:
        """Return the recommender, whose answers the part has its say in; it shares the state."""
        from .._scoring.outside import OutsidePart

        check_is_fitted(self)
        twin = copy.copy(self.recommender_)
        state, scorer = twin._serving
        outside = OutsidePart(self.part_, state.item_vocabulary, self.weight_)
        twin._serving = twin._serving._replace(scorer=scorer.beside(outside))
        return twin
