"""The rows of T that the last items of some users ask for: summed by user, or each by itself as logs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from .._counts.histories import Context
from .._utils.devices import beside
from .._utils.ragged import SparseEntries
from .._utils.sparse import entries_at, rows_of
from .base import TRANSITION_SCALE, Base


class LastTransitions(NamedTuple):
    """Transitions out of the last items of some users.

    Parameters
    ----------
    context : Context
        The last items.
    base : Base
        What is known of them.
    added : SparseEntries
        One row per last item: the transitions that were added to the base's, each by itself.
    """

    context: Context
    base: Base
    added: SparseEntries

    def summed(self) -> list[SparseEntries]:
        """Return sparse rows, one per user, whose entries add up to the weighted sum of the rows of T."""
        last_items = self.context.entries
        known = last_items.below(self.base.counts.n_items)
        rows = [known.combine(rows_of(self.base.transitions, known.items))]
        return [*rows, last_items.combine(self.added)] if len(self.added.items) else rows

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
        first_place = np.repeat(np.arange(len(last_items.lengths)) * n_items, last_items.lengths)
        asked = np.flatnonzero((weight_of > 0) & (last_items.items < self.base.counts.n_items))
        rows = rows_of(self.base.transition_logs, last_items.items[asked])
        places = np.repeat(first_place[asked], rows.lengths) + rows.items
        raised = rows.values * np.repeat(weight_of[asked], rows.lengths)
        scores.view(-1).index_add_(0, beside(scores, places), beside(scores, raised))
        if len(self.added.items):
            self.correct_logs(scores, weight_of, first_place)

    def correct_logs(self, scores: Tensor, weight_of: NDArray[np.float32], first_place: NDArray[np.int64]) -> None:
        """Add by how much the added transitions raise the logs, given each last item's weight and first place."""
        n_items = scores.shape[1]
        row_of = np.repeat(np.arange(len(weight_of)), self.added.lengths)
        asked = np.flatnonzero(weight_of[row_of])  # of some of the last items the weight is 0
        keys, places = np.unique(row_of[asked] * n_items + self.added.items[asked], return_inverse=True)
        added = np.bincount(places, self.added.values[asked], minlength=len(keys))
        rows, items = np.divmod(keys, n_items)
        before = _known(self.base.transitions, self.context.entries.items[rows], items)
        raised = np.log1p(TRANSITION_SCALE * (before + added)) - np.log1p(TRANSITION_SCALE * before)
        raised = (raised * weight_of[rows]).astype(np.float32)
        scores.view(-1).index_add_(0, beside(scores, first_place[rows] + items), beside(scores, raised))


def _known(
    transitions: sparse.csr_matrix, sources: NDArray[np.integer], targets: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Return entries of T, 0 for items that it does not know."""
    values = np.zeros(len(sources))
    known = (sources < transitions.shape[0]) & (targets < transitions.shape[0])
    values[known] = entries_at(transitions, sources[known], targets[known])
    return values
