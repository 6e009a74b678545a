"""What users dislike: pairs by id, of which no event and no count knows, and as codes of what answers leave out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from math import isqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._counts.events import Events
from .._data.interactions import Columns
from .._data.vocabulary import Vocabulary
from .._utils.ragged import flat_places, ragged_ranges

#: The users of the newest calls stand apart, so many at least: a call copies these, and seldom all.
FEWEST_APART = 64
Items = frozenset[Any]
NOTHING: Items = frozenset()


class DislikedItems(NamedTuple):
    """The disliked items of some rows, by code, each row a range of one array.

    Parameters
    ----------
    items : ndarray of int64
        Codes that the ranges point into.
    starts, ends : ndarray of shape (n_rows,)
        Range of each row.
    """

    items: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def rows(self, rows: slice | NDArray[np.integer]) -> DislikedItems:
        """Return some of the rows."""
        return DislikedItems(self.items, self.starts[rows], self.ends[rows])

    def places(self, n_items: int) -> NDArray[np.int64]:
        """Return where every item stands in a flat array that has ``n_items`` places for each row."""
        lengths = self.ends - self.starts
        return flat_places(lengths, self.items[ragged_ranges(self.starts, lengths)], n_items)

    def holds(self, items: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether each row holds an item, given one for each."""
        lengths = self.ends - self.starts
        rows = np.repeat(np.arange(len(lengths)), lengths)
        is_held = np.zeros(len(lengths), dtype=bool)
        is_held[rows[self.items[ragged_ranges(self.starts, lengths)] == items[rows]]] = True
        return is_held


class Dislikes:
    """Pairs of user and item, by id. They never change: what changes pairs returns others.

    By id, a user or an item may be disliked of before its first event, whatever order calls come in.

    Parameters
    ----------
    settled, recent : dict of id to frozenset of ids, or None
        The items of each user. What a recent entry says goes before a settled one.
    """

    def __init__(self, settled: dict[Any, Items] | None = None, recent: dict[Any, Items] | None = None) -> None:
        self._settled, self._recent = settled or {}, recent or {}

    def __bool__(self) -> bool:
        """Tell whether there may be pairs: without any, answers have nothing to look for."""
        return bool(self._settled or self._recent)

    def items_of(self, user: Any) -> Items:
        """Return the items that a user dislikes."""
        recent = self._recent.get(user)
        return self._settled.get(user, NOTHING) if recent is None else recent

    def changed(self, users: NDArray[Any], items: NDArray[Any], *, withdraw: bool) -> Dislikes:
        """Return these with some pairs or, to withdraw them, without; the very same if that changes nothing."""
        given: dict[Any, set[Any]] = {}
        for user, item in zip(users.tolist(), items.tolist(), strict=True):
            given.setdefault(user, set()).add(item)
        changes = {
            user: self.items_of(user) - some if withdraw else self.items_of(user) | some for user, some in given.items()
        }
        changes = {user: now for user, now in changes.items() if len(now) != len(self.items_of(user))}
        if not changes:
            return self
        recent = {user: now for user, now in (self._recent | changes).items() if now or user in self._settled}
        if len(recent) <= max(FEWEST_APART, isqrt(len(self._settled))):
            return Dislikes(self._settled, recent)
        return Dislikes({user: now for user, now in (self._settled | recent).items() if now})

    def pairs(self) -> list[tuple[Any, Any]]:
        """Return all pairs in order of user and item: the same ones, whatever calls they came in."""
        return sorted((user, item) for user in self._settled | self._recent for item in self.items_of(user))

    def coded(self, users: NDArray[Any], codes_of: Callable[[NDArray[Any]], NDArray[np.int64]]) -> DislikedItems | None:
        """Return what each of some users dislikes, None if none of them dislikes anything.

        Parameters
        ----------
        users : ndarray of shape (n_users,)
            Their ids.
        codes_of : callable
            Returns the codes of ids of items, -1 for those to leave out.
        """
        rows = [self.items_of(user) for user in users.tolist()] if self else []
        bounds = np.cumsum([0, *map(len, rows)])
        if not bounds[-1]:
            return None
        codes = codes_of(id_array(chain.from_iterable(rows), object))
        n_before = np.cumsum(np.r_[0, codes >= 0])[bounds]
        return DislikedItems(codes[codes >= 0], n_before[:-1], n_before[1:])


def id_array(ids: Iterable[Any], dtype: Any) -> NDArray[Any]:
    """Return ids as an array of one dtype."""
    values = list(ids)
    return np.fromiter(values, dtype=dtype, count=len(values))


def disliked_ahead(
    dislikes: Dislikes, columns: Columns, events: Events, items: Vocabulary, n_known: int
) -> DislikedItems | None:
    """Return what the user of each event of a log dislikes, None if nobody does.

    Parameters
    ----------
    dislikes : Dislikes
        The pairs.
    columns : Columns
        The log in time order.
    events : Events
        The same as codes, those of unknown items behind the known ones.
    items : Vocabulary
        Ids of the items.
    n_known : int
        How many of them are known.
    """
    if not dislikes:
        return None
    is_new = events.items >= n_known
    new_codes = dict(zip(columns.item_ids[is_new].tolist(), events.items[is_new].tolist(), strict=True))

    def codes_of(ids: NDArray[Any]) -> NDArray[np.int64]:
        codes = items.find(ids, n_known)
        unknown = codes < 0
        codes[unknown] = [new_codes.get(key, -1) for key in ids[unknown].tolist()]
        return codes

    _, first, rows = np.unique(events.users, return_index=True, return_inverse=True)
    found = dislikes.coded(columns.user_ids[first], codes_of)
    return None if found is None else found.rows(rows)
