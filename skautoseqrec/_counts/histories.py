"""Histories as ranges of one array, and what each is turned into: a decayed row, the newest items, the last items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._data.weights import WEIGHT_UNIT
from .._utils.ragged import SparseEntries, flat_places, ragged_ranges
from .events import Events
from .moments import Moments
from .settings import SequenceSettings


class Context(NamedTuple):
    """The last items of some histories, oldest first, as hops start from them.

    Parameters
    ----------
    entries : SparseEntries
        One row of items per history, fading by the age of their moments, whose items share its weight.
    ages : ndarray of shape (n_entries,)
        How many moments each is older than the newest.
    shares : ndarray of shape (n_entries,)
        What part of its moment each item is.
    """

    entries: SparseEntries
    ages: NDArray[np.int64]
    shares: NDArray[np.float32]


@dataclass(frozen=True)
class Histories:
    """Some histories as ranges of one array of items, each oldest first.

    Parameters
    ----------
    items : ndarray of int64
        Items that the ranges point into.
    starts, ends : ndarray of shape (n_rows,)
        Range of each history; empty for a user without events.
    moments : Moments or None, default=None
        The moments of ``items``; None if every event is one by itself.
    seconds : ndarray or None, default=None
        Time of each of ``items`` as a number, NaN where it has none; None where no event has one.
    weights : ndarray of int64 or None, default=None
        What each of ``items`` counts, in units; None where all count 1.
    """

    items: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    moments: Moments | None = None
    seconds: NDArray[np.float64] | None = None
    weights: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """Return the number of histories."""
        return len(self.starts)

    @classmethod
    def of_lengths(
        cls,
        items: NDArray[np.int64],
        lengths: NDArray[np.int64],
        moments: Moments | None = None,
        seconds: NDArray[np.float64] | None = None,
        weights: NDArray[np.int64] | None = None,
    ) -> Histories:
        """Return histories that stand one after the other."""
        ends = np.cumsum(lengths)
        return cls(items, ends - lengths, ends, moments, seconds, weights)

    def rows(self, rows: slice | NDArray[np.integer]) -> Histories:
        """Return some of the histories."""
        return Histories(self.items, self.starts[rows], self.ends[rows], self.moments, self.seconds, self.weights)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of events of each history."""
        return self.ends - self.starts

    def places(self, n_items: int) -> NDArray[np.int64]:
        """Return where every event stands in a flat array that has ``n_items`` places for each history."""
        if len(self) == 1:
            return self.items[self.starts[0] : self.ends[0]]
        lengths = self.lengths
        return flat_places(lengths, self.items[ragged_ranges(self.starts, lengths)], n_items)

    def events(self, users: NDArray[np.int64], n_users: int, n_items: int) -> Events:
        """Return the events of all histories, given whose each is, and how many users and items are known."""
        lengths = self.lengths
        places = ragged_ranges(self.starts, lengths)
        seconds = None if self.seconds is None else self.seconds[places]
        return Events(users.repeat(lengths), self.items[places], n_users, n_items, seconds=seconds)

    def decayed(self, settings: SequenceSettings) -> SparseEntries:
        """Return the users' rows: the k-th newest moment weighs ``history_decay**(k - 1)``, repeats add up.

        An event counts as much as it weighs.
        """
        lengths = self._newest_moments(settings.history_length)
        return self._weighed(self._fading(lengths, settings.history_decay)[0])

    def counted(self) -> SparseEntries:
        """Return the users' rows as they are: every event counts 1, or what it weighs."""
        return self._weighed(self.met())

    def met(self) -> SparseEntries:
        """Return all that the users have met: every event counts 1, whatever it weighs."""
        return self._fading(self.lengths, 1.0)[0]

    def newest_weights(self, length: int) -> NDArray[np.float32] | None:
        """Return what each of :meth:`newest_items` counts, 0 where there is no item; None where all count 1."""
        if self.weights is None:
            return None
        lengths = np.minimum(self.lengths, length)
        ages = np.arange(lengths.max(initial=0))
        is_item = ages < lengths[:, None]
        weights = np.zeros(is_item.shape, dtype=np.float32)
        weights[is_item] = self.weights[(self.ends[:, None] - 1 - ages)[is_item]] / WEIGHT_UNIT
        return weights

    def newest_items(self, length: int, nothing: int) -> NDArray[np.int64]:
        """Return the newest items of each history, whatever their moments, newest first; ``nothing`` fills up behind.

        Parameters
        ----------
        length : int
            How many at most.
        nothing : int
            What stands where there is no item.
        """
        lengths = np.minimum(self.lengths, length)
        ages = np.arange(lengths.max(initial=0))
        places = self.ends[:, None] - 1 - ages
        is_item = ages < lengths[:, None]
        if is_item.all():
            return self.items[places]
        items = np.full(places.shape, nothing)
        items[is_item] = self.items[places[is_item]]
        return items

    def context(self, settings: SequenceSettings) -> Context:
        """Return the last items that hops start from, the c-th moment of each row weighing ``context_decay**(c - 1)``.

        Its items share that weight.
        """
        lengths = self._whole_moments(settings.context_size)
        entries, ages = self._fading(lengths, settings.context_decay)
        if self.moments is None:
            return Context(entries, ages, np.ones(len(ages), dtype=np.float32))
        shares = _shares(lengths, ages)
        return Context(entries._replace(values=entries.values * shares), ages, shares)

    def recent(self, settings: SequenceSettings, length: int) -> SparseEntries:
        """Return the newest items of the users' rows, so many at most, rounded up to whole moments."""
        lengths = np.minimum(self._whole_moments(length), self._newest_moments(settings.history_length))
        return self._weighed(self._fading(lengths, settings.history_decay)[0])

    def neighbours(self, settings: SequenceSettings) -> SparseEntries:
        """Return the last items whose neighbours are scored, the k-th moment weighing ``neighbour_decay**(k - 1)``.

        Its items share that weight.
        """
        lengths = self._whole_moments(settings.neighbour_window)
        entries, ages = self._fading(lengths, settings.neighbour_decay)
        return entries if self.moments is None else entries._replace(values=entries.values * _shares(lengths, ages))

    def newest_moments(self) -> SparseEntries:
        """Return the items of the newest moment of each history, each with its part of it."""
        lengths = self._whole_moments(1)
        entries, ages = self._fading(lengths, 1.0)
        return entries if self.moments is None else entries._replace(values=_shares(lengths, ages))

    def last_times(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the times of the newest moment of each history and of the one before it, NaN where there is none."""
        times = np.full((2, len(self)), np.nan)
        if self.seconds is not None:
            newest = self._whole_moments(1)
            for row, is_there, places in (
                (0, newest > 0, self.ends - 1),
                (1, newest < self.lengths, self.ends - newest - 1),
            ):
                times[row, is_there] = self.seconds[places[is_there]]
        return times[0], times[1]

    def _whole_moments(self, n_events: int) -> NDArray[np.int64]:
        """Return the number of events in the newest moments that hold so many events, of each history."""
        lengths = np.minimum(self.lengths, n_events)
        if self.moments is None:
            return lengths
        some = lengths > 0
        return self._since(some, self.moments.begin((self.ends - lengths)[some]))

    def _newest_moments(self, n_moments: int | None) -> NDArray[np.int64]:
        """Return the number of events in so many of the newest moments of each history; None: in all."""
        if n_moments is None:
            return self.lengths
        if self.moments is None:
            return np.minimum(self.lengths, n_moments)
        some = self.lengths > 0
        oldest = self.moments.numbers[self.ends[some] - 1] - n_moments + 1
        return self._since(some, self.moments.starts[np.maximum(oldest, 0)])

    def _since(self, some: NDArray[np.bool_], begin: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of events since a place, for some of the histories; 0 for the others."""
        lengths = np.zeros(len(self), dtype=np.int64)
        lengths[some] = self.ends[some] - np.maximum(self.starts[some], begin)
        return lengths

    def _weighed(self, entries: SparseEntries) -> SparseEntries:
        """Return the newest items of each history, so many as entries has, each times what its event counts."""
        if self.weights is None:
            return entries
        weights = self.weights[ragged_ranges(self.ends - entries.lengths, entries.lengths)] / WEIGHT_UNIT
        return entries._replace(values=entries.values * weights.astype(np.float32))

    def _fading(self, lengths: NDArray[np.int64], decay: float) -> tuple[SparseEntries, NDArray[np.int64]]:
        """Return so many of the newest items of each history, oldest first, fading by their ages, and the ages."""
        places = ragged_ranges(self.ends - lengths, lengths)
        newest = np.repeat(self.ends - 1, lengths)
        ages = newest - places if self.moments is None else self.moments.numbers[newest] - self.moments.numbers[places]
        weights = (decay ** np.arange(lengths.max(initial=0))).astype(np.float32)
        return SparseEntries(lengths, self.items[places], weights[ages]), ages


def _shares(lengths: NDArray[np.int64], ages: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return what part of its moment each entry is, given the lengths of the rows and the ages of their moments."""
    rows = np.repeat(np.arange(len(lengths)), lengths)
    begins = np.r_[True, (np.diff(rows) != 0) | (np.diff(ages) != 0)][: len(ages)]
    moments = np.cumsum(begins) - 1
    return (1 / np.bincount(moments)[moments]).astype(np.float32) if len(ages) else np.zeros(0, dtype=np.float32)
