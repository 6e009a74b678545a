"""Between ids and codes at the edge of predict_topk: filters in, answers out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._scoring import Filter
from ._vocabulary import Vocabulary, read_ids


def read_filter(
    exclude_seen: bool, candidates: Any, exclude: Any, items: Vocabulary, n_items: int, n_users: int
) -> Filter:
    """Return the filter that a caller's lists of ids ask for.

    Parameters
    ----------
    exclude_seen : bool
        Leave out what a user has seen.
    candidates, exclude : list of ids, list of such lists, or None
        Allowed and denied items.
    items : Vocabulary
        Ids of the items.
    n_items : int
        How many of them are known.
    n_users : int
        How many lists per-user lists must be.

    Raises
    ------
    ValueError
        If a candidate is not known or the number of lists is wrong.
    """
    allowed = (
        None
        if candidates is None
        else [_known(ids, items, n_items) for ids in _lists(candidates, "candidates", n_users)]
    )
    denied = None
    if exclude is not None:
        denied = [_codes(ids, items, n_items) for ids in _lists(exclude, "exclude", n_users)]
        denied = [codes[codes >= 0] for codes in denied]
    return Filter(exclude_seen, allowed, denied)


def decode_answers(
    codes: NDArray[np.int64], scores: NDArray[np.float32], item_ids: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """Return ids for codes; where a code is -1 both results are masked."""
    missing = codes < 0
    if not missing.any():
        return item_ids[codes], scores
    ids = item_ids[np.where(missing, 0, codes)]
    # No id stands under the mask: whoever looks there must not find a recommendation.
    ids[missing] = None if ids.dtype == object else 0
    return np.ma.MaskedArray(ids, mask=missing), np.ma.MaskedArray(scores, mask=missing)


def _lists(ids: Any, name: str, n_users: int) -> list[NDArray[Any]]:
    """Return one array of ids for all users, or one per user."""
    if hasattr(ids, "__len__") and len(ids) and not isinstance(ids, str):
        first = next(iter(ids))
        if hasattr(first, "__iter__") and not isinstance(first, str):
            if len(ids) != n_users:
                raise ValueError(
                    f"{name} has {len(ids)} lists for {n_users} users; give one list for all, or one per user."
                )
            return [read_ids(row, f"{name}[{position}]") for position, row in enumerate(ids)]
    return [read_ids(ids, name)]


def _codes(ids: NDArray[Any], items: Vocabulary, n_items: int) -> NDArray[np.int64]:
    items.check_kind(ids)
    codes = items.find(ids)
    codes[codes >= n_items] = -1
    return codes


def _known(ids: NDArray[Any], items: Vocabulary, n_items: int) -> NDArray[np.int64]:
    codes = _codes(ids, items, n_items)
    if (codes < 0).any():
        raise ValueError(
            f"candidates holds {ids[int((codes < 0).argmax())]!r}, an item that is not known (no event with it "
            "was fitted or updated)."
        )
    return codes
