"""Confidence intervals by resampling users, whose events are not independent of each other."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

from .._data.reading import read_ids
from .._utils.arguments import as_floats
from .._utils.memory import require_bytes
from .._utils.words import counted

#: So many draws of users are held at a time.
DRAWS_AT_A_TIME = 2**21


def bootstrap_interval(
    values: ArrayLike,
    users: Any = None,
    *,
    confidence: float = 0.95,
    n_resamples: int = 1000,
    random_state: Any = None,
) -> tuple[Any, Any]:
    """Return a confidence interval of the mean of values, by bootstrap over users.

    Users are drawn with replacement, each with all its values (cluster bootstrap, percentile interval). The events of
    one user resemble each other, so resampling events would give an interval that is too narrow.

    For the difference of two models pass the differences of their values, event by event (paired).

    Parameters
    ----------
    values : array-like of shape (n_events,) or (n_events, n_columns)
        What each event adds to the mean, such as the reciprocal ranks of ``score_samples``. Columns share the draws.
    users : array-like of shape (n_events,) or None, default=None
        The user of each event. None takes each event as a user of its own.
    confidence : float, default=0.95
        Probability of the interval; in (0, 1).
    n_resamples : int, default=1000
        Number of resamples; at least 1.
    random_state : int, RandomState instance or None, default=None
        Seed of the draws.

    Returns
    -------
    low, high : float, or ndarray of shape (n_columns,)
        Ends of the interval.

    Raises
    ------
    ValueError
        If values are none, not finite or of more than 2 dimensions, there are not as many users, or only one, or
        ``confidence`` or ``n_resamples`` is out of range.

    References
    ----------
    Field and Welsh, "Bootstrapping clustered data", Journal of the Royal Statistical Society B 69 (2007).

    Examples
    --------
    >>> import numpy as np
    >>> from skautoseqrec.metrics import bootstrap_interval
    >>> values, users = np.array([1, 0.5, 0, 0.25, 1, 0]), ["ann", "ann", "bob", "bob", "cid", "cid"]
    >>> low, high = bootstrap_interval(values, users, random_state=0)
    >>> bool(low <= values.mean() <= high)
    True
    """
    table, codes = _check_values(values), _check_users(users, len(np.atleast_1d(values)))
    check_confidence(confidence, n_resamples)
    n_users = int(codes.max()) + 1
    if n_users < 2:
        raise ValueError("All values are of one user: an interval over users needs at least 2.")
    # Means of the resamples, and a copy that is sorted.
    n_bytes = 2 * 8 * int(n_resamples) * table.shape[1]
    require_bytes(n_bytes, f"An interval from n_resamples={n_resamples:,}", "Draw fewer.")
    columns = [*table.T, np.ones(len(table))]
    sums = np.column_stack([np.bincount(codes, column, n_users) for column in columns]).astype(np.float64)
    estimates = _resampled_means(sums, int(n_resamples), check_random_state(random_state))
    low, high = np.quantile(estimates, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return (low, high) if np.ndim(values) == 2 else (float(low[0]), float(high[0]))


def check_confidence(confidence: Any, n_resamples: Any) -> None:
    """Raise ValueError if one of the two is out of range."""
    if not isinstance(confidence, Real) or not 0 < float(confidence) < 1:
        raise ValueError(f"confidence must be a number in (0, 1), not {confidence!r}.")
    if not isinstance(n_resamples, Integral) or isinstance(n_resamples, bool) or n_resamples < 1:
        raise ValueError(f"n_resamples must be a whole number of at least 1, not {n_resamples!r}.")


def _resampled_means(sums: NDArray[np.float64], n_resamples: int, random: Any) -> NDArray[np.float64]:
    """Return the means of resampled users, one row each, given each user's sums and, last, its number of values."""
    n_users = len(sums)
    means = np.empty((n_resamples, sums.shape[1] - 1))
    step = max(1, DRAWS_AT_A_TIME // n_users)
    for start in range(0, n_resamples, step):
        n_rows = min(step, n_resamples - start)
        drawn = random.randint(n_users, size=(n_rows, n_users)) + np.arange(n_rows)[:, None] * n_users
        times_drawn = np.bincount(drawn.ravel(), minlength=n_rows * n_users).reshape(n_rows, n_users)
        totals = times_drawn.astype(np.float64) @ sums
        means[start : start + n_rows] = totals[:, :-1] / totals[:, -1:]
    return means


def _check_values(values: ArrayLike) -> NDArray[np.float64]:
    table = as_floats(values, "values")
    if table.size == 0 or table.ndim not in (1, 2):
        raise ValueError(f"values must be one or more numbers, or columns of them; they have shape {table.shape}.")
    table = table.reshape(len(table), -1)
    is_wrong = ~np.isfinite(table).all(axis=1)
    if is_wrong.any():
        row = int(is_wrong.argmax())
        raise ValueError(f"values must be finite; row {row} holds {table[row][~np.isfinite(table[row])][0]}.")
    return table


def _check_users(users: Any, n_values: int) -> NDArray[np.int64]:
    """Return the users as codes from 0 on."""
    if users is None:
        return np.arange(n_values)
    ids = read_ids(users, "users")
    if len(ids) != n_values:
        raise ValueError(
            f"users has {counted(len(ids), 'id')} for {counted(n_values, 'value')}: give the user of each event."
        )
    return np.unique(ids, return_inverse=True)[1]
