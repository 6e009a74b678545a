"""From a log to a fitted recommender, a fitted part, and what the part weighs beside the recommender."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
from sklearn.base import clone

from .._data.estimators import validate_log
from .._data.naming import check_columns
from .._data.reading import read_columns
from .._utils.warn import warn_caller
from ..model_selection._split import take_rows
from ..recommender import AutoSeqRecRecommender

#: The weight is fitted on so many of the newest events at most, as a blend is.
MOST_JUDGED = 5000


def fit_recommender(recommender: Any, X: Any, sample_weight: Any) -> AutoSeqRecRecommender:
    """Return a clone of a recommender, fitted on a log."""
    cloned = clone(recommender)
    return cloned.fit(X) if sample_weight is None else cloned.fit(X, sample_weight=sample_weight)


def fit_part(part: Any, X: Any) -> Any:
    """Return a clone of a part, fitted on a log; one that cannot be fitted as it is."""
    if not hasattr(part, "fit"):
        return part
    cloned = clone(part, safe=False)
    cloned.fit(X)
    return cloned


def fit_weight(recommender: Any, part: Any, X: Any, sample_weight: Any, fraction: float, ties: str) -> float:
    """Return what a part weighs, fitted to the newest events of a log after a fit of both on those before them.

    Where ties are taken together, all events of a time are on one side. 0, with a warning, if too few are usable.
    """
    columns, weight = read_columns(X, check_columns(recommender.columns)), None
    order = columns.time_order()
    start = len(order) - min(ceil(fraction * len(order)), MOST_JUDGED)
    if ties == "together" and columns.times is not None:
        in_time = columns.times[order]
        start = int(np.searchsorted(in_time, in_time[start]))
    if start:
        past, newest = order[:start], order[start:]
        weights = (
            (None, None) if sample_weight is None else (np.asarray(sample_weight)[rows] for rows in (past, newest))
        )
        weight = _judged_weight(recommender, part, (take_rows(X, past), take_rows(X, newest)), tuple(weights))
    if weight is not None:
        return weight
    warn_caller(
        f"The newest {fraction:.0%} of the log hold too few usable events to weigh the part by: it weighs 0. Give a "
        "weight, or a longer log."
    )
    return 0.0


def _judged_weight(recommender: Any, part: Any, logs: tuple[Any, Any], weights: tuple[Any, ...]) -> float | None:
    from .._fitting.outside_fit import fit_outside_weight

    fitted = fit_recommender(recommender, logs[0], weights[0])
    columns = validate_log(fitted, logs[1], reset=False, sample_weight=weights[1])
    return fit_outside_weight(fitted._serving, columns, fit_part(part, logs[0]), fitted.exclude_seen)
