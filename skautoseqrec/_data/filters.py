"""Filters: which items may be recommended, from lists of ids to codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .._utils.warn import warn_caller
from .._utils.words import counted
from .checks import shown
from .reading import read_ids
from .rows import is_frame
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
    on_unknown : {"ignore", "warn", "raise"} or None, default=None
        What happens to candidates that are not known; None warns. Unknown items to exclude are never there anyway.
    """

    exclude_seen: bool
    candidates: Any = None
    exclude: Any = None
    on_unknown: str | None = None

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
            If the number of lists is wrong, or a candidate is not known and that is to be an error.
        TypeError
            If candidates or excluded items are no lists of ids.
        """
        allowed = denied = None
        if self.candidates is not None:
            lists = _lists(self.candidates, "candidates", n_users)
            found = [items.codes_of(ids, n_items) for ids in lists]
            handle_unknown(
                lists, found, "candidates", "item_ids_", self.on_unknown or "warn", "Such items are left out."
            )
            allowed = [codes[codes >= 0] for codes in found]
        if self.exclude is not None:
            lists = _lists(self.exclude, "exclude", n_users)
            denied = [codes[codes >= 0] for codes in (items.codes_of(ids, n_items) for ids in lists)]
        return Filter(self.exclude_seen, allowed, denied)


def handle_unknown(
    lists: Sequence[NDArray[Any]],
    codes: Sequence[NDArray[np.int64]],
    name: str,
    known: str,
    on_unknown: str,
    outcome: str,
) -> None:
    """Warn once, or raise ValueError, if ids have no code, as ``on_unknown`` says.

    Parameters
    ----------
    lists : sequence of ndarray
        The ids.
    codes : sequence of ndarray
        Their codes, -1 where they are not known.
    name : str
        The argument that they came in.
    known : str
        The attribute that holds the known ones.
    on_unknown : {"ignore", "warn", "raise"}
        What to do.
    outcome : str
        What becomes of them otherwise.
    """
    n_unknown = 0 if on_unknown == "ignore" else sum(int((each < 0).sum()) for each in codes)
    if not n_unknown:
        return
    first = next(ids[each < 0] for ids, each in zip(lists, codes, strict=True) if (each < 0).any())
    which = shown(first.tolist()[0])
    if on_unknown == "raise":
        raise ValueError(
            f"{name} holds {which}, which is not known: no event with it was fitted or updated. "
            f"Keep those that stand in {known}."
        )
    others = f" and {n_unknown - 1:,} more" if n_unknown > 1 else ""
    are = "are" if n_unknown > 1 else "is"
    warn_caller(
        f"{name} holds {which}{others}, which {are} not known: no event with it was fitted or updated. {outcome} "
        "on_unknown='ignore' is silent, on_unknown='raise' makes it an error."
    )


def _lists(ids: Any, name: str, n_users: int) -> list[NDArray[Any]]:
    """Return one array of ids for all users, or one per user."""
    if isinstance(ids, Mapping):
        raise TypeError(f"{name} must be one list of item ids, or one list per user in their order, not a dict.")
    if isinstance(ids, np.ndarray) and ids.ndim == 0:
        raise TypeError(f"{name} must be one list of item ids, or one list per user, not one value.")
    if sparse.issparse(ids):
        raise TypeError(f"{name} must be one list of item ids, or one list per user, not a sparse matrix.")
    # It would be read column by column.
    if is_frame(ids):
        raise TypeError(f"{name} must be one list of item ids, or one list per user, not a dataframe: pass its column.")
    if hasattr(ids, "__len__") and len(ids) and not isinstance(ids, str):
        first = next(iter(ids))
        if hasattr(first, "__iter__") and not isinstance(first, str):
            if len(ids) != n_users:
                raise ValueError(
                    f"{name} has {counted(len(ids), 'list')} for {counted(n_users, 'user')}; give one list for all, or "
                    "one per user."
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
