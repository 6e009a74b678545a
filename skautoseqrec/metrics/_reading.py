"""Recommended lists and catalogues, as they come and as the metrics of lists need them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._data.checks import shown
from .._data.naming import PAIR, check_columns
from .._data.reading import read_columns, read_ids
from .._data.rows import is_frame


class Lists(NamedTuple):
    """Lists of items, one after the other, without empty places.

    Parameters
    ----------
    items : ndarray of shape (n_places,)
        Item ids.
    rows : ndarray of shape (n_places,)
        Which list each stands in, rising.
    n_lists : int
        Number of lists, empty ones too.
    name : str
        What messages call them.
    """

    items: NDArray[Any]
    rows: NDArray[np.int64]
    n_lists: int
    name: str

    def mean(self, values: NDArray[Any]) -> float:
        """Return the mean over lists of the mean of one value per place; lists without an item are left out."""
        lengths = np.bincount(self.rows, minlength=self.n_lists)
        sums = np.bincount(self.rows, values, minlength=self.n_lists)
        return float((sums[lengths > 0] / lengths[lengths > 0]).mean())

    def are_in(self, others: Lists) -> NDArray[np.bool_]:
        """Return whether each item stands in the list of the same row among others."""
        theirs = set(zip(others.rows.tolist(), others.items.tolist(), strict=True))
        mine = zip(self.rows.tolist(), self.items.tolist(), strict=True)
        return np.fromiter((pair in theirs for pair in mine), dtype=bool, count=len(self.items))

    def padded(self, codes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return one code per place as a matrix with a row per list, -1 behind the last of each; 2 columns or more."""
        lengths = np.bincount(self.rows, minlength=self.n_lists)
        matrix = np.full((self.n_lists, max(2, int(lengths.max()))), -1, dtype=np.int64)
        matrix[self.rows, np.arange(len(codes)) - np.repeat(np.cumsum(lengths) - lengths, lengths)] = codes
        return matrix


class Catalogue(NamedTuple):
    """Items and their numbers of events."""

    code_by_id: dict[Any, int]
    counts: NDArray[np.float64]

    def codes_of(self, lists: Lists, otherwise: str = "is not in the log") -> NDArray[np.int64]:
        """Return the place of each recommended item in the catalogue, or raise ValueError if it is not there."""
        found = map(self.code_by_id.get, lists.items.tolist())
        codes = np.fromiter((-1 if code is None else code for code in found), np.int64, len(lists.items))
        if (codes < 0).any():
            place = int((codes < 0).argmax())
            raise ValueError(
                f"{lists.name} holds {shown(lists.items.tolist()[place])} in row {lists.rows[place]}, which "
                f"{otherwise}. Pass all items that can be recommended, of updates too. The ids '7' and 7 differ."
            )
        return codes


def read_lists(lists: Any, name: str = "recommended", *, may_be_empty: bool = False, one_each: bool = False) -> Lists:
    """Return lists of item ids as they come; masked places and None hold no item.

    Parameters
    ----------
    lists : array-like of shape (n_users, k), masked array or list of lists
        Item ids.
    name : str, default="recommended"
        What messages call them.
    may_be_empty : bool, default=False
        Whether they may hold no item at all.
    one_each : bool, default=False
        Whether they may be one-dimensional: one item for each user.

    Raises
    ------
    ValueError, TypeError
        If they are no lists, hold what is no id, or nothing.
    """
    is_scalar = isinstance(lists, np.ndarray) and lists.ndim == 0
    # A frame would be read column by column.
    is_none = is_scalar or is_frame(lists) or isinstance(lists, str | bytes | Mapping)
    if is_none or not isinstance(lists, Iterable):
        raise TypeError(f"{name} must be lists of item ids, one for each user, not {shown(lists)}.")
    rows = lists.tolist() if hasattr(lists, "tolist") else list(lists)  # masked places become None
    if one_each and not any(isinstance(row, Iterable) and not isinstance(row, str) for row in rows):
        rows = [[item] for item in rows]
    for number, row in enumerate(rows):
        is_one = isinstance(row, str | bytes | Mapping) or (isinstance(row, np.ndarray) and row.ndim == 0)
        if is_one or not isinstance(row, Iterable):
            raise ValueError(f"{name} must hold a list of item ids for each user; row {number} is {shown(row)}.")
    kept = [[item for item in row if item is not None and item is not np.ma.masked] for row in rows]
    lengths = np.fromiter(map(len, kept), np.int64, len(kept))
    if not lengths.any() and not may_be_empty:
        raise ValueError(f"{name} holds no item.")
    items = read_ids([item for row in kept for item in row], name)
    return Lists(items, np.repeat(np.arange(len(kept)), lengths), len(kept), name)


def read_catalogue(log: Any, columns: Mapping[str, str] | None = None) -> Catalogue:
    """Return the items of a log, or of a dict from item ids to numbers of events, with these numbers.

    Raises
    ------
    ValueError, TypeError
        If the log cannot be read, or a number is negative, not finite or no number, or all are 0.
    """
    if not isinstance(log, Mapping):
        items, counted = np.unique(read_columns(log, check_columns(columns), keys=PAIR).item_ids, return_counts=True)
        return Catalogue({key: code for code, key in enumerate(items.tolist())}, counted.astype(np.float64))
    ids = read_ids(list(log), "the popularity").tolist()
    try:
        counts = np.array([float(count) for count in log.values()])
    except (TypeError, ValueError) as error:
        raise TypeError(f"The popularity must be a number of events for each item id ({error}).") from error
    is_wrong = ~(np.isfinite(counts) & (counts >= 0))
    if is_wrong.any():
        place = int(is_wrong.argmax())
        raise ValueError(f"The popularity of {shown(ids[place])} is {counts[place]}: it must be at least 0 and finite.")
    if not counts.any():
        raise ValueError("The popularity holds no item with an event.")
    return Catalogue({key: code for code, key in enumerate(ids)}, counts)
