"""Filters: which items may be recommended, from lists of ids to codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .reading import read_ids
from .vocabulary import Vocabulary


class Filter(NamedTuple):
    """Which items may be recommended to a batch of users, by code.

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


class Restriction(NamedTuple):
    """What a caller says of the items that may be recommended.

    Parameters
    ----------
    exclude_seen : bool
        Leave out what a user has seen.
    candidates, exclude : list of ids, list of such lists, or None
        Allowed and denied items, for all users or per user.
    """

    exclude_seen: bool
    candidates: Any = None
    exclude: Any = None

    def read(self, items: Vocabulary, n_items: int, n_users: int) -> Filter:
        """Return the filter that the ids ask for.

        Parameters
        ----------
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
        TypeError
            If candidates or excluded items are no lists of ids.
        """
        allowed = denied = None
        if self.candidates is not None:
            lists = _lists(self.candidates, "candidates", n_users)
            allowed = [items.known_codes(ids, "candidates", n_items) for ids in lists]
        if self.exclude is not None:
            found = (items.codes_of(ids, n_items) for ids in _lists(self.exclude, "exclude", n_users))
            denied = [codes[codes >= 0] for codes in found]
        return Filter(self.exclude_seen, allowed, denied)


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
