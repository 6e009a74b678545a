"""The trained weights together with what gives them meaning, as state and scoring use them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from .._counts.settings import SequenceSettings
from .._counts.transitions import TRANSITION_UNIT
from .._counts.trend import TrendClock
from .._utils.keeping import FieldsOnly
from .._utils.ragged import SparseEntries
from .heads import Heads
from .history_encoder import HistoryReader
from .inputs import SparseRows
from .linear import LinearWeights
from .module import AutoSeqRecModule


@dataclass(frozen=True)
class Model(FieldsOnly):
    """Weights, heads and settings of time.

    Parameters
    ----------
    module : AutoSeqRecModule
        The trained weights.
    heads : Heads
        How rows are encoded, and what the neural parts of a score are.
    settings : SequenceSettings
        How time enters the matrices.
    linear : LinearWeights or None, default=None
        The linear autoencoder; None if there is none.
    """

    module: AutoSeqRecModule
    heads: Heads
    settings: SequenceSettings
    linear: LinearWeights | None = None

    @cached_property
    def n_trained(self) -> int:
        """Number of items that have weights of their own."""
        return self.module.n_items

    @property
    def encoder_weight(self) -> NDArray[np.float32]:
        """The encoder's weight of every trained item, (n_trained, d): a view."""
        return self.module.encoder_weight.numpy()

    @cached_property
    def trend(self) -> TrendClock:
        """The clock of decayed popularity."""
        return TrendClock(self.settings.trend_half_lives, self.n_trained)

    @cached_property
    def history_reader(self) -> HistoryReader | None:
        """Encodes histories where they have an encoder of their own."""
        encoder = self.module.history
        return None if encoder is None else encoder.reader(self.module.encoder_weight)

    def project(self, items: NDArray[np.integer], values: NDArray[np.floating], offsets: NDArray[np.integer]) -> Tensor:
        """Return the product of sparse rows with the encoder's weight; items without weights count as zero rows."""
        if items.max(initial=-1) >= self.n_trained:
            trained = items < self.n_trained
            items, values = np.where(trained, items, 0), np.where(trained, values, 0.0)
        return _project(items, values, offsets, self.module.encoder_weight)

    def project_entries(self, entries: SparseEntries) -> Tensor:
        """Return the product of sparse rows with the encoder's weight."""
        return self.project(entries.items, entries.values, entries.bounds[:-1])

    def project_rows(self, rows: sparse.csr_matrix) -> Tensor:
        """Return the product of the rows of a matrix with the encoder's weight."""
        return self.project(rows.indices, rows.data, rows.indptr[:-1])

    def squared_norms(self, rows: sparse.csr_matrix) -> Tensor:
        """Return the squared norm of each row over the items that have weights."""
        squares = np.where(rows.indices < self.n_trained, np.square(rows.data, dtype=np.float64), 0.0)
        row_of_entry = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
        return torch.from_numpy(np.bincount(row_of_entry, squares, minlength=rows.shape[0]).astype(np.float32))

    def encode(self, projections: Tensor, squared_norms: Tensor) -> Tensor:
        """Return the hidden representation of projected rows."""
        return self.heads.encode(self.module, projections, squared_norms)

    def reach(self, targets: Tensor) -> Tensor:
        """Return what two hops arrive at, given what leads to each item: projections with their squared norm behind."""
        return self.heads.reach(self.module, targets[:, :-1], targets[:, -1])

    def reach_array(self, targets: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what :meth:`reach` does for an array; it is overwritten."""
        return self.heads.reach_array(self.module, targets[:, :-1], targets[:, -1])

    def row_norms(self, transitions: sparse.csr_matrix) -> Tensor:
        """Return the squared norm of each row of transitions (in units) over the columns that have weights."""
        return self.squared_norms(transitions / TRANSITION_UNIT)

    def column_norms(self, transitions: sparse.csr_matrix) -> Tensor:
        """Return the squared norm of each column of transitions (in units) over the rows that have weights."""
        trained = transitions[: self.n_trained]
        squares = np.square(trained.data / TRANSITION_UNIT)
        return torch.from_numpy(np.bincount(trained.indices, squares, minlength=transitions.shape[1])).float()


def project(entries: SparseEntries, weight: Tensor) -> Tensor:
    """Return the product of sparse rows with a matrix of one row per item."""
    return _project(entries.items, entries.values, entries.bounds[:-1], weight)


def _project(
    items: NDArray[np.integer], values: NDArray[np.floating], offsets: NDArray[np.integer], weight: Tensor
) -> Tensor:
    rows = SparseRows(
        torch.from_numpy(items.astype(np.int64, copy=False)),
        torch.from_numpy(values.astype(np.float32, copy=False)),
        torch.from_numpy(offsets.astype(np.int64, copy=False)),
    )
    return rows.project(weight)
