"""Sparse rows whose entries have to be added up before anything is made of them, in the cheaper of two layouts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from ._utils.devices import beside
from ._utils.ragged import Entries, flat_places

#: A dense layout costs its places, a sparse one its entries, which have to be sorted: as much as so many places each.
PLACES_PER_ENTRY = 64
#: From so many entries on, scipy makes an array of them sooner than torch does.
MANY_ENTRIES = 2**14


class SummedRows:
    """Sparse rows over items whose entries add up.

    Parameters
    ----------
    parts : sequence of Entries
        The rows: all entries of all parts add up.
    n_items : int
        Number of items.
    """

    def __init__(self, parts: Sequence[Entries], n_items: int) -> None:
        self._shape = len(parts[0].lengths), n_items
        parts = [part for part in parts if len(part.items)]
        n_entries = sum(len(part.items) for part in parts)
        self._dense = self._sparse = None
        if parts and self._shape[0] * n_items <= PLACES_PER_ENTRY * n_entries:
            self._dense = self._add_up_densely(parts)
        elif n_entries:
            self._sparse = self._add_up_sparsely(parts)

    def squared_norms(self, n_trained: int) -> Tensor:
        """Return the squared norm of each row over the first ``n_trained`` items, shape (n_rows,)."""
        if self._dense is not None:
            return torch.linalg.vector_norm(self._dense[:, :n_trained], dim=1).square_()
        norms = np.zeros(self._shape[0], dtype=np.float32)
        if self._sparse is not None:
            squares = np.where(self._sparse.indices < n_trained, self._sparse.data**2, 0.0)
            is_row = np.diff(self._sparse.indptr) > 0
            norms[is_row] = np.add.reduceat(squares, self._sparse.indptr[:-1][is_row])
        return torch.from_numpy(norms)

    def add_logs(self, scores: Tensor, weight: float, scale: float) -> None:
        """Add ``weight log1p(scale row)`` to scores of the rows' own shape, in place."""
        if self._dense is not None:
            scores.add_((self._dense.to(scores.device) * scale).log1p_(), alpha=weight)
        elif self._sparse is not None:
            places = flat_places(np.diff(self._sparse.indptr), self._sparse.indices, self._shape[1])
            raised = (weight * np.log1p(scale * self._sparse.data)).astype(np.float32, copy=False)
            scores.view(-1)[beside(scores, places)] += beside(scores, raised)

    def _add_up_densely(self, parts: list[Entries]) -> Tensor:
        first, *others = parts
        if len(first.items) < MANY_ENTRIES:
            dense, others = torch.zeros(self._shape), parts
        else:
            # A matrix with entries that share a place adds them up on its way to an array.
            dense = torch.from_numpy(first.to_csr(self._shape[1]).toarray())
        for part in others:
            places = torch.from_numpy(part.places(self._shape[1]))
            dense.view(-1).scatter_add_(0, places, torch.from_numpy(part.values))
        return dense

    def _add_up_sparsely(self, parts: list[Entries]) -> sparse.csr_matrix:
        rows = np.concatenate([np.repeat(np.arange(self._shape[0]), part.lengths) for part in parts])
        items = np.concatenate([part.items for part in parts])
        values = np.concatenate([part.values for part in parts])
        return sparse.coo_matrix((values, (rows, items)), shape=self._shape).tocsr()
