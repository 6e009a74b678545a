"""EASE: the linear autoencoder of the user-item matrix, in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from .._counts.counted_log import CountedLog
from .._counts.counts import Counts
from .._parameters import DECAY
from .._utils.linear_autoencoder import solve_linear_autoencoder
from .._utils.memory import require_bytes
from .._utils.words import counted
from ._base import BaselineRecommender
from ._fading import Fading
from ._neighbors import user_item_ones
from ._state import Rule

#: The solver holds three squares of float64 at a time.
BYTES_PER_PAIR = 24


class EASERecommender(BaselineRecommender):
    """Recommend with the linear autoencoder of the user-item matrix (EASE), asked with a fading history.

    ``B = I - P / diag(P)`` with ``P = (R'R + penalty I)^-1`` rebuilds each column of R, the user-item matrix of ones,
    from the other columns. The score of i is the sum of ``history_decay**(k - 1) * B[h_k, i]`` over a user's history,
    the newest item at k = 1.

    Read more in the :ref:`user guide <baselines>`.

    Parameters
    ----------
    penalty : float, default=300
        Penalty of squared weights; above 0.
    history_decay : float, default=0.9
        The k-th newest item of a history weighs ``history_decay**(k - 1)``, and 0 once that is under .002; in (0, 1].
        1 is the published model, which knows no order.
    exclude_seen : bool, default=True
        Whether to leave out a user's seen items, in recommendations and in evaluation.
    columns : dict or None, default=None
        Names of the columns of a log, by what they hold: ``{"user": ..., "item": ..., "time": ...}``, some or all of
        them. What is not given is found by the usual names (see the user guide).

    Attributes
    ----------
    user_ids_ : ndarray of shape (n_users,)
        Ids of the known users, in order of first appearance in time. Updates append to it.
    item_ids_ : ndarray of shape (n_items,)
        Ids of the known items, likewise.
    ties_ : str
        How events of one timestamp are taken unless it is said: "row".
    n_features_in_ : int
        Number of columns of the fitted log.

    See Also
    --------
    skautoseqrec.AutoSeqRecRecommender : Has it as one of its parts, with ``linear_penalty``.

    Notes
    -----
    Updates and prequential evaluation move the histories; the weights stand still until the next fit, and a new item
    has none. Users without history are ranked by popularity. A fit takes time with the cube of the number of items,
    and memory with its square.

    References
    ----------
    Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, arXiv 1905.03375.

    Examples
    --------
    >>> from skautoseqrec.baselines import EASERecommender
    >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3), ("cid", "jam", 4)]
    >>> EASERecommender(penalty=1.0).fit(log).predict_topk(["bob"], k=1)
    array([['milk']], dtype=object)
    """

    _parameter_constraints: dict[str, Any] = {
        **BaselineRecommender._parameter_constraints,
        "penalty": [Interval(Real, 0, None, closed="neither")],
        "history_decay": [DECAY],
    }

    def __init__(
        self,
        penalty: float = 300.0,
        *,
        history_decay: float = 0.9,
        exclude_seen: bool = True,
        columns: Mapping[str, str] | None = None,
    ) -> None:
        self.penalty = penalty
        self.history_decay = history_decay
        self.exclude_seen = exclude_seen
        self.columns = columns

    def _learn(self, log: CountedLog) -> Rule:
        n_items = log.counts.n_items
        purpose = f"A linear autoencoder of {counted(n_items, 'item')}"
        require_bytes(BYTES_PER_PAIR * n_items**2, purpose, "Fit a log of fewer items, or take ItemKNNRecommender.")
        met = user_item_ones(log.counts)
        weights = solve_linear_autoencoder((met.T @ met).toarray(), float(self.penalty))
        return Autoencoder(weights, Fading(float(self.history_decay)))


class Autoencoder:
    """The rule of the autoencoder: its weights stand still.

    Parameters
    ----------
    weights : ndarray of shape (n_fitted_items, n_fitted_items)
        What each item of a history adds to the score of each item.
    fading : Fading
        How much each item of a history counts.
    """

    def __init__(self, weights: NDArray[np.float64], fading: Fading) -> None:
        self._weights, self._fading = weights, fading

    def add_event(self, item: int, history: NDArray[np.int64], n_events: int, weight: int) -> None:
        """Learn nothing until the next fit."""

    def score(self, user: int, history: NDArray[np.int64], popularity: NDArray[Any]) -> NDArray[np.float64]:
        """Return what the autoencoder makes of a history; 0 for items without weights."""
        if not len(history):
            return popularity.astype(np.float64)
        items, weights = self._fading.newest_first(history)
        is_fitted = items < len(self._weights)
        scores = np.zeros(len(popularity))
        scores[: len(self._weights)] = weights[is_fitted] @ self._weights[items[is_fitted]]
        return scores

    def copy(self) -> Autoencoder:
        """Return the rule."""
        return self

    def recounted(self, counts: Counts) -> Autoencoder:
        """Return the rule: its weights are those of the fit."""
        return self
