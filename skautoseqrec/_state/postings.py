"""Postings lists: where each key stands in a column that grows, so that a row of it is found without a search."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


class Postings:
    """For each key the places where it stands, rising; append-only, so that readers need no lock.

    A reader passes the end of the column that it may see; what is appended later stands behind it.
    """

    def __init__(self) -> None:
        self._places: dict[int, array[int]] = {}

    def append(self, key: int, place: int) -> None:
        """Append one place of a key."""
        places = self._places.get(key)
        if places is None:
            self._places[key] = array("q", (place,))
        else:
            places.append(place)

    def extend(self, keys: NDArray[np.integer], places: NDArray[np.int64]) -> None:
        """Append many places, rising, given the key at each."""
        order = np.argsort(keys, kind="stable")
        keys, packed = keys[order], memoryview(places[order].tobytes())
        bounds = np.r_[np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]][: len(keys)]), len(keys)]
        firsts, spans = keys[bounds[:-1]].tolist(), pairwise((bounds * places.itemsize).tolist())
        for key, (start, stop) in zip(firsts, spans, strict=True):
            self._places.setdefault(key, array("q")).frombytes(packed[start:stop])

    def newest(self, key: int, n_places: int) -> list[int]:
        """Return so many of the newest places of a key, or all there are; the newest stands last."""
        places = self._places.get(key)
        return [] if places is None else places[-n_places:].tolist() if n_places else []

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
        lengths, found = [], array("q")
        for key in keys.tolist():
            places = self._places.get(key)
            if places is None:
                lengths.append(0)
                continue
            stop = bisect_left(places, end)
            found += places[:stop]  # a copy: a writer may append meanwhile
            lengths.append(stop)
        return np.array(lengths, dtype=np.int64), np.frombuffer(found, dtype=np.int64)
