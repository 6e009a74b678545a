"""From histories to queries: the encoded user and the encoded transitions out of the last items."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ._histories import Histories
from ._model import Model
from ._objective import Hidden
from ._ragged import Entries
from ._summed_rows import SummedRows


class Queries(NamedTuple):
    """What is known of the users to be answered, one row each."""

    hidden: Hidden
    history_rows: SummedRows  # (n_rows, n_items), decayed
    source_rows: SummedRows  # (n_rows, n_items), what followed the last items


#: For rows of a batch, one item each and its weight: what leaves the item, projected, and its weighted transitions.
Leaving = Callable[[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]], tuple[Tensor, list[Entries]]]


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
    decayed = histories.decayed(model.settings)
    history_rows = SummedRows([decayed], len(histories), n_items)
    row = model.encode(model.project_runs(decayed), history_rows.squared_norms(model.n_trained))
    last = histories.context(model.settings)
    rows = np.repeat(last.rows, last.lengths)
    projected, transitions = leaving(rows, last.items.astype(np.int64, copy=False), last.values)
    projections = torch.zeros_like(row)
    projections.index_add_(0, torch.from_numpy(rows), projected * torch.from_numpy(last.values)[:, None])
    source_rows = SummedRows(transitions, len(histories), n_items)
    source = model.encode(projections, source_rows.squared_norms(model.n_trained))
    user = row
    if model.module.history is not None:
        user = model.module.encode_sequences(histories.in_sequence(model.n_trained), model.module.encoder_weight)
    hidden = Hidden(user, source, model.objective.two_hop_queries(row, source))
    return Queries(hidden, history_rows, source_rows)
