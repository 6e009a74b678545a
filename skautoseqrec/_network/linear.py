"""The linear autoencoder of the user-item matrix (EASE, Steck 2019): its weights, and its scores."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._utils.products import sum_of_rows
from .._utils.ragged import SparseEntries
from .inputs import SparseRows


@dataclass(frozen=True)
class LinearWeights:
    """Weights of a linear autoencoder.

    Parameters
    ----------
    items : ndarray of shape (n_linear,), int64
        Codes of the items that it has, rising.
    weights : Tensor of shape (n_linear, n_linear)
        B: what each item of a history adds to the score of each item; zero on the diagonal.
    """

    items: NDArray[np.int64]
    weights: Tensor

    def of_items(self, kept: NDArray[np.int64]) -> LinearWeights | None:
        """Return the weights of some items, given their codes in the order of the new ones; None if there are none."""
        codes = np.searchsorted(kept, self.items)
        is_kept = np.flatnonzero(kept[np.minimum(codes, len(kept) - 1)] == self.items)
        if len(is_kept) == 0:
            return None
        rows = torch.from_numpy(is_kept)
        return LinearWeights(codes[is_kept], self.weights[rows][:, rows])

    @cached_property
    def are_first(self) -> bool:
        """Whether the items are the first ones of all, so that the code of each is its place."""
        return int(self.items[-1]) == len(self.items) - 1

    def add_product(self, scores: NDArray[np.float32], items: NDArray[np.integer], values: NDArray[np.float32]) -> None:
        """Add the product of one sparse row over all items with the weights to scores of all items, in place."""
        places, is_here = self._places(items)
        if not is_here.all():
            places, values = places[is_here], values[is_here]
        sums = sum_of_rows(self.weights.numpy(), places, values)
        if self.are_first:  # adding to places one by one takes as long as the sum
            scores[: len(sums)] += sums
        else:
            scores[self.items] += sums

    def project(self, entries: SparseEntries) -> Tensor:
        """Return the product of sparse rows over all items with the weights, shape (n_rows, n_linear)."""
        places, is_here = self._places(entries.items)
        entered = entries._replace(items=places).where(is_here)
        rows = SparseRows(
            torch.from_numpy(entered.items.astype(np.int64, copy=False)),
            torch.from_numpy(entered.values.astype(np.float32, copy=False)),
            torch.from_numpy(entered.bounds[:-1]),
        )
        return rows.project(self.weights)

    def _places(self, items: NDArray[np.integer]) -> tuple[NDArray[np.integer], NDArray[np.bool_]]:
        """Return the row of the weights for each of some items, and which of them have one."""
        if self.are_first:
            return items, items < len(self.items)
        places = np.searchsorted(self.items, items)
        return places, self.items[np.minimum(places, len(self.items) - 1)] == items
