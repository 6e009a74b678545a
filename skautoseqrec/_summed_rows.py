"""Sparse rows whose entries may share a place, summed without sorting, through a dense array never read whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ._ragged import Entries


class Part(NamedTuple):
    """Some of the entries, their places in the flat matrix, and what all entries of each place add up to."""

    entries: Entries
    places: Tensor
    sums: Tensor


class SummedRows:
    """Sparse rows over items, each entry knowing what all entries of its place add up to.

    Parameters
    ----------
    parts : sequence of Entries
        The rows: all entries of all parts add up.
    n_rows, n_items : int
        Shape of the matrix that they are rows of.
    """

    def __init__(self, parts: Sequence[Entries], n_rows: int, n_items: int) -> None:
        self._n_rows = n_rows
        # Of numpy, whose zeros cost nothing where nobody writes.
        dense = torch.from_numpy(np.zeros(n_rows * n_items, dtype=np.float32))
        all_places = []
        for entries in parts:
            places = np.repeat(entries.rows * n_items, entries.lengths)
            places += entries.items
            all_places.append(torch.from_numpy(places))
            dense.scatter_add_(0, all_places[-1], torch.from_numpy(entries.values))
        self._parts = [Part(entries, places, dense[places]) for entries, places in zip(parts, all_places, strict=True)]

    def squared_norms(self, n_trained: int) -> Tensor:
        """Return the squared norm of each row over the first ``n_trained`` items, shape (n_rows,)."""
        norms = np.zeros(self._n_rows)
        for entries, _, sums in self._parts:
            # The sum of a place times its entries, one after the other, is its square.
            squares = sums.numpy() * entries.values
            if entries.items.max(initial=-1) >= n_trained:
                squares[entries.items >= n_trained] = 0.0
            is_run = entries.lengths > 0
            if is_run.any():
                of_runs = np.add.reduceat(squares, entries.offsets[is_run])
                norms += np.bincount(entries.rows[is_run], of_runs, minlength=self._n_rows)
        return torch.from_numpy(norms.astype(np.float32))

    def add_logs(self, scores: Tensor, weight: float, scale: float) -> None:
        """Add ``weight log1p(scale row)`` to scores of the rows' own shape, in place."""
        flat = scores.view(-1)
        raised = [flat[part.places].add_(torch.log1p(scale * part.sums), alpha=weight) for part in self._parts]
        # Entries that share a place say the same, whichever is written last.
        for part, values in zip(self._parts, raised, strict=True):
            flat.scatter_(0, part.places, values)
