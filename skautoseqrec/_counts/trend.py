"""Decayed popularity in constant time per event: an event changes one number per half-life.

An item's count halves every ``half_life`` events. With ``g`` the decay per event, ``c`` the decayed count and ``t`` the
number of events so far, forgotten ones too, ``level = log c - t log g`` does not change while nothing happens to the
item. The part of the score is ``max(level + t log g, floor)``; row constants do not rank, so scoring works with
``max(level, rising floor)``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .._data.weights import WEIGHT_UNIT

#: Share of all decayed events that an item without any is taken to have, divided by the number of items.
FLOOR_SHARE = 1e-3


@dataclass(frozen=True)
class TrendClock:
    """Levels of every item, one row per half-life, and how they turn into scores.

    Parameters
    ----------
    half_lives : tuple of float
        In events.
    n_items : int
        Number of items that the floor is spread over: those of the last fit.
    """

    half_lives: tuple[float, ...]
    n_items: int

    #: ``log g`` and the lowest log count of each half-life, shape (n_half_lives,).
    log_decays: NDArray[np.float64] = field(init=False, compare=False)
    log_floors: NDArray[np.float64] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        log_decays = -np.log(2) / np.array(self.half_lives, dtype=np.float64)
        object.__setattr__(self, "log_decays", log_decays)
        object.__setattr__(self, "log_floors", np.log(FLOOR_SHARE / (self.n_items * -np.expm1(log_decays))))

    def empty_levels(self, n_items: int) -> NDArray[np.float64]:
        """Return the levels of items without events, shape (n_half_lives, n_items)."""
        return np.full((len(self.half_lives), n_items), -np.inf)

    def add_events(
        self,
        levels: NDArray[np.float64],
        items: NDArray[np.int64],
        arrivals: NDArray[np.int64],
        weights: NDArray[np.int64] | None = None,
    ) -> None:
        """Raise the levels by events in order, in place, given the sequence number of each, and its weight in units."""
        if len(items) == 1:
            raised = log_weights(weights) - (arrivals + 1) * self.log_decays
            levels[:, items[0]] = np.logaddexp(levels[:, items[0]], raised)
            return
        for row, log_decay in enumerate(self.log_decays):
            np.logaddexp.at(levels[row], items, log_weights(weights) - (arrivals + 1) * log_decay)

    def rising_floors(self, n_events: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the level below which an item counts as the floor, by half-life and number of events."""
        return self.log_floors[:, None] - np.multiply.outer(self.log_decays, n_events)


def log_weights(weights: NDArray[np.int64] | None) -> NDArray[np.float64] | float:
    """Return the logarithms of weights in units, minus infinity for none; 0 where all count 1."""
    if weights is None:
        return 0.0
    with np.errstate(divide="ignore"):
        logs: NDArray[np.float64] = np.log(weights / WEIGHT_UNIT)
    return logs
