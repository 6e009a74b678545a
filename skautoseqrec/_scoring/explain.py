"""Why a score is what it is: the parts that it adds up from, the past items that spoke for it, and its place."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._data.filters import Filter
from .._state.snapshot import Asked
from .parts import PARTS, Neighbours
from .past_items import ADDED_UP, PastItems, reasons
from .scorer import Scorer, batches
from .topk import leave_out

CANDIDATE, SEEN, EXCLUDED, NOT_ALLOWED = "candidate", "seen", "excluded", "not in candidates"
DISLIKED = "disliked"


class Places(NamedTuple):
    """Where items stand in the lists of users.

    Parameters
    ----------
    status : ndarray of shape (n_users, n_items), object (str)
        Whether each item is a candidate and, if not, why.
    ranks : ndarray of shape (n_users, n_items), int64
        Its place in the list, from 1 on; 0 where it is no candidate.
    n_candidates : ndarray of shape (n_users,)
        Length of the whole list.
    """

    status: NDArray[np.object_]
    ranks: NDArray[np.int64]
    n_candidates: NDArray[np.int64]


class Explanation(NamedTuple):
    """What is to be said of the scores of some items.

    Parameters
    ----------
    parts, centered : dict of str to ndarray of shape (n_users, n_items)
        Weighted parts of the scores, as they are and beside their means over the user's candidates.
    near : list of (items, values)
        For each user the last items, newest first, and what the part neighbours adds for each.
    reasons : list of (items, values)
        For each user the past items, each once, and what the parts that are sums over past items add for each.
    places : Places
        Where the items stand.
    """

    parts: dict[str, NDArray[np.float32]]
    centered: dict[str, NDArray[np.float32]]
    near: list[tuple[NDArray[np.integer], NDArray[np.float32]]]
    reasons: list[tuple[NDArray[np.int64], NDArray[np.float32]]]
    places: Places


def explain(scorer: Scorer, asked: Asked, codes: NDArray[np.int64], eligible: Filter) -> Explanation:
    """Return why some items score what they do for some users, of whom so many are scored at a time.

    Parameters
    ----------
    scorer : Scorer
        The model.
    asked : Asked
        The snapshot, the users' histories, and when it is asked.
    codes : ndarray of shape (n_items,)
        Codes of known items.
    eligible : Filter
        What may be recommended.
    """
    # Each part is an array of its own.
    users = [*batches(len(asked.histories), asked.snapshot.n_items * len(PARTS))] or [slice(0)]
    return _joined([_explain_some(scorer, asked.rows(batch), codes, eligible.rows(batch)) for batch in users])


def _joined(explained: list[Explanation]) -> Explanation:
    """Return the explanations of some users and those of others as one."""
    parts, centered = (
        {name: np.concatenate([of_some[name] for of_some in each]) for name in each[0]}
        for each in ([some.parts for some in explained], [some.centered for some in explained])
    )
    return Explanation(
        parts,
        centered,
        [of_user for some in explained for of_user in some.near],
        [of_user for some in explained for of_user in some.reasons],
        Places(*map(np.concatenate, zip(*(some.places for some in explained), strict=True))),
    )


@torch.inference_mode()
def _explain_some(scorer: Scorer, asked: Asked, codes: NDArray[np.int64], eligible: Filter) -> Explanation:
    """Return what :func:`explain` does for users who fit one batch."""
    view = scorer.gated(scorer.view(asked))
    whole, scores = scorer.parts_and_score(view)
    open_to = torch.zeros(scores.shape, dtype=torch.float32)
    leave_out(open_to, eligible, asked)
    is_open, chosen = torch.isfinite(open_to), torch.from_numpy(codes)
    parts = {name: part.cpu()[:, chosen].numpy() for name, part in whole.items()}
    centered = {name: parts[name] - _row_means(part.cpu(), is_open) for name, part in whole.items()}
    past = PastItems(scorer, asked, view, codes)
    by_part = {name: past.of_part(name) for name in ADDED_UP}
    places = _places(scores.cpu().numpy(), is_open.numpy(), codes, asked, eligible)
    return Explanation(parts, centered, by_part[Neighbours.NAME], reasons([*by_part.values()]), places)


def _places(
    scores: NDArray[np.float32],
    is_open: NDArray[np.bool_],
    codes: NDArray[np.int64],
    asked: Asked,
    eligible: Filter,
) -> Places:
    """Return where items stand among those that are open to each user, equal scores in order of code."""
    # What is no candidate stands behind all that are.
    ranked = np.where(is_open, scores, -np.inf)
    order = np.argsort(-ranked, axis=1, kind="stable")
    ranks = np.empty(order.shape, dtype=np.int64)
    np.put_along_axis(ranks, order, np.arange(1, order.shape[1] + 1)[None], 1)
    status = np.full((len(scores), len(codes)), CANDIDATE, dtype=object)
    nothing, liked = Filter(exclude_seen=False), asked._replace(disliked=None)
    for reason, filtered, by in (  # the last one that applies is the one that is said
        (NOT_ALLOWED, nothing._replace(candidates=eligible.candidates), liked),
        (EXCLUDED, nothing._replace(exclude=eligible.exclude), liked),
        (SEEN, nothing._replace(exclude_seen=eligible.exclude_seen), liked),
        (DISLIKED, nothing, asked),
    ):
        left = torch.zeros(scores.shape, dtype=torch.float32)
        leave_out(left, filtered, by)
        status[np.isneginf(left.numpy())[:, codes]] = reason
    return Places(status, np.where(is_open[:, codes], ranks[:, codes], 0), is_open.sum(1))


def _row_means(part: Tensor, eligible: Tensor) -> NDArray[np.float32]:
    """Return the mean of each row over its eligible items, 0 if it has none, shape (n_rows, 1)."""
    sums = torch.where(eligible, part, 0.0).sum(1, keepdim=True)
    means: NDArray[np.float32] = (sums / eligible.sum(1, keepdim=True).clamp_min(1)).numpy()
    return means
