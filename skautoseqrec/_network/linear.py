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
        n_linear, weights = len(self.items), self.weights.numpy()
        if self.are_first:
            is_here = items < n_linear
            if not is_here.all():
                items, values = items[is_here], values[is_here]
            scores[:n_linear] += sum_of_rows(weights, items, values)
            return
        places = np.searchsorted(self.items, items)
        is_here = self.items[np.minimum(places, n_linear - 1)] == items
        scores[self.items] += sum_of_rows(weights, places[is_here], values[is_here])

    def project(self, entries: SparseEntries) -> Tensor:
        """Return the product of sparse rows over all items with the weights, shape (n_rows, n_linear)."""
        places = np.searchsorted(self.items, entries.items)
        is_here = self.items[np.minimum(places, len(self.items) - 1)] == entries.items
        values = np.where(is_here, entries.values, 0.0).astype(np.float32)
        entered = torch.from_numpy(np.where(is_here, places, 0)), torch.from_numpy(values)
        return SparseRows(*entered, torch.from_numpy(entries.bounds[:-1])).project(self.weights)
