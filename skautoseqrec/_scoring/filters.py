"""From lists of item ids to what may be recommended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from .._counts.histories import Histories
from .._data.checks import shown
from .._data.reading import read_ids
from .._data.vocabulary import Vocabulary
from .._utils.devices import beside


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
    allowed = None
    if candidates is not None:
        lists = _lists(candidates, "candidates", n_users)
        allowed = [known_codes(ids, "candidates", items, n_items) for ids in lists]
    denied = None
    if exclude is not None:
        denied = [codes_of(ids, items, n_items) for ids in _lists(exclude, "exclude", n_users)]
        denied = [codes[codes >= 0] for codes in denied]
    return Filter(exclude_seen, allowed, denied)


def _lists(ids: Any, name: str, n_users: int) -> list[NDArray[Any]]:
    """Return one array of ids for all users, or one per user."""
    if isinstance(ids, Mapping):
        raise TypeError(f"{name} must be one list of item ids, or one list per user in their order, not a dict.")
    if isinstance(ids, np.ndarray) and ids.ndim == 0:
        raise TypeError(f"{name} must be one list of item ids, or one list per user, not one value.")
    if sparse.issparse(ids):
        raise TypeError(f"{name} must be one list of item ids, or one list per user, not a sparse matrix.")
    if hasattr(ids, "__len__") and len(ids) and not isinstance(ids, str):
        first = next(iter(ids))
        if hasattr(first, "__iter__") and not isinstance(first, str):
            if len(ids) != n_users:
                raise ValueError(
                    f"{name} has {len(ids)} lists for {n_users} users; give one list for all, or one per user."
                )
            return [read_ids(_unmasked(row), f"{name}[{position}]") for position, row in enumerate(ids)]
    return [read_ids(_unmasked(ids), name)]


def _unmasked(ids: Any) -> Any:
    """Return a list of ids without its masked places: an earlier answer may come back as what to exclude."""
    # Of records every field has a mask of its own; they are no ids anyway, and refused later.
    if not isinstance(ids, np.ma.MaskedArray) or ids.dtype.names is not None:
        return ids
    # Not compressed, which fails at a masked np.matrix.
    return np.asarray(ids.data)[~np.asarray(np.ma.getmaskarray(ids))]


def codes_of(ids: NDArray[Any], items: Vocabulary, n_items: int) -> NDArray[np.int64]:
    items.check_kind(ids)
    return items.find(ids, n_items)


def known_codes(ids: NDArray[Any], name: str, items: Vocabulary, n_items: int) -> NDArray[np.int64]:
    """Return the codes of items that must be known."""
    codes = codes_of(ids, items, n_items)
    if (codes < 0).any():
        raise ValueError(
            f"{name} holds {shown(ids.tolist()[int((codes < 0).argmax())])}, an item that is not known "
            "(no event with it was fitted or updated). Keep those that stand in item_ids_."
        )
    return codes
