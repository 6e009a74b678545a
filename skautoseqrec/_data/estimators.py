"""What estimators that take a log share with scikit-learn: tags, score, bookkeeping, and the base of transformers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils.validation import check_is_fitted, validate_data

from .._utils.arguments import check_weights, count_events, weighted_mean
from .interactions import Columns, Interactions, weighed
from .naming import KEYS, PAIR, check_columns
from .packing import pack_vocabularies, require_arrays, unpack_vocabularies
from .reading import is_array, read_columns, refuse_masked
from .vocabulary import encode, learn_ids
from .weights import check_event_weights

#: Where the state of a transformer has its ids.
IDS = "_ids"


class LogEstimator:
    """Mixin: the tags and the documentation link that the package's estimators share."""

    _doc_link_module = "skautoseqrec"
    # scikit-learn shows the parameters' descriptions in notebooks only beside a link; the paper's never moves.
    _doc_link_template = "https://arxiv.org/abs/2308.06878"

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: ids may be strings, and no dtype is kept."""
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.string = True
        if tags.transformer_tags is not None:
            tags.transformer_tags.preserves_dtype = []
        return tags


class MeanReciprocalRankMixin:
    """Mixin for recommenders: their ``score`` is the mean of what ``score_samples`` returns."""

    score_samples: Callable[..., NDArray[Any]]

    def score(
        self,
        X: Any,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        ties: str | None = None,
        judge: Any = None,
    ) -> float:
        """Return the mean reciprocal rank of a log in prequential evaluation, as :meth:`score_samples` ranks it.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_events, 2 or 3), list of tuples or Interactions
            The log.
        y : None
            Ignored; there for the scikit-learn API.
        sample_weight : array-like of shape (n_events,) or None, default=None
            Weight of each event in the mean. It does not change what the event counts in the histories.
        ties : {"row", "together"} or None, default=None
            How events of one timestamp are ranked, as in :meth:`score_samples`.
        judge : str, int or None, default=None
            Kind of the events that the mean is of, as in :meth:`score_samples`.

        Returns
        -------
        mrr : float
            In [0, 1].

        Raises
        ------
        ValueError, TypeError
            If the log cannot be used, ``ties`` is neither, or ``sample_weight`` does not hold one finite weight of at
            least 0 for each event, not all of them 0.

        Examples
        --------
        >>> from skautoseqrec.baselines import PopularityRecommender
        >>> recommender = PopularityRecommender().fit([("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3)])
        >>> round(recommender.score([("bob", "milk", 4), ("cid", "milk", 5)]), 3)  # the first of 1, one of 2 that tie
        0.833
        """
        weights = check_weights(sample_weight, count_events(X))  # before the walk, which may take long
        return weighted_mean(self.score_samples(X, ties=ties, judge=judge), weights)


class DelegatingMixin(MeanReciprocalRankMixin, ABC):
    """Mixin for recommenders that hold another one, which predicts and is evaluated for them."""

    @abstractmethod
    def _delegate(self) -> Any:
        """Return the fitted recommender that answers."""

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

        Raises
        ------
        ValueError, TypeError
            If the log cannot be used.
        """
        return self._delegate().predict(X)

    def score_samples(self, X: Any, ties: str | None = None, judge: Any = None) -> NDArray[Any]:
        """Evaluate a log prequentially (walking forward): rank each event's item for its user, then add the event.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_events, 2 or 3), list of tuples or Interactions
            The log.
        ties : {"row", "together"} or None, default=None
            How events of one timestamp are ranked; None as the fit took them.
        judge : str, int or None, default=None
            Kind of the events that are ranked; None ranks all.

        Returns
        -------
        reciprocal_ranks : ndarray of shape (n_events,)
            As in :meth:`skautoseqrec.AutoSeqRecRecommender.score_samples`.

        Raises
        ------
        ValueError, TypeError
            If the log cannot be used, ``ties`` is neither, or no event is of the kind ``judge``.
        """
        return self._delegate().score_samples(X, ties=ties, judge=judge)


def require_fitted(estimator: Any) -> None:
    """Do what scikit-learn's ``check_is_fitted`` does, which asks a fitted estimator for all its tags first.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    """
    if not estimator.__sklearn_is_fitted__():
        check_is_fitted(estimator)


@contextmanager
def all_or_nothing(estimator: Any) -> Iterator[None]:
    """Put the estimator's attributes back as they were if what is done to it fails or is interrupted."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def validate_log(
    estimator: Any, X: Any, *, reset: bool, sample_weight: Any = None, asks_for_events: bool = False
) -> Columns:
    """Read a log and do scikit-learn's bookkeeping of ``n_features_in_``.

    Parameters
    ----------
    estimator : estimator instance
        Whose ``n_features_in_`` is set (``reset=True``) or, for arrays, compared.
    X : dataframe, array-like or Interactions
        The log.
    reset : bool
        True in fit.
    sample_weight : array-like or None, default=None
        What each event counts, where the log does not say.
    asks_for_events : bool, default=False
        Whether the kinds of events are asked for, whatever the estimator weighs events by.

    Returns
    -------
    columns : Columns
        The validated log, with its weights.
    """
    event_weights = check_event_weights(getattr(estimator, "event_weights", None))
    asks_for_events = asks_for_events or event_weights is not None
    columns = _validated(estimator, X, reset, asks_for_events)
    return weighed(columns, event_weights, sample_weight)


def validate_users(estimator: Any, X: Any) -> NDArray[Any]:
    """Return the users of a log as :func:`validate_log` reads them for an answer, whenever and whatever they count."""
    return _validated(estimator, X, reset=False, asks_for_events=weighs_kinds(estimator), keys=PAIR).user_ids


def weighs_kinds(estimator: Any) -> bool:
    """Tell whether an estimator weighs events by their kind, which its logs then say."""
    return getattr(estimator, "event_weights", None) is not None


def _validated(estimator: Any, X: Any, reset: bool, asks_for_events: bool, keys: Collection[str] = KEYS) -> Columns:
    names = check_columns(estimator.columns)
    has_names = isinstance(X, np.ndarray) and X.dtype.names is not None
    if is_array(X) and not has_names:
        refuse_masked(X, keys)  # scikit-learn would take what stands under the mask
        X = validate_data(
            estimator, X, dtype=None, ensure_all_finite=False, ensure_min_features=2 if reset else 1, reset=reset
        )
        return read_columns(X, names, asks_for_events, keys=keys)
    columns = read_columns(X, names, asks_for_events, keys=keys)
    if reset:
        # Frames may come with other columns, and without times, the next time: only the number of those read is kept.
        width = 2 if columns.times is None else 3
        validate_data(estimator, np.broadcast_to(0, (len(columns.user_ids), width)), reset=True, skip_check_array=True)
    return columns


class LogTransformer(LogEstimator, TransformerMixin, BaseEstimator):
    """Base of the transformers: they learn the ids of a log and give codes to any other.

    Parameters
    ----------
    columns : dict or None, default=None
        Names of the columns of a log, by what they hold: ``{"user": ..., "item": ..., "time": ...}``, some or all of
        them. What is not given is found by the usual names (see the user guide).
    """

    _parameter_constraints: dict[str, Any] = {"columns": [dict, None]}

    def __init__(self, columns: Mapping[str, str] | None = None) -> None:
        self.columns = columns

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Any:
        """Learn the ids of the users and items of a log.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_events, 2 or 3) or Interactions
            The log: user, item and optionally time.
        y : None
            Ignored; there for the scikit-learn API.

        Returns
        -------
        self : object
            The fitted transformer.
        """
        self._fit_columns(X)
        return self

    @property
    def user_ids_(self) -> NDArray[Any]:
        """Ids of the users of the fitted log, in order of first appearance in time."""
        return self._users.ids()

    @property
    def item_ids_(self) -> NDArray[Any]:
        """Ids of the items of the fitted log, in order of first appearance in time."""
        return self._items.ids()

    def _fit_columns(self, X: Any) -> None:
        with all_or_nothing(self):
            self._users, self._items = learn_ids(validate_log(self, X, reset=True))

    def _encode(self, X: Any) -> Interactions:
        check_is_fitted(self, "_users")
        return encode(validate_log(self, X, reset=False), self._users.copy(), self._items.copy())

    def __sklearn_is_fitted__(self) -> bool:
        """Tell whether ids have been learnt."""
        return hasattr(self, "_users")

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled and copied, ids as arrays: whoever loads it with skops then has one class to trust."""
        state = dict(super().__getstate__())
        if "_users" in state:
            state[IDS] = pack_vocabularies(state.pop("_users").ids(), state.pop("_items").ids())
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore what ``__getstate__`` returned.

        Raises
        ------
        ModelFileError
            If what stands for the ids is none.
        """
        state = dict(state)
        if IDS in state:
            state["_users"], state["_items"] = unpack_vocabularies(require_arrays(state.pop(IDS)))
        super().__setstate__(state)
