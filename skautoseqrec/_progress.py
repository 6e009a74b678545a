"""What is told of a training while it goes on: a line for each epoch, or a bar."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from time import perf_counter
from typing import Any


class Progress:
    """Tells of each epoch of a training.

    Parameters
    ----------
    verbose : int
        0 tells nothing, 1 a line for each epoch, more a bar.
    unit : str
        What the epochs are called.
    n_epochs : int
        How many there are at most.

    Raises
    ------
    ImportError
        If a bar is wanted and tqdm is not installed.
    """

    def __init__(self, verbose: int, unit: str, n_epochs: int) -> None:
        self.is_told, self._unit = verbose >= 1, unit
        self._n_told, self._start = 0, perf_counter()
        self._bar: Any = None
        if verbose >= 2:
            require_bar(verbose)
            from tqdm.auto import tqdm

            self._bar = tqdm(total=n_epochs, desc=unit, unit="epoch")

    def say(self, losses: Mapping[str, float], quality: str = "") -> None:
        """Tell of one epoch: its losses, how good the weights are by now, and the seconds that it took."""
        self._n_told += 1
        now = perf_counter()
        told = ", ".join(f"{part} loss {loss:.5g}" for part, loss in losses.items()) + quality
        if self._bar is not None:
            self._bar.set_postfix_str(told, refresh=False)
            self._bar.update()
        elif self.is_told:
            print(f"{self._unit} {self._n_told}: {told}, {now - self._start:.1f} s", flush=True)
        self._start = now

    def close(self) -> None:
        """Close the bar; fewer epochs than the most may have been enough."""
        if self._bar is not None:
            self._bar.close()


def require_bar(verbose: int) -> None:
    """Raise ImportError if a bar is wanted and there is none."""
    if verbose >= 2 and find_spec("tqdm") is None:
        raise ImportError(f"verbose={verbose} shows a bar of tqdm, which is not installed: pip install tqdm.")
