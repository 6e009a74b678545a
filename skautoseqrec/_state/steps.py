"""Work that is done in steps, a few with each update, so that no update has to wait for all of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

#: A step costs as much as copying about so many entries of a sparse matrix. It is the larger the more events come at
#: once, up to so many times: whoever adds many waits for many steps anyway, and each has a price of its own.
STEP_SIZE, LARGEST_STEP = 2**13, 8


def step_size(n_added: int) -> int:
    """Return how large the steps are that begin with a call of so many events."""
    return STEP_SIZE * min(n_added, LARGEST_STEP)


class Steps:
    """Steps that are planned, of about one cost each, and taken in their order."""

    def __init__(self) -> None:
        # A step is taken by asking for what it returns: thousands are planned, and few of them taken at a time.
        self._kinds: deque[Iterator[object]] = deque()
        self._n_taken = self._n_left = 0

    @property
    def are_done(self) -> bool:
        """Whether no steps are left."""
        return not self._n_left

    def plan(self, step: Callable[[int, int], object], bounds: NDArray[np.int64]) -> None:
        """Let a step be taken from each of some bounds to the next one."""
        listed = bounds.tolist()
        self._kinds.append(map(step, listed[:-1], listed[1:]))
        self._n_left += len(listed) - 1

    def advance_to(self, share: float) -> None:
        """Take steps until such a share of those that are planned is taken."""
        while self._n_left and self._n_taken < share * (self._n_taken + self._n_left):
            if next(self._kinds[0], self) is self:
                self._kinds.popleft()
                continue
            self._n_taken, self._n_left = self._n_taken + 1, self._n_left - 1
