"""Splits of a log in time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from .._data.naming import check_columns
from .._data.reading import read_columns
from .._utils.words import counted


class TemporalSplit:
    """Time-ordered cross-validator: each test fold comes after its training fold, and training folds grow.

    Unlike scikit-learn's TimeSeriesSplit it sorts the rows by time (stably: ties keep row order), so the rows of the
    log may be in any order.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds; at least 1.
    test_size : int, float or None, default=None
        Events in each test fold: a number, or a share in (0, 1) of the log. None divides the log into
        ``n_splits + 1`` equal parts.
    gap : int, default=0
        Events left out between training and test; at least 0.
    columns : dict or None, default=None
        Names of the columns of a log, by what they hold: ``{"user": ..., "item": ..., "time": ...}``, some or all of
        them. What is not given is found by the usual names (see the user guide).

    Examples
    --------
    >>> import numpy as np
    >>> from skautoseqrec.model_selection import TemporalSplit
    >>> log = np.array([[0, 10, 5], [0, 11, 1], [1, 10, 4], [1, 12, 2], [0, 12, 6], [1, 11, 3]])
    >>> for train, test in TemporalSplit(n_splits=2).split(log):
    ...     print(train, test)
    [1 3] [5 2]
    [1 3 5 2] [0 4]
    """

    def __init__(
        self,
        n_splits: int = 5,
        *,
        test_size: int | float | None = None,
        gap: int = 0,
        columns: Mapping[str, str] | None = None,
    ) -> None:
        self.n_splits = n_splits
        self.test_size = test_size
        self.gap = gap
        self.columns = columns

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield the rows of each training and test fold, in time order.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_events, 2 or 3) or Interactions
            The log.
        y, groups : None
            Ignored; there for the scikit-learn API.

        Yields
        ------
        train, test : ndarray of int64
            Row numbers.

        Raises
        ------
        ValueError
            If the log is too short for the folds, or a parameter is out of range.
        """
        order = read_columns(X, check_columns(self.columns)).time_order()
        test_size, n_events = self._test_events(len(order)), len(order)
        first_test = n_events - self.n_splits * test_size
        if first_test - self.gap < 1:
            behind = f", after a gap of {self.gap}" if self.gap else ""
            raise ValueError(
                f"A log of {counted(n_events, 'event')} is too short for n_splits={self.n_splits} and "
                f"{counted(test_size, 'event')} in each test fold{behind}: nothing is left to train on. "
                "Lower one of them."
            )
        for start in range(first_test, n_events, test_size):
            yield order[: start - self.gap], order[start : start + test_size]

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds.

        Parameters
        ----------
        X, y, groups : object
            Ignored; there for the scikit-learn API.

        Returns
        -------
        n_splits : int
            The parameter ``n_splits``.
        """
        return self.n_splits

    def __repr__(self) -> str:
        """Return the call that makes this splitter."""
        columns = "" if self.columns is None else f", columns={self.columns}"
        return f"TemporalSplit(n_splits={self.n_splits}, test_size={self.test_size}, gap={self.gap}{columns})"

    def _test_events(self, n_events: int) -> int:
        if not isinstance(self.n_splits, Integral) or self.n_splits < 1:
            raise ValueError(f"n_splits must be a whole number of at least 1, not {self.n_splits!r}.")
        if not isinstance(self.gap, Integral) or self.gap < 0:
            raise ValueError(f"gap must be a whole number of at least 0, not {self.gap!r}.")
        if self.test_size is None:
            return max(n_events // (int(self.n_splits) + 1), 1)
        return _count_events(self.test_size, n_events)


def temporal_train_test_split(
    X: Any, *, test_size: int | float = 0.1, columns: Mapping[str, str] | None = None
) -> tuple[Any, Any]:
    """Split a log in time: the newest events are the test part.

    Parameters
    ----------
    X : dataframe, array-like of shape (n_events, 2 or 3), list of tuples or Interactions
        The log.
    test_size : int or float, default=0.1
        Events in the test part: a number, or a share in (0, 1) of the log (the training part is rounded down).
    columns : dict or None, default=None
        Names of the columns of a log, by what they hold: ``{"user": ..., "item": ..., "time": ...}``, some or all of
        them. What is not given is found by the usual names (see the user guide).

    Returns
    -------
    X_train, X_test : same type as X
        Rows in time order; ties keep their row order.

    Raises
    ------
    ValueError
        If either part would be empty.

    Examples
    --------
    >>> from skautoseqrec.model_selection import temporal_train_test_split
    >>> temporal_train_test_split([("ann", "tea", 3), ("bob", "milk", 1), ("ann", "jam", 2)], test_size=1)
    ([('bob', 'milk', 1), ('ann', 'jam', 2)], [('ann', 'tea', 3)])
    """
    order = read_columns(X, check_columns(columns)).time_order()
    n_train = len(order) - _count_events(test_size, len(order))
    if n_train < 1:
        raise ValueError(
            f"A log of {counted(len(order), 'event')} leaves nothing to train on with test_size={test_size}."
        )
    return take_rows(X, order[:n_train]), take_rows(X, order[n_train:])


def _count_events(test_size: int | float, n_events: int) -> int:
    """Return a test size in events; the size of the training part is rounded down."""
    if isinstance(test_size, Integral) and test_size >= 1:
        return int(test_size)
    if isinstance(test_size, Real) and not isinstance(test_size, Integral) and 0 < test_size < 1:
        # 1 - .1 is a little under .9: the share is rounded so that 10 % of 100 events are 10.
        return n_events - int(np.floor(round(n_events * (1 - float(test_size)), 6)))
    raise ValueError(f"test_size must be a number of events of at least 1 or a share in (0, 1), not {test_size!r}.")


def take_rows(X: Any, rows: NDArray[np.int64]) -> Any:
    """Return some rows of a log as what it is."""
    if nw.dependencies.is_into_dataframe(X):
        return nw.from_native(X, eager_only=True)[rows].to_native()
    if isinstance(X, Sequence):
        return [X[row] for row in rows]
    return X[rows] if hasattr(X, "__getitem__") else np.asarray(X)[rows]
