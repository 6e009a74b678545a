"""One history by itself, and what is looked up for it: ranges of plain arrays, oldest item first."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._counts.settings import SequenceSettings
from .._data.weights import WEIGHT_UNIT
from .._state.base import logs_of
from .._state.last_transitions import AddedTransitions
from .._state.snapshot import Asked
from .._utils.ragged import SparseEntries


class LastRows(NamedTuple):
    """The rows of T of the last items of a history.

    Parameters
    ----------
    items : ndarray of shape (n_last,)
        The last items, oldest first.
    known : SparseEntries
        The row of each in the base, empty for an item that it does not know.
    logs : ndarray of shape (n_entries,)
        ``log1p(5 T)`` of each of these entries.
    added : AddedTransitions
        What was added to each row since.
    """

    items: NDArray[np.int64]
    known: SparseEntries
    logs: NDArray[np.float32]
    added: AddedTransitions


class OneHistory:
    """A history, oldest item first.

    Parameters
    ----------
    asked : Asked
        The question, whose only history it is.
    settings : SequenceSettings
        How many of its items are read.
    """

    def __init__(self, asked: Asked, settings: SequenceSettings) -> None:
        self._histories, self._snapshot, self._settings = asked.histories, asked.snapshot, settings
        start, self._end = int(self._histories.starts[0]), int(self._histories.ends[0])
        self.items = self._histories.items[start : self._end]
        units = self._histories.weights
        #: What each of the items counts; None if all count 1.
        self.weights: NDArray[np.float32] | None = None
        if units is not None:
            self.weights = (units[start : self._end] / WEIGHT_UNIT).astype(np.float32)

    def last_times(self) -> tuple[float, float]:
        """Return the times of the last two events, NaN where there is none."""
        seconds = self._histories.seconds
        if seconds is None:
            return np.nan, np.nan
        return float(seconds[self._end - 1]), float(seconds[self._end - 2]) if len(self.items) > 1 else np.nan

    def fading(self, length: int | None, decay: float) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return so many of the newest items, or all, and weights that rise to 1."""
        if length is None:
            return self.items, np.ones(len(self.items), dtype=np.float32)
        items = self.items[-length:] if length else self.items[:0]
        return items, rising_weights(length, decay)[length - len(items) :]

    def decayed(self, length: int | None, decay: float) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return what :meth:`fading` does, each weight times what its event counts."""
        items, rising = self.fading(length, decay)
        return items, rising if self.weights is None else rising * self.weights[len(self.items) - len(items) :]

    @cached_property
    def last_rows(self) -> LastRows:
        """The rows of T of the last items."""
        items, base = self.items[-self._settings.context_size :], self._snapshot.base
        transitions, n_known = base.transitions, base.counts.n_items
        bounds = [
            (start, end) if item < n_known else (0, 0)
            for item, start, end in zip(
                items.tolist(),
                transitions.indptr.take(items, mode="clip").tolist(),
                transitions.indptr.take(items + 1, mode="clip").tolist(),
                strict=True,
            )
        ]
        rows = [slice(*row) for row in bounds]
        targets, values, logs = (
            np.concatenate([column[row] for row in rows])
            for column in (transitions.indices, transitions.data, base.transition_logs.data)
        )
        lengths = np.array([end - start for start, end in bounds])
        return LastRows(items, SparseEntries(lengths, targets, values), logs, self._snapshot.added_transitions(items))

    @cached_property
    def raised_logs(self) -> SparseEntries:
        """By how much what was added raises ``log1p(5 T)``, a row for each of the last items."""
        (_, known, _, added), n_items = self.last_rows, self._snapshot.n_items
        places, asked = known.places(n_items), added.rows.places(n_items)
        found = places.searchsorted(asked)  # both rise
        found[found == len(places)] = 0
        before = np.zeros(len(asked), dtype=np.float32)
        if len(places):
            is_there = places[found] == asked
            before[is_there] = known.values[found[is_there]]
        raised = logs_of(before + added.rows.values) - logs_of(before)
        return added.rows._replace(values=raised)


@lru_cache(maxsize=16)
def rising_weights(length: int, decay: float) -> NDArray[np.float32]:
    """Return ``decay**age`` for so many ages, the oldest first."""
    weights: NDArray[np.float32] = (decay ** np.arange(length)).astype(np.float32)[::-1].copy()
    weights.flags.writeable = False
    return weights
