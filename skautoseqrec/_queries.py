"""From histories to queries: the encoded user and the encoded transitions out of the last items."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ._counts.histories import Histories
from ._network.heads import Hidden
from ._network.model import Model
from ._summed_rows import SummedRows
from ._utils.ragged import Entries

#: Histories are looked through for repeats, side by side, where none of them is longer than this.
LONGEST_SORTED = 256


class Queries(NamedTuple):
    """What is known of the users to be answered, one row each."""

    hidden: Hidden
    history_rows: Entries  # (n_rows, n_items), decayed, entries that share an item standing apart
    source_rows: SummedRows  # (n_rows, n_items), what followed the last items

    def to(self, device: torch.device) -> Queries:
        """Return the same with its vectors on another device."""
        return self._replace(hidden=self.hidden.to(device))


#: For weighted items, a row of them per query: what leaves them, projected, and their transitions.
Leaving = Callable[[Entries], tuple[Tensor, list[Entries]]]


def form_queries(model: Model, histories: Histories, leaving: Leaving, n_items: int) -> Queries:
    """Return the queries of some histories.

    Parameters
    ----------
    model : Model
        Weights and settings.
    histories : Histories
        The users' histories.
    leaving : callable
        Looks up what leaves the last items of each history.
    n_items : int
        Number of known items.

    Returns
    -------
    queries : Queries
        One row per history.
    """
    decayed = histories.decayed(model.settings)
    row = model.encode(model.project_entries(decayed), history_norms(model, histories, decayed, n_items))
    projections, transitions = leaving(histories.context(model.settings))
    source_rows = SummedRows(transitions, n_items)
    source = model.encode(projections, source_rows.squared_norms(model.n_trained))
    user = row if model.sequences is None else model.sequences.encode(histories)
    hidden = Hidden(source, user, model.objective.two_hop_queries(row, source))
    return Queries(hidden, decayed, source_rows)


def history_norms(model: Model, histories: Histories, decayed: Entries, n_items: int) -> Tensor:
    """Return the squared norm of each decayed history over the items that have weights.

    It follows from the length of a history without repeats; only the others have to be added up.
    """
    longest, n_trained = int(decayed.lengths.max(initial=0)), model.n_trained
    if longest > LONGEST_SORTED:
        return SummedRows([decayed], n_items).squared_norms(n_trained)
    items = np.sort(histories.newest_items(longest, nothing=-1), 1)
    is_plain = ((items[:, 1:] != items[:, :-1]) | (items[:, 1:] < 0)).all(1)
    is_plain &= items.max(1, initial=-1) < n_trained
    norms_by_length = np.zeros(longest + 1)
    np.cumsum(model.settings.history_decay ** (2.0 * np.arange(longest)), out=norms_by_length[1:])
    norms = torch.from_numpy(norms_by_length[decayed.lengths].astype(np.float32))
    others = np.flatnonzero(~is_plain)
    if len(others):
        rows = histories.rows(others).decayed(model.settings)
        norms[torch.from_numpy(others)] = SummedRows([rows], n_items).squared_norms(n_trained)
    return norms
