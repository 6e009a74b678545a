"""Transformers that turn a raw log into codes, counts and transitions."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils._param_validation import Interval

from ._counts.counts import count_user_item
from ._counts.transitions import TRANSITION_UNIT, Rows, count_transitions, step_weights
from ._data.estimators import LogTransformer
from ._data.interactions import Columns, Interactions, SequenceMatrices

__all__ = ["InteractionEncoder", "ItemTransitionTransformer", "SequenceMatrixTransformer", "UserItemTransformer"]

TRANSITION_CONSTRAINTS = {
    "transition_window": [Interval(Integral, 1, None, closed="left")],
    "transition_decay": [Interval(Real, 0, 1, closed="right")],
}


class InteractionEncoder(LogTransformer):
    """Encode the user and item ids of a log as integer codes.

    Codes are given in order of first appearance in time. ``transform`` appends ids that the fitted log did not have to
    the vocabulary of the container it returns, so no id is lost.

    Parameters
    ----------
    columns : dict or None, default=None
        Names of the columns of a log, by what they hold: ``{"user": ..., "item": ..., "time": ...}``, some or all of
        them. What is not given is found by the usual names (see the user guide).

    Attributes
    ----------
    user_ids_ : ndarray of shape (n_users,)
        Ids of the users of the fitted log; the position of an id is its code.
    item_ids_ : ndarray of shape (n_items,)
        Ids of the items of the fitted log.
    n_features_in_ : int
        Number of columns of the fitted log.

    See Also
    --------
    SequenceMatrixTransformer : Adds the count matrices to the encoded log.

    Examples
    --------
    >>> from skautoseqrec.preprocessing import InteractionEncoder
    >>> encoder = InteractionEncoder().fit([("ann", "tea", 1), ("bob", "milk", 2)])
    >>> encoder.item_ids_
    array(['tea', 'milk'], dtype=object)
    >>> encoder.transform([("bob", "jam", 3)]).item_ids
    array(['tea', 'milk', 'jam'], dtype=object)
    """

    def transform(self, X: Any) -> Interactions:
        """Encode a log.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_events, 2 or 3) or Interactions
            The log.

        Returns
        -------
        interactions : Interactions
            The same log, row for row, as codes.

        Raises
        ------
        ValueError, TypeError
            If the log cannot be used.
        """
        return self._encode(X)


class _TransitionTransformer(LogTransformer):
    """Base of the transformers that count transitions: their parameters."""

    _parameter_constraints = LogTransformer._parameter_constraints | TRANSITION_CONSTRAINTS

    def __init__(
        self,
        transition_window: int = 5,
        transition_decay: float = 0.7,
        columns: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(columns)
        self.transition_window = transition_window
        self.transition_decay = transition_decay


class SequenceMatrixTransformer(_TransitionTransformer):
    """Add the user-item counts and the item transitions to a log.

    Parameters
    ----------
    transition_window : int, default=5
        Maximum number of steps from an item to a later one that counts as its transition; at least 1. 1 gives the
        matrix of the paper (section 3.1).
    transition_decay : float, default=0.7
        A transition of k steps weighs ``transition_decay**(k - 1)``; in (0, 1].
    columns : dict or None, default=None
        Names of the columns of a log, by what they hold: ``{"user": ..., "item": ..., "time": ...}``, some or all of
        them. What is not given is found by the usual names (see the user guide).

    Attributes
    ----------
    user_ids_ : ndarray of shape (n_users,)
        Ids of the users of the fitted log.
    item_ids_ : ndarray of shape (n_items,)
        Ids of the items of the fitted log.
    n_features_in_ : int
        Number of columns of the fitted log.

    See Also
    --------
    UserItemTransformer : The user-item counts alone, as a plain matrix.
    ItemTransitionTransformer : The item transitions alone, as a plain matrix.

    Examples
    --------
    >>> from skautoseqrec.preprocessing import SequenceMatrixTransformer
    >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("ann", "tea", 3)]
    >>> matrices = SequenceMatrixTransformer(transition_window=1).fit_transform(log)
    >>> matrices.user_item.toarray()
    array([[2., 1.]])
    >>> matrices.transitions.toarray()
    array([[0., 1.],
           [1., 0.]])
    """

    def transform(self, X: Any) -> SequenceMatrices:
        """Count the matrices of a log.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_events, 2 or 3) or Interactions
            The log.

        Returns
        -------
        matrices : SequenceMatrices
            The same log, row for row, with the matrices of its own events.

        Raises
        ------
        ValueError, TypeError
            If the log cannot be used.
        """
        log = self._encode(X)
        return SequenceMatrices(
            log.users,
            log.items,
            log.times,
            log.user_ids,
            log.item_ids,
            weights=log.weights,
            events=log.events,
            user_item=user_item_matrix(log),
            transitions=transition_matrix(log, self.transition_window, self.transition_decay),
            transition_window=self.transition_window,
            transition_decay=self.transition_decay,
        )


class UserItemTransformer(LogTransformer):
    """Count the events of each user with each item, as a plain csr matrix.

    Columns are the items of the fitted log, and events with other items are left out. The matrix therefore fits
    scikit-learn's own estimators (TruncatedSVD, NearestNeighbors). Rows are the users of the fitted log, then new users
    in order of first appearance in the rows.

    Parameters
    ----------
    columns : dict or None, default=None
        Names of the columns of a log, by what they hold: ``{"user": ..., "item": ..., "time": ...}``, some or all of
        them. What is not given is found by the usual names (see the user guide).

    Attributes
    ----------
    user_ids_ : ndarray of shape (n_users,)
        Ids of the users of the fitted log.
    item_ids_ : ndarray of shape (n_items,)
        Ids of the items of the fitted log.
    n_features_in_ : int
        Number of columns of the fitted log.

    See Also
    --------
    ItemTransitionTransformer : The item transitions, as a plain matrix.

    Examples
    --------
    >>> from skautoseqrec.preprocessing import UserItemTransformer
    >>> log = [("ann", "tea", 1), ("ann", "tea", 2), ("bob", "milk", 3)]
    >>> UserItemTransformer().fit_transform(log).toarray()
    array([[2., 0.],
           [0., 1.]])
    """

    def transform(self, X: Any) -> sparse.csr_matrix:
        """Count a log.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_events, 2 or 3) or Interactions
            The log.

        Returns
        -------
        counts : csr_matrix of shape (n_users, n_items)
            Number of events of each user with each item of the fitted log; with weights, what they add up to.

        Raises
        ------
        ValueError, TypeError
            If the log cannot be used.
        """
        return user_item_matrix(self._encode(X))[:, : len(self._items)]


class ItemTransitionTransformer(_TransitionTransformer):
    """Count the item transitions (which item follows which), as a plain csr matrix.

    Rows and columns are the items of the fitted log. Other items have no row or column, but count as steps.

    Parameters
    ----------
    transition_window : int, default=5
        Maximum number of steps from an item to a later one that counts as its transition; at least 1.
    transition_decay : float, default=0.7
        A transition of k steps weighs ``transition_decay**(k - 1)``; in (0, 1].
    columns : dict or None, default=None
        Names of the columns of a log, by what they hold: ``{"user": ..., "item": ..., "time": ...}``, some or all of
        them. What is not given is found by the usual names (see the user guide).

    Attributes
    ----------
    user_ids_ : ndarray of shape (n_users,)
        Ids of the users of the fitted log.
    item_ids_ : ndarray of shape (n_items,)
        Ids of the items of the fitted log.
    n_features_in_ : int
        Number of columns of the fitted log.

    See Also
    --------
    UserItemTransformer : The user-item counts, as a plain matrix.

    Examples
    --------
    >>> from skautoseqrec.preprocessing import ItemTransitionTransformer
    >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("ann", "jam", 3)]
    >>> ItemTransitionTransformer(transition_window=2, transition_decay=0.5).fit_transform(log).toarray()
    array([[0. , 1. , 0.5],
           [0. , 0. , 1. ],
           [0. , 0. , 0. ]])
    """

    def transform(self, X: Any) -> sparse.csr_matrix:
        """Count a log.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_events, 2 or 3) or Interactions
            The log.

        Returns
        -------
        transitions : csr_matrix of shape (n_items, n_items)
            ``[j, i]`` grows by ``transition_decay**(k - 1)`` whenever i follows j by k steps in one user's history,
            times the weight of the event of i if the log has weights.

        Raises
        ------
        ValueError, TypeError
            If the log cannot be used.
        """
        transitions = transition_matrix(self._encode(X), self.transition_window, self.transition_decay)
        return transitions[: len(self._items), : len(self._items)]


def user_item_matrix(log: Interactions) -> sparse.csr_matrix:
    """Return the user-item counts (R) of a log as float64, shape (n_users, n_items); weights add up in them."""
    shape, weights = (len(log.user_ids), len(log.item_ids)), log.to_columns().weights
    return count_user_item(log.users, log.items, shape, weights).astype(np.float64)


def transition_matrix(log: Interactions, window: int, decay: float) -> sparse.csr_matrix:
    """Return the item transitions (T) of a log as float64; every entry is a whole multiple of 1 / TRANSITION_UNIT."""
    weights = log.to_columns().weights
    order = Columns(log.users, log.items, log.times).time_order()
    rows = Rows(log.users[order], log.items[order], weights=None if weights is None else weights[order])
    return count_transitions(rows.by_user(), step_weights(window, decay), len(log.item_ids)) / TRANSITION_UNIT
