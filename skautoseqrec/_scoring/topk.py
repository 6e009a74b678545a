"""Scores to the best k, among what may be recommended."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._data.filters import Filter
from .._data.vocabulary import decode_answers
from .._state.snapshot import Asked
from .._utils.devices import beside
from .._utils.torch_state import in_usual_torch_state
from .rounded import find_candidates, is_for_rounding
from .scorer import Scorer, Serving, batches
from .single import is_single, score_single
from .view import View


@in_usual_torch_state
def best_of_each(serving: Serving, user_ids: NDArray[Any], exclude_seen: bool) -> NDArray[Any]:
    """Return the id of the best item of each user; for one who has seen everything, seen items count too.

    A masked array if somebody dislikes all items, and masked there.
    """
    state, scorer = serving
    snapshot = state.snapshot
    codes = state.user_vocabulary.codes_of(user_ids, snapshot.n_users)
    unknown = np.flatnonzero(codes < 0) if snapshot.dislikes else ()
    # An unknown user is like any other, except for dislikes: who has some gets a code behind the known ones.
    disliking: dict[Any, int] = {}
    for row, user in zip(unknown, user_ids[unknown].tolist() if len(unknown) else (), strict=True):
        if snapshot.dislikes.items_of(user):
            codes[row] = disliking.setdefault(user, snapshot.n_users + len(disliking))
    users, first, rows = np.unique(codes, return_index=True, return_inverse=True)
    disliked = state.disliked_by(user_ids[first], snapshot)
    asked = Asked(snapshot, snapshot.histories(users), snapshot.newest, disliked)
    best = top_k(scorer, asked, 1, Filter(exclude_seen))[0][:, 0]
    sated = np.flatnonzero(best < 0)
    best[sated] = top_k(scorer, asked.rows(sated), 1, Filter(exclude_seen=False))[0][:, 0]
    return decode_answers(best[rows], np.zeros(len(rows)), state.item_vocabulary.ids(snapshot.n_items))[0]


def top_k(scorer: Scorer, asked: Asked, k: int, eligible: Filter) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the codes and scores of the best k items of each user.

    Parameters
    ----------
    scorer : Scorer
        The model.
    asked : Asked
        The snapshot to answer from, the users' histories, empty for unknown users, and when it is asked.
    k : int
        How many items; places beyond the eligible ones hold code -1 and score minus infinity.
    eligible : Filter
        What may be recommended.

    Returns
    -------
    codes : ndarray of shape (n_users, k), int64
        Best first; equal scores in order of code.
    scores : ndarray of shape (n_users, k), float32
        Their scores.
    """
    shape, width = (len(asked.histories), k), min(k, asked.snapshot.n_items)
    codes, best_scores = np.empty(shape, dtype=np.int64), np.empty(shape, dtype=np.float32)
    if width < k:
        best_scores[:, width:] = -np.inf
    if is_single(scorer, asked):
        scores = score_single(scorer, asked)
        leave_out_of_one(scores, eligible, asked)
        codes[0, :width], best_scores[0, :width] = best_places(scores, width)
    else:
        _answer_in_batches(scorer, asked, eligible, codes[:, :width], best_scores[:, :width])
    codes[best_scores == -np.inf] = -1
    return codes, best_scores


@torch.inference_mode()
def _answer_in_batches(
    scorer: Scorer, asked: Asked, eligible: Filter, codes: NDArray[np.int64], best_scores: NDArray[np.float32]
) -> None:
    """Write the codes and scores of the best items of each user, in place."""
    for batch in batches(len(codes), asked.snapshot.n_items):
        rows, filtered = asked.rows(batch), eligible.rows(batch)
        codes[batch], best_scores[batch] = _best_of_batch(
            scorer, scorer.view(rows), partial(leave_out, eligible=filtered, asked=rows), codes.shape[1]
        )


def _best_of_batch(
    scorer: Scorer, view: View, leave_out_of: Callable[[Tensor], None], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the codes and scores of the best k items of each row of a view, given what leaves out of scores."""
    if not is_for_rounding(scorer, view, k):
        scores = scorer.score(view)
        leave_out_of(scores)
        return best_columns(scores, k)
    candidates = find_candidates(scorer, view, leave_out_of, k)
    columns, best_scores = best_columns(candidates.scores, k)
    return np.take_along_axis(candidates.items, columns, 1), best_scores


def leave_out(scores: Tensor, eligible: Filter, asked: Asked) -> None:
    """Set the scores of what may not be recommended to minus infinity, in place."""
    if eligible.exclude_seen:
        scores.view(-1).index_fill_(0, beside(scores, asked.histories.places(scores.shape[1])), -torch.inf)
    if asked.disliked is not None:
        scores.view(-1).index_fill_(0, beside(scores, asked.disliked.places(scores.shape[1])), -torch.inf)
    for lists, denies in ((eligible.candidates, False), (eligible.exclude, True)):
        if lists is not None:
            denied = torch.full((len(lists), scores.shape[1]), not denies)
            for row, codes in enumerate(lists):
                denied[row, torch.from_numpy(codes)] = denies
            scores.masked_fill_(denied.to(scores.device), -torch.inf)


def leave_out_of_one(scores: NDArray[np.float32], eligible: Filter, asked: Asked) -> None:
    """Do what :func:`leave_out` does for one row, shape (n_items,)."""
    if eligible.exclude_seen:
        scores[asked.histories.places(len(scores))] = -np.inf
    if asked.disliked is not None:
        scores[asked.disliked.places(len(scores))] = -np.inf
    if eligible.candidates is not None:
        is_allowed = np.zeros(len(scores), dtype=bool)
        is_allowed[eligible.candidates[0]] = True
        scores[~is_allowed] = -np.inf
    if eligible.exclude is not None:
        scores[eligible.exclude[0]] = -np.inf


def best_places(scores: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the k best places of one row, equal scores in order of place: as :func:`best_columns`, in fewer calls."""
    least = np.partition(scores, len(scores) - k)[len(scores) - k]
    places = np.flatnonzero(~(scores < least))  # so that it is k at least, whatever the numbers
    places = places[np.argsort(-scores[places], kind="stable")[:k]]
    return places, scores[places]


def best_columns(scores: Tensor, k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the k best columns of each row, equal scores in order of column."""
    values, columns = (part.cpu().numpy() for part in torch.topk(scores, min(k + 1, scores.shape[1]), dim=1))
    # Any of those that share a score may stand first, or be the one that is not there; the lowest columns must win.
    tied = np.flatnonzero(((values[:, 1:] == values[:, :-1]) & np.isfinite(values[:, 1:])).any(1))
    if len(tied):
        order = torch.sort(scores[beside(scores, tied)].cpu(), dim=1, descending=True, stable=True)
        width = values.shape[1]
        values[tied], columns[tied] = order.values[:, :width].numpy(), order.indices[:, :width].numpy()
    return columns[:, :k], values[:, :k]
