"""A part of the score that comes from outside the package: a function of histories, and what it weighs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._counts.histories import Histories
from .._data.checks import shown
from .._data.vocabulary import Vocabulary
from .._utils.devices import beside
from .._utils.words import counted
from .view import View

#: Kinds of what is a score: numbers, and whether something holds.
KINDS = "fiub"


@dataclass(frozen=True)
class OutsidePart:
    """A function that scores histories, added to the score of users who have one.

    Parameters
    ----------
    function : callable
        Called as ``function(histories, item_ids)``: for each row a list of item ids, oldest first, and the ids of the
        items to score. Returns scores of shape (n_histories, n_items), NaN where it knows nothing of an item.
    vocabulary : Vocabulary
        Ids of the items that are scored; the position of an id is its code.
    weight : float, default=1.0
        What its scores are multiplied with.
    """

    #: What it is called among the parts of a score.
    NAME: ClassVar[str] = "outside"

    function: Callable[[list[list[Any]], NDArray[Any]], Any]
    vocabulary: Vocabulary
    weight: float = 1.0

    def add(self, scores: Tensor, view: View) -> None:
        """Add the weighted scores to those of a view's users with a history, in place."""
        rows = np.flatnonzero(~view.is_cold)
        if len(rows) and self.weight:
            said = self.scores(view.queries.histories.rows(rows), view.n_items)
            # Rounded before it is added, so that a score is the same to the bit as the sum of what is explained.
            scores.index_add_(0, beside(scores, rows), said.mul_(self.weight).to(scores.device))

    def weighted(self, view: View) -> Tensor:
        """Return the weighted scores for the rows of a view, 0 for users without a history."""
        scores = view.zeros()
        self.add(scores, view)
        return scores

    def scores(self, histories: Histories, n_items: int) -> Tensor:
        """Return what the function says of some histories, shape (n_histories, n_items); 0 where it says nothing.

        Raises
        ------
        TypeError, ValueError
            If it returns anything but a finite number, or NaN, for each history and item.
        """
        ids = self.vocabulary.ids(n_items)
        ranges = zip(histories.starts.tolist(), histories.ends.tolist(), strict=True)
        lists = [ids[histories.items[start:end]].tolist() for start, end in ranges]
        return torch.from_numpy(_checked(self.function(lists, ids), len(lists), ids))

    def ahead(self, item_ids: NDArray[Any], n_known: int) -> OutsidePart:
        """Return the part of a walk over a log in time order, whose unknown items have the codes after the known."""
        vocabulary = self.vocabulary.copy()
        vocabulary.truncate(n_known)
        vocabulary.add(item_ids)
        return replace(self, vocabulary=vocabulary)


def _checked(returned: Any, n_rows: int, ids: NDArray[Any]) -> NDArray[np.float32]:
    """Return the scores that a function returned as float32, 0 in place of NaN and of what is masked."""
    if isinstance(returned, np.ma.MaskedArray) and returned.dtype.kind in KINDS:
        returned = np.ma.filled(returned.astype(np.float64), np.nan)
    try:
        scores = np.asarray(returned)
    except ValueError as error:
        raise ValueError(f"part must return a row for each history, all of one length: {error}") from error
    if scores.dtype.kind not in KINDS:
        raise TypeError(
            f"part must return an array of numbers, NaN for items of which nothing is known, not {shown(returned)}."
        )
    if scores.shape != (n_rows, len(ids)):
        raise ValueError(
            f"part returned scores of shape {scores.shape} for {counted(n_rows, 'history', 'histories')} "
            f"and {counted(len(ids), 'item')}. Return an array with a row for each history and a "
            "column for each of item_ids."
        )
    with np.errstate(over="ignore"):
        scores = np.array(scores, dtype=np.float32)
    if np.isinf(scores).any():
        row, column = np.argwhere(np.isinf(scores))[0].tolist()
        raise ValueError(
            f"part returned an infinite score, or one too large for float32, for item {shown(ids.tolist()[column])} "
            f"after history {row}. Return finite numbers, or NaN for items of which nothing is known."
        )
    return np.nan_to_num(scores, copy=False, nan=0.0)
