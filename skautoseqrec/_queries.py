"""From histories to queries: the encoded user and the encoded transitions out of the last items."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

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
    history_rows = SummedRows([decayed], n_items)
    row = model.encode(model.project_entries(decayed), history_rows.squared_norms(model.n_trained))
    projections, transitions = leaving(histories.context(model.settings))
    source_rows = SummedRows(transitions, n_items)
    source = model.encode(projections, source_rows.squared_norms(model.n_trained))
    user = row if model.sequences is None else model.sequences.encode(histories)
    hidden = Hidden(source, user, model.objective.two_hop_queries(row, source))
    return Queries(hidden, history_rows, source_rows)
