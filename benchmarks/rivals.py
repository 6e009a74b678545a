"""Rivals that need settings, and how these are chosen: the ones that rank the newest valid events best."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from baselines import Baseline, OwnRecent
from basket_baselines import TIFUKNN, PersonalTopFrequency
from freegem import FreeGEM
from linear_baselines import LinearAutoencoder, Neighbours

from skautoseqrec import Interactions

__all__ = ["BASKET_RIVALS", "REPEAT_RIVALS", "RIVALS", "choose"]

Settings = dict[str, Any]


class Rival(NamedTuple):
    """A model, what is tried for each of its settings, and at what cost.

    ``n_draws`` is the number of points of the grid that are tried (None: all), ``starts`` are the first of them, and
    ``n_judged`` is the most valid events of a walk.
    """

    model: type[Baseline]
    grid: Mapping[str, Sequence[Any]]
    n_draws: int | None = None
    starts: tuple[Settings, ...] = ()
    n_judged: int = 10_000


DECAYS = (0.3, 0.6, 0.8, 0.9, 1.0)
AUTOENCODER_GRID = {"regularization": (1, 10, 100, 300, 1000, 3000), "decay": DECAYS}
NEIGHBOURS_GRID = {"kind": ("cosine", "tfidf", "bm25"), "decay": DECAYS, "n_neighbours": (100, None)}
REFIT = {"refit_every": (100,)}
FREEGEM_GRID = {
    "decay": (0, 0.5, 1, 3, 10, 30, 100, 400),
    "n_components": (8, 16, 24, 32, 64),
    "refit_distance": (3, 10),
    "short_share": (0.8, 0.9, 0.95, 1.0),
    "n_recent": (1, 2, 3, 5, 8),
    "n_states": (1, 3),
    "alpha": (1, 2, 3, 4, 6),
    "remember_fitted": (True, False),
}
#: Best of about 50 draws each on the valid parts of three logs of different size, pace and number of ties.
FREEGEM_STARTS = tuple(
    dict(zip(FREEGEM_GRID, values, strict=True))
    for values in (
        (400, 8, 3, 1.0, 2, 3, 1, True),
        (0, 24, 10, 0.9, 8, 3, 6, False),
        (100, 64, 10, 0.9, 5, 1, 1, True),
    )
)
TIFUKNN_GRID = {
    "n_neighbours": (30, 100, 300, 900),
    "group_size": (2, 4, 7, 12),
    "basket_decay": (0.6, 0.8, 0.9, 1.0),
    "group_decay": (0.5, 0.7, 0.9, 1.0),
    "own_share": (0.1, 0.3, 0.5, 0.7, 0.9),
}

#: For logs in which people come back.
REPEAT_RIVALS = {"own-recent": Rival(OwnRecent, {"decay": (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0)})}
#: For logs in which they fill baskets.
BASKET_RIVALS = {
    "top-frequency": Rival(PersonalTopFrequency, {}),
    "tifuknn": Rival(TIFUKNN, TIFUKNN_GRID, n_draws=20, n_judged=2000),
}
RIVALS = {
    "ease": Rival(LinearAutoencoder, AUTOENCODER_GRID),
    "ease-100": Rival(LinearAutoencoder, {**AUTOENCODER_GRID, **REFIT}, n_draws=12, n_judged=2000),
    "neighbours": Rival(Neighbours, NEIGHBOURS_GRID),
    "neighbours-100": Rival(Neighbours, {**NEIGHBOURS_GRID, **REFIT}, n_judged=2000),
    "freegem": Rival(FreeGEM, FREEGEM_GRID, n_draws=20, starts=FREEGEM_STARTS, n_judged=2000),
    **REPEAT_RIVALS,
    **BASKET_RIVALS,
}


def choose(
    name: str, fitted: Interactions, walked: Interactions, ties: str, seed: int, *, exclude_seen: bool
) -> Baseline:
    """Return a rival with the best of its settings, and print what was tried.

    Parameters
    ----------
    name : str
        Of the rival.
    fitted, walked : Interactions
        The log before the valid part, and that part. If the part is long its beginning is fitted, too.
    ties : {"row", "together"}
        When tied events see each other.
    seed : int
        Of the draws.
    exclude_seen : bool
        Whether items of the user's history are not eligible.
    """
    rival = RIVALS[name]
    if not rival.grid:
        return rival.model(exclude_seen=exclude_seen)
    fitted, walked = _with_newest(fitted, walked, rival.n_judged)
    tried: list[tuple[float, Settings]] = []
    for settings in _candidates(rival, seed, tried):
        model = rival.model(**settings, exclude_seen=exclude_seen)
        tried.append((model.fit(fitted).score_samples(walked, ties).mean(), settings))
    best = _best(tried)
    print_choice(name, tried, len(walked))
    return rival.model(**best, exclude_seen=exclude_seen)


def print_choice(name: str, tried: list[tuple[float, Settings]], n_judged: int) -> None:
    """Print the grid, how well the worst and the best of what was tried do, and the best."""
    grid = "; ".join(f"{setting} {', '.join(map(str, values))}" for setting, values in RIVALS[name].grid.items())
    worst, best = min(value for value, _ in tried), max(value for value, _ in tried)
    print(f"  {name}: {len(tried)} of the grid {grid}")
    print(f"  have an MRR of {worst:.4f} to {best:.4f} on the newest {n_judged} valid events; best:", end=" ")
    print(", ".join(f"{setting} {value}" for setting, value in _best(tried).items()), flush=True)


def _candidates(rival: Rival, seed: int, tried: list[tuple[float, Settings]]) -> Iterator[Settings]:
    """Yield all of a grid, or as many points as may be drawn.

    Half of these are the starts and points from anywhere, the others the best so far with two settings drawn anew.
    """
    if rival.n_draws is None:
        yield from (dict(zip(rival.grid, values, strict=True)) for values in product(*rival.grid.values()))
        return
    yield from rival.starts
    rng = np.random.default_rng(seed)
    names = list(rival.grid)
    while len(tried) < rival.n_draws:
        is_free = len(tried) < rival.n_draws / 2
        settings = {} if is_free else dict(_best(tried))
        for name in names if is_free else rng.choice(names, 2, replace=False).tolist():
            settings[name] = rival.grid[name][rng.integers(len(rival.grid[name]))]
        if settings not in (earlier for _, earlier in tried):
            yield settings


def _best(tried: list[tuple[float, Settings]]) -> Settings:
    return max(tried, key=lambda value_and_settings: value_and_settings[0])[1]


def _with_newest(fitted: Interactions, walked: Interactions, n_judged: int) -> tuple[Interactions, Interactions]:
    """Move all but the newest events of what is walked to what is fitted."""
    n_moved = max(len(walked) - n_judged, 0)
    moved = walked[:n_moved]
    users, items = (np.concatenate([getattr(part, name) for part in (fitted, moved)]) for name in ("users", "items"))
    times = None if fitted.times is None else np.concatenate([fitted.times, moved.times])
    return Interactions(users, items, times, fitted.user_ids, fitted.item_ids), walked[n_moved:]
