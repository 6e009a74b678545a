"""The rows of T that the last items of some users ask for: summed by user, or each by itself as logs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .._counts.histories import Context
from .._network.model import Model
from .._utils.ragged import SparseEntries
from .._utils.sparse import rows_of
from .base import Base, logs_of
from .neighbours import add_rows, sums_from_array


class AddedTransitions:
    """Transitions out of some items that were added to those of a base, which may keep them: they do not hold it.

    Parameters
    ----------
    model : Model
        Weights and settings.
    items : ndarray of shape (n_asked,)
        The items.
    rows : SparseEntries
        One row of transitions for each.
    """

    def __init__(self, model: Model, items: NDArray[np.integer], rows: SparseEntries) -> None:
        self._model, self._items, self.rows = model, items, rows
        self._raised_logs: SparseEntries | None = None

    def __len__(self) -> int:
        """Return how many transitions there are."""
        return len(self.rows.items)

    @cached_property
    def projections(self) -> Tensor:
        """The rows, projected."""
        return self._model.project_entries(self.rows)

    def raised_logs(self, base: Base) -> SparseEntries:
        """Return by how much they raise ``log1p(5 T)`` of what they were added to, one row per item."""
        if self._raised_logs is None:
            self._raised_logs = self._raised_above(base)
        return self._raised_logs

    def _raised_above(self, base: Base) -> SparseEntries:
        """Return what :meth:`raised_logs` does, computed."""
        n_columns = int(self.rows.items.max(initial=-1)) + 1
        keys, places = np.unique(self.rows.places(n_columns), return_inverse=True)
        added = np.bincount(places, self.rows.values, minlength=len(keys))
        rows, targets = np.divmod(keys, max(n_columns, 1))
        before = base.logs_at(self._items[rows], targets, len(self._items))
        # log(1 + 5 (T + a)) - log(1 + 5 T) = log(1 + 5 a / (1 + 5 T))
        raised = logs_of(added * np.exp(-before)).astype(np.float32)
        return SparseEntries(np.bincount(rows, minlength=len(self._items)), targets, raised)


class LastTransitions(NamedTuple):
    """Transitions out of the last items of some users.

    Parameters
    ----------
    context : Context
        The last items.
    base : Base
        What is known of them.
    added : AddedTransitions
        What was added to it.
    which : ndarray of shape (n_last,)
        The row of ``added`` for each of the last items.
    """

    context: Context
    base: Base
    added: AddedTransitions
    which: NDArray[np.integer]

    def summed(self) -> list[SparseEntries]:
        """Return sparse rows, one per user, whose entries add up to the weighted sum of the rows of T."""
        last_items = self.context.entries
        known = last_items.below(self.base.counts.n_items)
        rows = [known.combine(rows_of(self.base.transitions, known.items))]
        if len(self.added):
            rows.append(last_items.combine(self.added.rows.rows(self.which)))
        return rows

    def add_logs(self, scores: Tensor, weights: Sequence[float], factor: NDArray[np.float32] | None = None) -> None:
        """Add ``sum_k weights[k] log1p(5 T[l_k, i])`` to scores of shape (n_users, n_items), l_1 the newest item.

        Of a moment it is the mean over its items. Older ones than there are weights count for nothing. A factor
        (n_users,) multiplies each user's row. The logs of the base's transitions are known; those that were added are
        corrected.
        """
        n_items, (last_items, ages, shares) = scores.shape[1], self.context
        weight_of = np.array([*weights, 0.0], dtype=np.float32)[np.minimum(ages, len(weights))] * shares
        if factor is not None:
            weight_of *= np.repeat(factor, last_items.lengths)
        weighted = last_items._replace(values=weight_of).where(weight_of > 0)
        array = self.base.log_array(len(weighted.items))
        if array is not None:
            scores.add_(sums_from_array(array, weighted, n_items).to(scores.device))
        else:
            known = weighted.below(self.base.counts.n_items)
            add_rows(scores, known.combine(rows_of(self.base.transition_logs, known.items)))
        if len(self.added):
            raised = self.added.raised_logs(self.base).rows(self.which[weight_of > 0])
            add_rows(scores, weighted.combine(raised))
