"""How much of what is possible is reached while the world changes: at a known rate, or with known seasons.

Users walk a hidden graph of items, and an oracle that knows the graph as it is at each event says what is possible.

- ``drift``: with every 100 events a share of the items get other successors.
- ``transitions``: two graphs alternate with a period of so many events; all successors change twice a period.
- ``popularity``: successors stay, but one half of the items is nine times as likely in one season, and the other half
  in the other.

The first half of each log is fitted, the rest walked. ``static`` is never told of another event; ``frozen`` is updated
with each and keeps its weights; ``refit`` is fitted anew before each window, and updated in it; ``fading refit``
likewise, with events that count half for each so many events that came after them. A seed is one of the world and of
the model.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from common import Table, at_least, make_parser, over_seeds, print_header, trained_for
from concept_drift import Result, Windows, fit_each, keep_frozen, keep_static, refit
from numpy.typing import NDArray
from synthetic_logs import Graph, alternating_graphs, drifting_graphs, make_changing, seasonal_graphs

from skautoseqrec import AutoSeqRecRecommender, Interactions
from skautoseqrec.preprocessing import InteractionEncoder

SIZE = {"n_users": 400, "n_items": 200, "n_events": 12_000}
#: What changes, and how fast: the share of items for each step, or the events of a period.
CHANGES: dict[str, tuple[Callable[..., Iterator[Graph]], tuple[float, ...]]] = {
    "drift": (drifting_graphs, (0.0, 0.005, 0.01, 0.02, 0.05)),
    "transitions": (alternating_graphs, (400, 1200, 3000, 6000)),
    "popularity": (seasonal_graphs, (400, 1200, 3000, 6000)),
}


def main() -> None:
    """Print one table for each kind of change."""
    options = parse_options()
    for kind in options.kinds:
        make_graphs, paces = CHANGES[kind]
        title = f"changes of {kind}; {options.objective}; best possible MRR, and the share of it that is reached, in %"
        print_header(title, options.seeds)
        table = Table([kind, "best possible", *options.policies], width=14)
        for pace in paces:
            measure = partial(measure_world, partial(make_graphs, pace, SIZE["n_items"]), options)
            (best, *reached), (_, *spreads) = over_seeds(measure, options.seeds)
            shares = (f"{100 * mean:.1f} ± {100 * spread:.1f}" for mean, spread in zip(reached, spreads, strict=True))
            table.add(f"{pace:g}", float(best), *shares)


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser, several = make_parser(__doc__, seeds=[0, 1, 2], reads_logs=False), {"nargs": "+"}
    objectives = ("multinomial", "closed_form")
    parser.add_argument("--objective", choices=objectives, default="closed_form", help="default: %(default)s")
    parser.add_argument("--kinds", **several, choices=CHANGES, default=list(CHANGES), help="what changes; default: all")
    parser.add_argument("--policies", **several, choices=POLICIES, default=list(POLICIES), help="default: all")
    help_of_windows = "number of windows, before each of which is refitted; default: %(default)s"
    parser.add_argument("--windows", type=at_least(1), default=5, metavar="N", help=help_of_windows)
    help_of_half_life = "events after which an event counts half in a fading refit; default: %(default)s"
    parser.add_argument("--half-life", type=at_least(1), default=2000, metavar="N", help=help_of_half_life)
    return parser.parse_args()


def measure_world(make_graphs: Callable[[int], Iterator[Graph]], options: argparse.Namespace, seed: int) -> list[float]:
    """Return the best possible MRR of the second half of a world, and the share of it that each policy reaches."""
    windows, best_ranks = cut(*make_changing(make_graphs(seed), **SIZE, random_state=seed), options.windows)
    best = float((1 / best_ranks).mean())

    def make(**changed: Any) -> AutoSeqRecRecommender:
        usual = {"objective": options.objective, "random_state": seed, **trained_for(options)}
        return AutoSeqRecRecommender(**{**usual, **changed})

    results = (POLICIES[name](make, windows, options.half_life) for name in options.policies)
    return [best, *(float(result.values.mean()) / best for result in results)]


def cut(log: NDArray[np.int64], best_ranks: NDArray[np.float64], n_windows: int) -> tuple[Windows, NDArray[np.float64]]:
    """Return the first half of a log and windows of the second, and the best possible ranks of the second."""
    edges = np.linspace(len(log) // 2, len(log), n_windows + 1).astype(np.int64)
    return Windows(InteractionEncoder().fit_transform(log), edges), best_ranks[edges[0] :]


def refit_fading(make: Callable[..., AutoSeqRecRecommender], windows: Windows, half_life: float) -> Result:
    """Fit anew before each window, old events counting less."""

    def fit(number: int, past: Interactions) -> AutoSeqRecRecommender:
        ages = np.arange(len(past))[::-1]
        return make().fit(past, sample_weight=0.5 ** (ages / half_life))

    return fit_each(fit, windows)


#: What is made of a maker of recommenders, of windows, and of the half-life.
POLICIES: dict[str, Callable[[Callable[..., AutoSeqRecRecommender], Windows, float], Result]] = {
    "static": lambda make, windows, _: keep_static(make, windows),
    "frozen": lambda make, windows, _: keep_frozen(make, windows),
    "refit": lambda make, windows, _: refit(make, windows),
    "fading refit": refit_fading,
}


if __name__ == "__main__":
    main()
