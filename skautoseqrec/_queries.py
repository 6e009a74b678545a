"""From histories to queries: the encoded user and the encoded transitions out of the last items."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from ._histories import Histories
from ._model import Model
from ._objective import Hidden


class Queries(NamedTuple):
    """What is known of the users to be answered, one row each."""

    hidden: Hidden
    history_rows: sparse.csr_matrix  # (n_rows, n_items), decayed
    source_rows: sparse.csr_matrix  # (n_rows, n_items), what followed the last items


#: For rows of a batch and one item each: what leaves the item, projected, and its row of transitions (not in units).
Leaving = Callable[[NDArray[np.int64], NDArray[np.int64]], tuple[Tensor, sparse.csr_matrix]]


def form_queries(model: Model, histories: Histories, leaving: Leaving, n_items: int) -> Queries:
    """Return the queries of some histories.

    Parameters
    ----------
    model : Model
        Weights and settings.
    histories : Histories
        The users' histories.
    leaving : callable
        Looks up what leaves some items, as of each row.
    n_items : int
        Number of known items.

    Returns
    -------
    queries : Queries
        One row per history.
    """
    history_rows = histories.decayed(model.settings, n_items)
    row = model.encode(model.project_rows(history_rows), model.squared_norms(history_rows))
    projections = torch.zeros_like(row)
    source_rows = sparse.csr_matrix((len(histories), n_items))
    for rows, items, weight in histories.context(model.settings):
        projected, transitions = leaving(rows, items)
        projections[torch.from_numpy(rows)] += projected * weight
        source_rows = source_rows + weight * spread_rows(transitions, rows, len(histories))
    source = model.encode(projections, model.squared_norms(source_rows))
    user = row
    if model.module.history is not None:
        user = model.module.encode_sequences(histories.in_sequence(model.n_trained), model.module.encoder_weight)
    hidden = Hidden(user, source, model.objective.two_hop_queries(row, source))
    return Queries(hidden, history_rows, source_rows)


def spread_rows(matrix: sparse.csr_matrix, rows: NDArray[np.int64], n_rows: int) -> sparse.csr_matrix:
    """Return a taller matrix whose chosen rows are those of a matrix and whose others are empty."""
    lengths = np.zeros(n_rows + 1, dtype=np.int64)
    lengths[rows + 1] = np.diff(matrix.indptr)
    return sparse.csr_matrix((matrix.data, matrix.indices, np.cumsum(lengths)), shape=(n_rows, matrix.shape[1]))
