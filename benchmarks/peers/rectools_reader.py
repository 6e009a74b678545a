"""A model of the library RecTools, asked with any histories: each is a user of a dataset made for the question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .replay import Floats

__all__ = ["Reader"]


class Reader:
    """The items that a log holds, logs of them as datasets, and the scores that a fitted model gives them.

    Parameters
    ----------
    users, items : ndarray of shape (n_events,), int64
        The log that the model is fitted with, oldest event first.
    """

    def __init__(self, users: NDArray[np.int64], items: NDArray[np.int64]) -> None:
        self.items = np.unique(items)
        self.fitted = self.dataset(users, items, np.ones(len(items)))

    def dataset(self, users: NDArray[np.int64], items: NDArray[np.int64], weights: Floats) -> Any:
        """Return events as a dataset, whose items have the codes of the fitted ones; the time of each is its place."""
        from pandas import DataFrame, to_datetime
        from rectools import Columns
        from rectools.dataset import Dataset, IdMap, Interactions

        columns = (Columns.User, Columns.Item, Columns.Weight, Columns.Datetime)
        times = to_datetime(np.arange(len(users)), unit="s")
        frame = DataFrame(dict(zip(columns, (users, items, weights, times), strict=True)))
        user_codes, item_codes = IdMap.from_values(users), IdMap.from_values(self.items)
        return Dataset(user_codes, item_codes, Interactions.from_raw(frame, user_codes, item_codes))

    def scores(self, model: Any, histories: Sequence[NDArray[np.int64]], decay: float = 1.0) -> Floats:
        """Return what a model says of the fitted items, NaN where it says nothing.

        Parameters
        ----------
        model : ModelBase
            Fitted with this log.
        histories : sequence of ndarray
            Of fitted items, oldest first; none is empty.
        decay : float
            Weight of each older item.

        Returns
        -------
        ndarray of shape (n_histories, n_fitted_items)
        """
        # The matrix of a dataset ends with its last item, so that one more user has them all.
        rows = [*histories, self.items]
        users = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
        weights = np.concatenate([decay ** np.arange(len(row), dtype=float)[::-1] for row in rows])
        answer = model.recommend(
            users=np.arange(len(histories)),
            dataset=self.dataset(users, np.concatenate(rows), weights),
            k=len(self.items),
            filter_viewed=False,
            add_rank_col=False,
        )
        scores = np.full((len(histories), len(self.items)), np.nan, dtype=np.float32)
        scores[answer["user_id"], np.searchsorted(self.items, answer["item_id"])] = answer["score"]
        return scores
