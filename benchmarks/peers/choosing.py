"""Which settings of a rival are tried within a budget."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod

import numpy as np

from .registry import Rival, Settings

__all__ = ["Tried", "best_of", "candidates"]

#: The MRR on the valid part, and the settings.
Tried = list[tuple[float, Settings]]


def candidates(rival: Rival, n_settings: int, seed: int, tried: Tried) -> Iterator[Settings]:
    """Yield the whole grid if the budget is large enough, else as many points of it.

    Of these, the starts come first. Until half of the budget is spent, the others are from anywhere; then they are the
    best so far with two settings drawn anew. The caller puts what it has tried into ``tried``.

    Parameters
    ----------
    rival : Rival
        Whose grid it is.
    n_settings : int
        The budget.
    seed : int
        Of the draws.
    tried : list of (float, dict)
        What has been tried since the first point.
    """
    n_points = prod(map(len, rival.grid.values()))
    if n_points <= n_settings:
        yield from (dict(zip(rival.grid, values, strict=True)) for values in product(*rival.grid.values()))
        return
    yield from rival.starts[:n_settings]
    rng = np.random.default_rng(seed)
    names = list(rival.grid)
    while len(tried) < n_settings:
        is_free = len(tried) < n_settings / 2
        settings = {} if is_free else dict(best_of(tried))
        for name in names if is_free else rng.choice(names, min(2, len(names)), replace=False).tolist():
            settings[name] = rival.grid[name][rng.integers(len(rival.grid[name]))]
        if settings not in (earlier for _, earlier in tried):
            yield settings


def best_of(tried: Tried) -> Settings:
    """Return the settings that rank the valid part best."""
    return max(tried, key=lambda value_and_settings: value_and_settings[0])[1]
