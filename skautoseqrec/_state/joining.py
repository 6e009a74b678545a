"""Joining runs step by step: there are few of them, however long the overlay is, and no update waits for it."""

from __future__ import annotations

from collections.abc import Sequence

from .growing import JoinedSums
from .runs import Run
from .steps import Steps, step_size

#: Runs are joined within one in so many of their events: few others come meanwhile.
JOINED_WITHIN = 16


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
        self._sums = [JoinedSums(some, step_size(n_added)) for some in sums]
        self._steps = Steps()
        for some in self._sums:
            self._steps.plan(some.join, some.bounds)

    def advance(self, n_added: int) -> Run | None:
        """Take the steps that are due once so many more events have been added; return the run if it is done."""
        self._n_added += n_added
        self._steps.advance_to(self._n_added * JOINED_WITHIN / self._n_events)
        return Run(self._n_events, *(some.sums() for some in self._sums)) if self._steps.are_done else None
