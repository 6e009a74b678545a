"""What the network reads: sparse rows over items, and histories as sequences."""

from __future__ import annotations

from functools import cached_property
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor
from torch.nn import functional

from .._counts.histories import Histories
from .._utils.devices import CPU
from .._utils.ragged import ragged_ranges
from .functions import RowProduct, bag, drop


class SparseRows:
    """A batch of sparse rows over items, in the layout that an embedding bag reads.

    Parameters
    ----------
    items : Tensor of shape (n_entries,), int64
        Item codes, row after row.
    values : Tensor of shape (n_entries,), float32
        Value of each entry.
    offsets : Tensor of shape (n_rows,), int64
        Where each row begins in ``items``.
    """

    def __init__(self, items: Tensor, values: Tensor, offsets: Tensor) -> None:
        self.items = items
        self.values = values
        self.offsets = offsets

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.offsets)

    def to(self, device: torch.device) -> SparseRows:
        """Return the same rows on another device."""
        return SparseRows(self.items.to(device), self.values.to(device), self.offsets.to(device))

    @cached_property
    def row_of_entry(self) -> Tensor:
        """The row of each entry, shape (n_entries,), int64."""
        ends = functional.pad(self.offsets[1:], (0, 1), value=len(self.items))
        return torch.repeat_interleave(torch.arange(len(self), device=self.items.device), ends - self.offsets)

    def scaled(self, factors: Tensor) -> SparseRows:
        """Return the rows, each times a factor of its own."""
        return SparseRows(self.items, self.values * factors[self.row_of_entry], self.offsets)

    def drop(self, probability: float) -> SparseRows:
        """Return the rows with entries dropped and the others scaled up."""
        return SparseRows(self.items, drop(self.values, probability), self.offsets)

    def to_dense(self, n_items: int) -> Tensor:
        """Return the rows as a dense matrix of shape (n_rows, n_items)."""
        dense = self.values.new_zeros(len(self), n_items)
        return dense.index_put_((self.row_of_entry, self.items), self.values, accumulate=True)

    def narrowed(self) -> tuple[Tensor, SparseRows]:
        """Return the items whose value is not 0, each once, and the rows in places of them, without their zeros."""
        is_shown = self.values != 0
        shown, places = torch.unique(self.items[is_shown], return_inverse=True)
        n_before = functional.pad(is_shown.cumsum(0), (1, 0))
        return shown, SparseRows(places, self.values[is_shown], n_before[self.offsets])

    def project(self, weight: Tensor) -> Tensor:
        """Return the product of the rows with a matrix of shape (n_items, d)."""
        if weight.shape[1] == 0:  # torch's bags of no components fail in several threads
            return weight.new_zeros(len(self), 0)
        is_trained = weight.requires_grad and torch.is_grad_enabled()
        product = RowProduct.apply if is_trained and weight.device == CPU else bag
        return cast(Tensor, product(weight, self.items, self.values, self.offsets))


class ItemSequences:
    """A batch of histories, newest item first, filled up behind.

    Parameters
    ----------
    items : Tensor of shape (n_rows, length), int64
        Item codes; any code where there is no item.
    values : Tensor of shape (n_rows, length), float32
        1 where there is an item, or what its event counts; 0 where there is none.
    """

    def __init__(self, items: Tensor, values: Tensor) -> None:
        self.items = items
        self.values = values

    def __len__(self) -> int:
        """Return the number of histories."""
        return len(self.items)

    def to(self, device: torch.device) -> ItemSequences:
        """Return the same histories on another device."""
        return ItemSequences(self.items.to(device), self.values.to(device))

    def drop(self, probability: float) -> ItemSequences:
        """Return the histories with items dropped, in their places, and the others scaled up."""
        return ItemSequences(self.items, drop(self.values, probability))

    def narrowed(self) -> tuple[Tensor, ItemSequences]:
        """Return the items whose value is not 0, each once, and the histories in places of them."""
        is_item = self.values != 0
        places = torch.zeros_like(self.items)
        shown, places[is_item] = torch.unique(self.items[is_item], return_inverse=True)
        # A place without an item reads any item, and where all events weigh nothing there is none.
        length = places.shape[1] if len(shown) else 0
        return shown, ItemSequences(places[:, :length], self.values[:, :length])


def item_sequences(histories: Histories, length: int) -> ItemSequences:
    """Return the newest items of histories as they are trained on, newest first."""
    items = histories.newest_items(length, nothing=-1)
    is_item, weights = items >= 0, histories.newest_weights(length)
    values = is_item.astype(np.float32) if weights is None else weights
    return ItemSequences(torch.from_numpy(np.where(is_item, items, 0)), torch.from_numpy(values))


def gather_rows(matrix: sparse.csr_matrix, rows: NDArray[np.int64]) -> SparseRows:
    """Return chosen rows of a csr matrix as sparse rows."""
    starts = matrix.indptr[rows].astype(np.int64)
    lengths = np.diff(matrix.indptr)[rows].astype(np.int64)
    entries = ragged_ranges(starts, lengths)
    return sparse_rows(matrix.indices[entries], matrix.data[entries], lengths)


def sparse_rows(items: NDArray[np.integer], values: NDArray[np.floating], lengths: NDArray[np.int64]) -> SparseRows:
    """Return entries, row after row, as sparse rows."""
    return SparseRows(
        torch.from_numpy(items.astype(np.int64)),
        torch.from_numpy(values.astype(np.float32)),
        torch.from_numpy(np.cumsum(lengths) - lengths),
    )


def unit_rows(rows: SparseRows) -> SparseRows:
    """Return sparse rows scaled to unit Euclidean norm."""
    squares = torch.zeros(len(rows), dtype=torch.float32).index_add_(0, rows.row_of_entry, rows.values**2)
    # A history of events that weigh nothing has entries, and all of them are 0.
    return rows.scaled(1 / squares.sqrt().clamp_min(1e-12))
