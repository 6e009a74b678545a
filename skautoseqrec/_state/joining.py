"""Joining runs step by step: there are few of them, however long the overlay is, and no update waits for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .growing import COST_OF_ADDED, Room, bounds_of, room_for
from .runs import PlaceSums, Run
from .steps import Steps, step_size

#: Runs are joined within one in so many of their events: few others come meanwhile.
JOINED_WITHIN = 16


class JoinedSums:
    """The sum of several matrices, formed some places at a time.

    Parameters
    ----------
    sums : sequence of PlaceSums
        What is added up.
    size : int
        A step costs as much as copying about so many entries.
    room : callable
        Makes the arrays.
    """

    def __init__(self, sums: Sequence[PlaceSums], size: int, room: Room) -> None:
        self._sums = sums
        n_entries = sum(len(some.places) for some in sums)
        self._places, self._values = room(n_entries, np.int64), room(n_entries, np.int64)
        self._length = 0
        bounds = bounds_of(sums, size // (2 * COST_OF_ADDED))
        # Where each of the matrices is cut, row after row.
        self._cuts = np.array([some.places.searchsorted(bounds) for some in sums]).reshape(-1, len(bounds))
        #: The parts that :meth:`join` takes one after the other, and behind them the next one.
        self.parts = np.arange(len(bounds))

    def join(self, number: int, _: int) -> None:
        """Add up a part, whose predecessors have been."""
        cuts = self._cuts[:, number : number + 2].tolist()
        part = PlaceSums.joined([some.between(*cut) for some, cut in zip(self._sums, cuts, strict=True)])
        joined = slice(self._length, self._length + len(part.places))
        self._places[joined], self._values[joined] = part
        self._length = joined.stop

    def sums(self) -> PlaceSums:
        """Return what has been added up."""
        return PlaceSums(self._places[: self._length], self._values[: self._length])


class Join:
    """Runs that are about to be one, and the steps that are left to it.

    Parameters
    ----------
    runs : sequence of Run
        Consecutive ones.
    n_added : int
        How many events came with the call that begins it.
    """

    def __init__(self, runs: Sequence[Run], n_added: int) -> None:
        self.runs = runs
        self._n_events, self._n_added = sum(run.n_events for run in runs), 0
        sums = zip(*((run.leaving, run.arriving, run.pairs) for run in runs), strict=True)
        self._sums = [JoinedSums(some, step_size(n_added), room_for(n_added)) for some in sums]
        self._steps = Steps()
        for some in self._sums:
            self._steps.plan(some.join, some.parts)

    def advance(self, n_added: int) -> Run | None:
        """Take the steps that are due once so many more events have been added; return the run if it is done."""
        self._n_added += n_added
        self._steps.advance_to(self._n_added * JOINED_WITHIN / self._n_events)
        return Run(self._n_events, *(some.sums() for some in self._sums)) if self._steps.are_done else None
