"""What the events since the base completed: the older ones summed in runs, the newest ones each by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._utils.ragged import SparseEntries
from .runs import Run
from .tail import Tail

#: So many of the newest events are summed at once; readers add up fewer of them one by one.
SMALLEST_RUN = 512
#: A run is joined at once with the one before until that is twice as long. It copies, so it ends at so many events.
MOST_JOINED = 1024
#: So many runs of about one size, or shorter ones, are joined step by step; a size is as many times the one before.
MOST_OF_A_SIZE = 16


class Additions(NamedTuple):
    """What was completed, in runs and a tail. Everything but the tail never changes, and the tail only grows.

    A reader passes the number of events that it may see; those of the runs are among them.

    Parameters
    ----------
    runs : tuple of Run
        The older events, oldest first.
    tail : Tail
        The others.
    n_merging : int, default=0
        How many of the runs are being merged into the base: no later one is joined with these.
    """

    runs: tuple[Run, ...]
    tail: Tail
    n_merging: int = 0

    @property
    def n_summed(self) -> int:
        """Number of events in runs."""
        return sum(run.n_events for run in self.runs)

    def settled(self) -> Additions:
        """Return the same with the events of the tail in a run, if there are enough of them, or with runs joined.

        It does one of both: no update has to wait for both.
        """
        if len(self.tail) >= SMALLEST_RUN:
            return self._summed()
        joined = self._joined()
        return self if len(joined.runs) == len(self.runs) else joined

    def are_few(self, n_events: int) -> bool:
        """Tell whether so many more events are few enough to be appended to the tail."""
        return len(self.tail) + n_events < SMALLEST_RUN

    def with_run(self, run: Run) -> Additions:
        """Return the same with a run of events that come behind the tail, which becomes a run too."""
        return self._summed(run)._joined()

    def _summed(self, *newer: Run) -> Additions:
        """Return the same with all events in runs, some newer ones behind them."""
        if not len(self.tail):  # what is added to it later, readers of today do not read
            return self._replace(runs=(*self.runs, *newer))
        return Additions((*self.runs, self.tail.summed(), *newer), Tail(self.tail.kept), self.n_merging)

    def _joined(self) -> Additions:
        """Return the same with the newest runs joined."""
        runs = self.runs[self.n_merging :]
        if not runs:
            return self
        n_kept, n_joined = len(runs) - 1, runs[-1].n_events
        while n_kept and runs[n_kept - 1].n_events < min(2 * n_joined, MOST_JOINED - n_joined + 1):
            n_kept -= 1
            n_joined += runs[n_kept].n_events
        return self._replace(runs=(*self.runs[: self.n_merging + n_kept], Run.joined(runs[n_kept:])))

    def crowded(self) -> tuple[Run, ...]:
        """Return the newest runs if many of them are of about one size, or none: not what may still be joined at once.

        Shorter ones among them are no reason to join, but come along: else those of one size would not stand together.
        """
        n_events = [run.n_events for run in self.runs[self.n_merging :]]
        while n_events and 2 * n_events[-1] <= MOST_JOINED:
            n_events.pop()
        size = max(1, MOST_JOINED // 2)
        stop, n_runs, most = self.n_merging + len(n_events), 0, max(n_events, default=0)
        while size <= most:
            smallest, size = size, size * MOST_OF_A_SIZE
            while n_runs < len(n_events) and n_events[-1 - n_runs] < size:
                n_runs += 1
            if sum(smallest <= n for n in n_events[len(n_events) - n_runs :]) >= MOST_OF_A_SIZE:
                return self.runs[stop - n_runs : stop]
        return ()

    def with_joined(self, runs: Sequence[Run], joined: Run) -> Additions:
        """Return the same with a run in place of some, or as it is if these have been joined or merged otherwise."""
        ours = self.runs
        for first in range(self.n_merging, len(ours) - len(runs) + 1):
            if all(mine is theirs for mine, theirs in zip(ours[first:], runs, strict=False)):
                return self._replace(runs=(*ours[:first], joined, *ours[first + len(runs) :]))
        return self

    def merging(self) -> Additions:
        """Return the same with all events in runs, which are to be merged into the base."""
        summed = self._summed()
        return summed._replace(n_merging=len(summed.runs))

    def merged(self) -> Additions:
        """Return what came behind the runs that were being merged."""
        return Additions(self.runs[self.n_merging :], self.tail)

    def transitions_from(self, items: NDArray[np.integer], n_events: int) -> list[SparseEntries]:
        """Return transitions from some items, in units: of each run, and of the tail, one row per item."""
        rows = [run.leaving.rows(items) for run in self.runs]
        n_newest = n_events - self.n_summed
        return [*rows, self.tail.transitions_from(items, n_newest)] if n_newest or not rows else rows

    def transitions_into(self, items: NDArray[np.integer], n_events: int) -> list[SparseEntries]:
        """Return transitions into some items, in units, in the same way."""
        rows = [run.arriving.rows(items) for run in self.runs]
        n_newest = n_events - self.n_summed
        return [*rows, self.tail.transitions_into(items, n_newest)] if n_newest or not rows else rows

    def pairs_with(self, items: NDArray[np.integer], n_events: int) -> list[SparseEntries]:
        """Return pairs with some items, in units, in the same way."""
        rows = [run.pairs.rows(items) for run in self.runs]
        n_newest = n_events - self.n_summed
        return [*rows, *self.tail.pairs_with(items, n_newest)] if n_newest or not rows else rows
