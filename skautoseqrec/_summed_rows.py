"""Sparse rows whose entries may share a place, summed without sorting, through a dense array never read whole."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ._ragged import Entries


class SummedRows:
    """Sparse rows over items, each entry knowing what all entries of its place add up to.

    Parameters
    ----------
    entries : Entries
        The rows.
    n_rows, n_items : int
        Shape of the matrix that they are rows of.
    """

    def __init__(self, entries: Entries, n_rows: int, n_items: int) -> None:
        self._n_rows = n_rows
        self._rows, self._items = torch.from_numpy(entries.rows), torch.from_numpy(entries.items)
        self._values = torch.from_numpy(entries.values)
        self._places = self._rows * n_items + self._items
        # Of numpy, whose zeros cost nothing where nobody writes.
        dense = torch.from_numpy(np.zeros(n_rows * n_items, dtype=np.float32))
        self._sums = dense.scatter_add_(0, self._places, self._values)[self._places]

    def squared_norms(self, n_trained: int) -> Tensor:
        """Return the squared norm of each row over the first ``n_trained`` items, shape (n_rows,)."""
        # The sum of a place times its entries, one after the other, is its square.
        squares = torch.where(self._items < n_trained, self._sums * self._values, 0.0).numpy()
        if len(squares) == 0:
            return torch.zeros(self._n_rows)
        # Entries come in long runs of one row, which add up much faster than scattered ones.
        rows = self._rows.numpy()
        runs = np.r_[0, 1 + np.flatnonzero(rows[1:] != rows[:-1])]
        norms = np.bincount(rows[runs], np.add.reduceat(squares, runs), minlength=self._n_rows)
        return torch.from_numpy(norms.astype(np.float32))

    def add_logs(self, scores: Tensor, weight: float, scale: float) -> None:
        """Add ``weight log1p(scale row)`` to scores of the rows' own shape, in place."""
        flat = scores.view(-1)
        raised = flat[self._places].add_(torch.log1p(scale * self._sums), alpha=weight)
        # Entries that share a place say the same.
        flat.scatter_(0, self._places, raised)
