"""Why a score is what it is: the parts that it adds up from, and the past items that spoke for it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import Bunch
from torch import Tensor

from .._data.filters import Filter
from .._data.reading import read_ids
from .._state.snapshot import Asked
from .._utils.torch_state import in_usual_torch_state
from .parts import Neighbours
from .scorer import Scorer, Serving
from .topk import leave_out


@in_usual_torch_state
def explain(serving: Serving, users: Any, items: Any, exclude_seen: bool, at: Any) -> Bunch:
    """Return what the recommender's ``explain`` does: weighted parts of scores, as they are and centered.

    Parameters
    ----------
    serving : Serving
        State and scorer.
    users, items : list of ids
        Whose scores, and of which known items.
    exclude_seen : bool
        Whether the means are over items that the user has not seen.
    at : time, one for each user, or None
        When it is asked.

    Raises
    ------
    ValueError
        If an item is not known.
    """
    state, scorer = serving
    asked = state.asked(users, at)
    snapshot, histories, _ = asked
    codes = state.item_vocabulary.known_codes(read_ids(items, "items"), "items", snapshot.n_items)
    view = scorer.gated(scorer.view(asked))
    whole = scorer.parts(view)
    eligible = torch.zeros(len(histories), snapshot.n_items, dtype=torch.float32)
    leave_out(eligible, Filter(exclude_seen), histories)
    eligible = torch.isfinite(eligible)
    chosen = torch.from_numpy(codes)
    parts = {name: part[:, chosen].numpy() for name, part in whole.items()}
    centered = {name: parts[name] - _row_means(part, eligible) for name, part in whole.items()}
    past_items, neighbours = _speak_for(scorer, asked, codes, view.factor(Neighbours.NAME))
    item_ids = state.item_vocabulary.ids(snapshot.n_items)
    return Bunch(
        parts=parts,
        centered=centered,
        scores=np.sum(list(parts.values()), axis=0),
        past_items=[item_ids[codes] for codes in past_items],
        neighbours=neighbours,
    )


def _speak_for(
    scorer: Scorer, asked: Asked, codes: NDArray[np.int64], factor: NDArray[np.float32] | None
) -> tuple[list[NDArray[np.integer]], list[NDArray[np.float32]]]:
    """Return the last items of each user, newest first, and what the part neighbours adds for each of them."""
    snapshot, histories, _ = asked
    entries = histories.neighbours(scorer.model.settings)
    if scorer.model.settings.neighbour_window == 0:  # then no pairs are counted
        return [entries.items] * len(histories), [np.zeros((0, len(codes)), np.float32)] * len(histories)
    each = entries._replace(lengths=np.ones(len(entries.items), dtype=np.int64))
    cosines = snapshot.neighbourhood(each, snapshot.popularity()).cosines(None)
    weighted = (cosines[:, torch.from_numpy(codes)] * (Neighbours.SCALE * scorer.blend[Neighbours.NAME])).numpy()
    if factor is not None:
        weighted *= np.repeat(factor, entries.lengths)[:, None]
    rows = [slice(start, stop) for start, stop in pairwise(entries.bounds.tolist())]
    return [entries.items[row][::-1] for row in rows], [weighted[row][::-1] for row in rows]


def _row_means(part: Tensor, eligible: Tensor) -> NDArray[np.float32]:
    """Return the mean of each row over its eligible items, 0 if it has none, shape (n_rows, 1)."""
    sums = torch.where(eligible, part, 0.0).sum(1, keepdim=True)
    return (sums / eligible.sum(1, keepdim=True).clamp_min(1)).numpy()
