"""What is told of a training while it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter


class Progress:
    """Tells of each epoch of a training in a line of its own.

    Parameters
    ----------
    verbose : int
        From 1 on, something is told.
    unit : str
        What the epochs are called.
    """

    def __init__(self, verbose: int, unit: str) -> None:
        self.is_told, self._unit = verbose >= 1, unit
        self._n_epochs, self._start = 0, perf_counter()

    def say(self, losses: Mapping[str, float], quality: str = "") -> None:
        """Tell of one epoch: its losses, how good the weights are by now, and the seconds that it took."""
        self._n_epochs += 1
        now = perf_counter()
        if self.is_told:
            told = ", ".join(f"{part} loss {loss:.5g}" for part, loss in losses.items())
            print(f"{self._unit} {self._n_epochs}: {told}{quality}, {now - self._start:.1f} s", flush=True)
        self._start = now
