"""Why a score is what it is: the parts that it adds up from."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import Bunch
from torch import Tensor

from .._data.reading import read_ids
from .filters import Filter
from .scorer import Serving


def explain(serving: Serving, users: Any, items: Any, exclude_seen: bool) -> Bunch:
    """Return what the recommender's ``explain`` does: weighted parts of scores, as they are and centered.

    Parameters
    ----------
    serving : Serving
        State and scorer.
    users, items : list of ids
        Whose scores, and of which known items.
    exclude_seen : bool
        Whether the means are over items that the user has not seen.

    Raises
    ------
    ValueError
        If an item is not known.
    """
    state, scorer = serving
    asked = snapshot, histories = state.asked(users)
    codes = state.item_vocabulary.known_codes(read_ids(items, "items"), "items", snapshot.n_items)
    whole = scorer.parts(scorer.view(asked))
    eligible = torch.zeros(len(histories), snapshot.n_items)
    Filter(exclude_seen).apply(eligible, histories)
    eligible = torch.isfinite(eligible)
    chosen = torch.from_numpy(codes)
    parts = {name: part[:, chosen].numpy() for name, part in whole.items()}
    centered = {name: parts[name] - _row_means(part, eligible) for name, part in whole.items()}
    return Bunch(parts=parts, centered=centered, scores=np.sum(list(parts.values()), axis=0))


def _row_means(part: Tensor, eligible: Tensor) -> NDArray[np.float32]:
    """Return the mean of each row over its eligible items, 0 if it has none, shape (n_rows, 1)."""
    sums = torch.where(eligible, part, 0.0).sum(1, keepdim=True)
    return (sums / eligible.sum(1, keepdim=True).clamp_min(1)).numpy()
