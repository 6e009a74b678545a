"""Codes by id: whole numbers that lie close together by their places, all other ids by their hashes."""

from __future__ import annotations

import copy
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Whole numbers lie close together if there are at most so many places for each, and some more for all.
PLACES_PER_ID, FEWEST_PLACES = 8, 1024
#: So many ids are looked up one by one: each step of numpy has its price.
FEW = 8
SMALLEST, LARGEST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


class HashedCodes:
    """Codes of ids of any kind, in the order in which they came.

    Parameters
    ----------
    ids : ndarray of shape (n_ids,)
        The first ones.
    """

    def __init__(self, ids: NDArray[Any]) -> None:
        self._codes: dict[Any, int] = {key: code for code, key in enumerate(ids.tolist())}

    def __len__(self) -> int:
        """Return the number of ids."""
        return len(self._codes)

    def can_hold(self, ids: NDArray[Any]) -> bool:
        """Tell whether more ids can stand beside the known ones."""
        return True

    def find(self, ids: NDArray[Any]) -> NDArray[np.int64]:
        """Return the code of each id, -1 where it is unknown."""
        return np.fromiter(map(self._codes.get, ids.tolist(), repeat(-1)), np.int64, len(ids))

    def put(self, ids: NDArray[Any]) -> None:
        """Give the next codes to unknown ids, each of which stands there once."""
        n_known = len(self._codes)
        self._codes.update(zip(ids.tolist(), range(n_known, n_known + len(ids)), strict=True))

    def truncate(self, length: int) -> None:
        """Forget the codes from ``length`` on."""
        for key in list(self._codes)[length:]:
            del self._codes[key]

    def copy(self) -> HashedCodes:
        """Return independent codes of the same ids."""
        twin = copy.copy(self)
        twin._codes = self._codes.copy()
        return twin


class PlacedCodes:
    """Codes of whole numbers that lie close together: many are looked up in one step of numpy, wherever they lie.

    It takes a fraction of the memory of hashes, and growing is a copy of it.
    """

    def __init__(self) -> None:
        #: The first number that has a place, and behind its code those of the next ones, each raised by 1: memory that
        #: nobody wrote to holds zeros. One reference, set at once, for readers in other threads.
        self._placed: tuple[int, NDArray[np.int32]] = (0, np.zeros(0, dtype=np.int32))
        self._length, self._first, self._last = 0, LARGEST, SMALLEST

    def __len__(self) -> int:
        """Return the number of ids."""
        return self._length

    def can_hold(self, ids: NDArray[Any]) -> bool:
        """Tell whether more ids can stand beside the known ones, each of them once."""
        if ids.dtype.kind != "i":
            return False
        first, last = self._range_with(ids)
        return last - first < PLACES_PER_ID * (self._length + len(ids)) + FEWEST_PLACES

    def find(self, ids: NDArray[Any]) -> NDArray[np.int64]:
        """Return the code of each id, -1 where it is unknown."""
        if ids.dtype.kind != "i":
            return self._find_others(ids)
        low, codes = self._placed
        if len(ids) <= FEW:
            stop = low + len(codes)
            few = [codes.item(key - low) - 1 if low <= key < stop else -1 for key in ids.tolist()]
            return np.array(few, dtype=np.int64)
        # What lies below the first place wraps around, and is beyond the last one too.
        places = (ids.astype(np.int64, copy=False) - low).view(np.uint64)
        is_inside = places < len(codes)
        if not is_inside.all():
            found = np.full(len(ids), -1, dtype=np.int64)
            found[is_inside] = codes[places[is_inside]]
            found[is_inside] -= 1
            return found
        return codes[places].astype(np.int64) - 1

    def _find_others(self, ids: NDArray[Any]) -> NDArray[np.int64]:
        """Return the code of each id of another dtype, of which some may equal whole numbers."""
        keys = ids.tolist()
        if {*map(type, keys)} == {int} and min(keys) >= SMALLEST and max(keys) <= LARGEST:
            return self.find(np.array(keys, dtype=np.int64))
        is_whole = np.array(list(map(_is_whole, keys)), dtype=bool)
        found = np.full(len(ids), -1, dtype=np.int64)
        found[is_whole] = self.find(ids[is_whole].astype(np.int64))
        return found

    def put(self, ids: NDArray[Any]) -> None:
        """Give the next codes to unknown ids, each of which stands there once, and which it can hold."""
        first, last = self._range_with(ids)
        self._make_room(first, last)
        low, codes = self._placed
        if len(ids) <= FEW:
            for code, key in enumerate(ids.tolist(), self._length + 1):
                codes[key - low] = code
        else:
            codes[ids - low] = np.arange(self._length + 1, self._length + len(ids) + 1)
        self._length, self._first, self._last = self._length + len(ids), first, last

    def _range_with(self, ids: NDArray[Any]) -> tuple[int, int]:
        """Return the first and the last number of the known ids and some others."""
        if len(ids) <= FEW:
            keys = ids.tolist()
            return min((self._first, *keys)), max((self._last, *keys))
        return int(ids.min(initial=self._first)), int(ids.max(initial=self._last))

    def _make_room(self, first: int, last: int) -> None:
        """Have a place for each number from the first to the last, and as many more on the side that grows."""
        low, codes = self._placed
        stop = low + len(codes)
        if last < first or (low <= first and last < stop):
            return
        if not len(codes):
            low = stop = first
        elif first < low:
            first = max(first - len(codes), SMALLEST)
        else:
            last = min(last + len(codes), LARGEST)
        start = min(first, low)
        grown = np.zeros(max(last + 1, stop) - start, dtype=np.int32)
        grown[low - start : stop - start] = codes
        self._placed = start, grown

    def recount(self) -> None:
        """Count the ids: what was put may have held one twice."""
        self._length = int(np.count_nonzero(self._placed[1]))

    def truncate(self, length: int) -> None:
        """Forget the codes from ``length`` on."""
        _, codes = self._placed
        codes[codes > length] = 0
        self._length = min(length, self._length)

    def copy(self) -> PlacedCodes:
        """Return independent codes of the same ids."""
        twin, (low, codes) = copy.copy(self), self._placed
        twin._placed = low, codes.copy()
        return twin


def _is_whole(key: Any) -> bool:
    """Tell whether an id equals a whole number of 64 bits."""
    return isinstance(key, int | float | np.integer | np.floating) and bool(SMALLEST <= key <= LARGEST and key % 1 == 0)


def codes_of(ids: NDArray[Any]) -> HashedCodes | PlacedCodes:
    """Return the codes of ids as they are; it is the shorter one where an id stands among them twice."""
    placed = PlacedCodes()
    if not placed.can_hold(ids):
        return HashedCodes(ids)
    placed.put(ids)
    placed.recount()
    return placed
