"""Scores to the best k, among what may be recommended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ._counts.histories import Histories
from ._scoring import Scorer, rows_per_block, score_users
from ._state.state import Snapshot
from ._utils.devices import beside


class Filter(NamedTuple):
    """Which items may be recommended to a batch of users, beside those that they have not seen.

    Parameters
    ----------
    exclude_seen : bool
        Leave out what a user has seen.
    candidates, exclude : list of ndarray, or None
        Allowed and denied item codes: one array for all users, or one per user.
    """

    exclude_seen: bool
    candidates: list[NDArray[np.int64]] | None = None
    exclude: list[NDArray[np.int64]] | None = None

    def rows(self, batch: slice) -> Filter:
        """Return the filter of some of the users."""
        candidates, exclude = (
            codes if codes is None or len(codes) == 1 else codes[batch] for codes in (self.candidates, self.exclude)
        )
        return Filter(self.exclude_seen, candidates, exclude)

    def apply(self, scores: Tensor, histories: Histories) -> None:
        """Set the scores of what may not be recommended to minus infinity, in place."""
        if self.exclude_seen:
            scores.view(-1).index_fill_(0, beside(scores, histories.places(scores.shape[1])), -torch.inf)
        for lists, denies in ((self.candidates, False), (self.exclude, True)):
            if lists is not None:
                denied = torch.full((len(lists), scores.shape[1]), not denies)
                for row, codes in enumerate(lists):
                    denied[row, torch.from_numpy(codes)] = denies
                scores.masked_fill_(denied.to(scores.device), -torch.inf)


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


def batches(n_rows: int, n_items: int) -> Iterator[slice]:
    """Yield slices of rows to score at a time."""
    size = rows_per_block(n_items)
    for start in range(0, n_rows, size):
        yield slice(start, start + size)


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
