"""The recommender's evaluation: walking forward over a log."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from ._data.estimators import validate_log
from ._scoring.scorer import Served
from ._scoring.walk_forward import visible_events, walk_forward
from ._utils.devices import scoring_device
from ._utils.sample_weight import check_weights, count_events, weighted_mean
from ._utils.warn import warn_caller


class EvaluationMixin:
    """``score_samples`` and ``score`` of the recommender."""

    exclude_seen: bool
    device: str
    _served: Served

    def score_samples(self, X: Any, ties: str = "row") -> NDArray[np.float64]:
        """Walk forward over a log: rank each event's item for its user, then let the event in.

        The recommender itself is left as it is.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_events, 2 or 3), list of tuples or Interactions
            The log, usually what came after the fitted one; rows in any order.
        ties : {"row", "together"}, default="row"
            Whether events of one timestamp see those of earlier rows, or are all ranked before any is let in (for
            baskets and for logs that know only the day: no arbitrary row order can flatter then).

        Returns
        -------
        reciprocal_ranks : ndarray of shape (n_events,)
            1 / rank of each row's item among the eligible ones (known, and not seen if ``exclude_seen``), ties
            counted at half; 0 where the item was not eligible.

        Warns
        -----
        UserWarning
            If the items of more than half of the rows were not eligible.
        """
        check_is_fitted(self)
        if ties not in ("row", "together"):
            raise ValueError(f"ties must be 'row' or 'together', not {ties!r}.")
        columns = validate_log(self, X, reset=False)
        order = columns.time_order()
        in_time = columns.take(order)
        state, scorer = self._served
        base = state.merged()
        events = state.encode_ahead(in_time, base)
        visible = visible_events(in_time.times, len(order), ties)
        values = np.empty(len(order))
        there = scorer.on(scoring_device(self.device))
        values[order] = walk_forward(there, base, events, visible, self.exclude_seen)
        _warn_if_ineligible(values)
        return values

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

        Raises
        ------
        ValueError, TypeError
            If the log is not usable, or the weights are not one for each event, finite, at least 0 and not all 0.
        """
        weights = check_weights(sample_weight, count_events(X))  # before the walk, which may take long
        return weighted_mean(self.score_samples(X), weights)


def _warn_if_ineligible(values: NDArray[np.float64]) -> None:
    share = np.mean(values == 0)
    if share > 0.5:
        warn_caller(
            f"The items of {share:.0%} of the rows were not eligible and count as 0: not known yet, or already seen by "
            "their user while exclude_seen=True. Was this log fitted before, or do people come back to items?"
        )
