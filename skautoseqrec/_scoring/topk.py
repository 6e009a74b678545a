"""Scores to the best k, among what may be recommended."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._counts.histories import Histories
from .._state.state import Snapshot
from .._utils.devices import beside
from .filters import Filter
from .scorer import Scorer, batches, score_users


@torch.inference_mode()
def top_k(
    scorer: Scorer, snapshot: Snapshot, histories: Histories, k: int, allowed: Filter
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the codes and scores of the best k items of each user.

    Parameters
    ----------
    scorer : Scorer
        The model.
    snapshot : Snapshot
        The state to answer from.
    histories : Histories
        The users' histories, empty for unknown users.
    k : int
        How many items; places beyond the eligible ones hold code -1 and score minus infinity.
    allowed : Filter
        What may be recommended.

    Returns
    -------
    codes : ndarray of shape (n_users, k), int64
        Best first; equal scores in order of code.
    scores : ndarray of shape (n_users, k), float32
        Their scores.
    """
    codes = np.full((len(histories), k), -1, dtype=np.int64)
    best_scores = np.full((len(histories), k), -np.inf, dtype=np.float32)
    width = min(k, snapshot.n_items)
    for batch in batches(len(histories), snapshot.n_items):
        scores = score_users(scorer, snapshot, histories.rows(batch))
        allowed.rows(batch).apply(scores, histories.rows(batch))
        codes[batch, :width], best_scores[batch, :width] = _select(scores, width)
    codes[np.isneginf(best_scores)] = -1
    return codes, best_scores


def _select(scores: Tensor, k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the k best columns of each row, equal scores in order of column."""
    values, columns = (part.cpu().numpy() for part in torch.topk(scores, min(k + 1, scores.shape[1]), dim=1))
    # Any of those that share a score may stand first, or be the one that is not there; the lowest columns must win.
    tied = np.flatnonzero(((values[:, 1:] == values[:, :-1]) & np.isfinite(values[:, 1:])).any(1))
    if len(tied):
        order = torch.sort(scores[beside(scores, tied)].cpu(), dim=1, descending=True, stable=True)
        width = values.shape[1]
        values[tied], columns[tied] = order.values[:, :width].numpy(), order.indices[:, :width].numpy()
    return columns[:, :k], values[:, :k]
