"""Postings lists: where each key stands in a column that grows, so that a row of it is found without a search."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._utils.ragged import are_first, ragged_ranges, stable_order

#: A run is joined with the one before until that is twice as long. Joining sorts, so it ends at so many places.
MOST_JOINED = 2**14
#: A place as it stands in the list of its key. Lists are bytes: Python's collector of garbage looks through any other
#: kind, one by one, which took an update in some ten thousand 40 ms.
PLACE = Struct("=q")


class SortedPlaces(NamedTuple):
    """Places that were appended together, sorted by their keys, and rising for each of them.

    Parameters
    ----------
    keys : ndarray of shape (n_keys,)
        The keys, rising.
    bounds : ndarray of shape (n_keys + 1,)
        Where the places of each begin, and where the last ones end.
    places : ndarray of shape (n_places,)
        The places, key after key.
    """

    keys: NDArray[np.integer]
    bounds: NDArray[np.int64]
    places: NDArray[np.int64]

    @classmethod
    def of(cls, keys: NDArray[np.integer], places: NDArray[np.int64]) -> SortedPlaces:
        """Return a run of rising places, given the key at each."""
        order = stable_order(keys)
        keys = keys[order]
        starts = np.flatnonzero(are_first(keys))
        return cls(keys[starts], np.r_[starts, len(keys)], places[order])

    def followed_by(self, later: SortedPlaces) -> SortedPlaces:
        """Return both runs as one, given one whose places stand behind these."""
        keys = (np.repeat(run.keys, np.diff(run.bounds)) for run in (self, later))
        return SortedPlaces.of(np.concatenate([*keys]), np.concatenate([self.places, later.places]))

    def places_of(self, key: int) -> NDArray[np.int64]:
        """Return the places of one key, in fewer steps than :meth:`rows` takes."""
        found = int(self.keys.searchsorted(key))
        if found == len(self.keys) or self.keys[found] != key:
            return self.places[:0]
        return self.places[self.bounds[found] : self.bounds[found + 1]]

    def rows(
        self, keys: NDArray[np.integer], n_newest: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return how many places each of some keys has, and the places, row after row; only so many of the newest."""
        found = np.searchsorted(self.keys, keys)
        found[found == len(self.keys)] = 0
        ends = self.bounds[found + 1]
        lengths = np.where(self.keys[found] == keys, ends - self.bounds[found], 0)
        if n_newest is not None:
            lengths = np.minimum(lengths, n_newest)
        return lengths, self.places[ragged_ranges(ends - lengths, lengths)]


class Postings:
    """For each key the places where it stands, rising; append-only, so that readers need no lock.

    A reader passes the end of the column that it may see; what is appended later stands behind it. Places that come
    one by one are appended to a list of their key, places that come together are kept in sorted runs: of these there
    are few, because short ones are joined.
    """

    def __init__(self) -> None:
        # One reference, set at once: a reader finds runs and lists that belong together. The lists are newer.
        self._parts: tuple[tuple[SortedPlaces, ...], dict[int, bytearray]] = ((), {})

    def append(self, key: int, place: int) -> None:
        """Append one place of a key."""
        lists = self._parts[1]
        places = lists.get(key)
        if places is None:
            lists[key] = bytearray(PLACE.pack(place))
        else:
            places += PLACE.pack(place)

    def extend(self, keys: NDArray[np.integer], places: NDArray[np.int64]) -> None:
        """Append many places, rising, given the key at each."""
        if len(keys):
            self._append_sorted(SortedPlaces.of(keys, places))

    def settle(self) -> None:
        """Keep as runs what was appended place by place: a list of each key makes an object for each."""
        if self._parts[1]:
            self._append_sorted()

    def _append_sorted(self, *new: SortedPlaces) -> None:
        runs, lists = self._parts
        grown = list(runs)
        if lists:
            listed = np.repeat(np.array([*lists]), [len(places) // PLACE.size for places in lists.values()])
            grown.append(SortedPlaces.of(listed, _read(b"".join(lists.values()))))
        grown.extend(new)
        while len(grown) > 1:
            before, last = (len(run.places) for run in grown[-2:])
            if before >= min(2 * last, MOST_JOINED - last + 1):
                break
            newest = grown.pop()
            grown[-1] = grown[-1].followed_by(newest)
        self._parts = tuple(grown), {}

    def newest(self, key: int, n_places: int) -> list[int]:
        """Return so many of the newest places of a key, or all there are; the newest stands last."""
        runs, lists = self._parts
        places = _read(lists[key][-n_places * PLACE.size :]).tolist() if n_places and key in lists else []
        for run in reversed(runs):
            if len(places) == n_places:
                break
            places = [*run.places_of(key)[len(places) - n_places :].tolist(), *places]
        return places

    def places_of(self, key: int, end: int) -> NDArray[np.int64]:
        """Return the places of one key below an end, in fewer steps than :meth:`rows` takes."""
        runs, lists = self._parts
        parts = [run.places_of(key) for run in runs]
        listed = lists.get(key)
        if listed is not None:
            parts.append(_read(bytes(listed)))  # a copy: a writer may append meanwhile
        places = parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0, dtype=np.int64), *parts])
        return places[: places.searchsorted(end)]

    def rows(self, keys: NDArray[np.integer], end: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the places below an end of some keys.

        Parameters
        ----------
        keys : ndarray of shape (n_rows,)
            The keys asked for, each any number of times.
        end : int
            What the places are below.

        Returns
        -------
        lengths : ndarray of shape (n_rows,)
            How many there are of each key.
        places : ndarray of shape (n_places,)
            The places, row after row.
        """
        runs, lists = self._parts
        parts = [_below(end, *run.rows(keys)) for run in runs]
        if lists or not runs:
            parts.append(_listed(lists, keys, end))
        return parts[0] if len(parts) == 1 else _joined(parts)

    def newest_rows(self, keys: NDArray[np.integer], n_newest: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return what :meth:`rows` does of so many of the newest places of each key: for the writer, who keeps runs."""
        self.settle()
        missing, parts = np.full(len(keys), n_newest), [(np.zeros(len(keys), dtype=np.int64), np.zeros(0, np.int64))]
        for run in reversed(self._parts[0]):
            parts.append(run.rows(keys, missing))
            missing = missing - parts[-1][0]
        return _joined(parts[::-1])


def _read(places: bytes | bytearray) -> NDArray[np.int64]:
    """Return the places of a list, or of lists that follow each other."""
    return np.frombuffer(places, dtype=np.int64)


def _listed(
    lists: dict[int, bytearray], keys: NDArray[np.integer], end: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places below an end that stand in the lists of some keys."""
    found = [bytes(lists.get(key, b"")) for key in keys.tolist()]  # copies: a writer may append meanwhile
    lengths = np.array([*map(len, found)], dtype=np.int64) // PLACE.size
    return _below(end, lengths, _read(b"".join(found)))


def _below(
    end: int, lengths: NDArray[np.int64], places: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows of places without those from an end on."""
    is_below = places < end
    if is_below.all():
        return lengths, places
    rows = np.repeat(np.arange(len(lengths)), lengths)[is_below]
    return np.bincount(rows, minlength=len(lengths)), places[is_below]


def _joined(
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64]]],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows that stand in parts, each part of a row behind the one before."""
    lengths = np.sum([part for part, _ in parts], axis=0)
    starts, joined = np.cumsum(lengths) - lengths, np.empty(lengths.sum(), dtype=np.int64)
    for part, places in parts:
        joined[ragged_ranges(starts, part)] = places
        starts = starts + part
    return lengths, joined
