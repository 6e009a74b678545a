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
        self._entries, self._n_rows = entries, n_rows
        places = np.repeat(entries.rows * n_items, entries.lengths)
        places += entries.items
        self._places = torch.from_numpy(places)
        # Of numpy, whose zeros cost nothing where nobody writes.
        dense = torch.from_numpy(np.zeros(n_rows * n_items, dtype=np.float32))
        self._sums = dense.scatter_add_(0, self._places, torch.from_numpy(entries.values))[self._places]

    def squared_norms(self, n_trained: int) -> Tensor:
        """Return the squared norm of each row over the first ``n_trained`` items, shape (n_rows,)."""
        rows, lengths, items, values = self._entries
        # The sum of a place times its entries, one after the other, is its square.
        squares = self._sums.numpy() * values
        if items.max(initial=-1) >= n_trained:
            squares[items >= n_trained] = 0.0
        is_run = lengths > 0
        if not is_run.any():
            return torch.zeros(self._n_rows)
        of_runs = np.add.reduceat(squares, self._entries.offsets[is_run])
        return torch.from_numpy(np.bincount(rows[is_run], of_runs, minlength=self._n_rows).astype(np.float32))

    def add_logs(self, scores: Tensor, weight: float, scale: float) -> None:
        """Add ``weight log1p(scale row)`` to scores of the rows' own shape, in place."""
        flat = scores.view(-1)
        raised = flat[self._places].add_(torch.log1p(scale * self._sums), alpha=weight)
        # Entries that share a place say the same.
        flat.scatter_(0, self._places, raised)
