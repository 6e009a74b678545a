"""How much a log must hold: accuracy on the same newest events while less and less of it is fitted.

A log is thinned by users, by events or by items; a smaller share is always part of a larger one. All models walk the
same events: those of the smallest share of users, or of items. Of thinned items there are fewer candidates, too, so a
smaller share is an easier question; the row of each share says how many there are.

``--synthetic`` makes logs of known density and noise, for which the best possible MRR is known.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
from common import (
    Accuracy,
    Fold,
    Table,
    draw,
    fold_of,
    make_parser,
    print_header,
    read_logs,
    read_share,
    refuse_beside,
    trained_for,
)

from skautoseqrec import AutoSeqRecRecommender, Interactions
from skautoseqrec.baselines import DecayedPopularityRecommender, MarkovRecommender
from skautoseqrec.datasets import make_interactions
from skautoseqrec.model_selection import temporal_train_test_split
from skautoseqrec.preprocessing import InteractionEncoder

SHARES = (0.05, 0.1, 0.25, 0.5, 1.0)
#: Events of the synthetic logs of 200 users and as many items.
SIZES, NOISES = (1000, 2000, 4000, 8000, 16000), (0.0, 0.3, 0.6)
KINDS = ("users", "events", "items")
MODELS: dict[str, Callable[..., Any]] = {
    "popularity": lambda **_: DecayedPopularityRecommender(300),
    "transitions": lambda **_: MarkovRecommender(5, 0.7),
    "closed form": lambda **_: AutoSeqRecRecommender(objective="closed_form"),
    "default": lambda **changed: AutoSeqRecRecommender(**changed),
}


def main() -> None:
    """Print one table a log and way of thinning, or one of synthetic logs."""
    options = parse_options()
    if options.synthetic:
        study_synthetic(options)
        return
    for ordered in read_logs(options):
        for kind in options.kinds:
            thin(f"{ordered.title}, {options.part} part; thinned by {kind}", ordered.log, kind, options)


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser, several = make_parser(__doc__, seeds=[0], part="test", is_drawn=True), {"nargs": "+"}
    usual = ["popularity", "transitions", "closed form"]
    parser.add_argument("--models", **several, choices=MODELS, default=usual, help="default: all but the default model")
    parser.add_argument("--kinds", **several, choices=KINDS, default=list(KINDS), help="what is thinned; default: all")
    help_of_shares = "shares of the log that are fitted; default: %(default)s"
    parser.add_argument(
        "--shares", **several, type=read_share, default=list(SHARES), metavar="SHARE", help=help_of_shares
    )
    parser.add_argument("--synthetic", action="store_true", help="logs of known density and noise")
    options = parser.parse_args()
    if options.synthetic:
        of_logs = ("data", "worlds", "shuffle_ties", "part", "walked", "kinds", "shares")
        refuse_beside(parser, options, "--synthetic", *of_logs)
    return options


def thin(title: str, log: Interactions, kind: str, options: argparse.Namespace) -> None:
    """Print how well each model does after a fit on each share."""
    print_header(title, options.seeds)
    table = Table(["share", "fitted", "events", "candidates", *options.models], width=8)
    whole = fold_of(log, argparse.Namespace(part=options.part, walked=None))
    curves: dict[str, list[float]] = {name: [] for name in options.models}
    for share in sorted(options.shares):
        fold = thinned(whole, kind, share, min(options.shares), options.walked)
        found = {name: over_models(name, fold, options) for name in options.models}
        for name, value in found.items():
            curves[name].append(value)
        n_candidates = len(np.unique(np.r_[fold.fitted.items, fold.walked.items]))
        table.add(share, f"{len(fold.fitted):,}", f"{len(fold.walked):,}", f"{n_candidates:,}", *found.values())
    draw(options.figure, title, lambda axes: plot(axes, sorted(options.shares), curves, f"share of the {kind} fitted"))


def thinned(fold: Fold, kind: str, share: float, smallest: float, n_walked: int | None) -> Fold:
    """Return a fold of which a share is fitted, and the events that all shares can be asked for."""
    fitted, walked = fold
    rng = np.random.default_rng(0)
    if kind == "events":
        return Fold(fitted[rng.random(len(fitted)) < share], walked[:n_walked])
    column = "users" if kind == "users" else "items"
    draws = rng.random(len(getattr(fitted, f"{column[:-1]}_ids")))
    asked = walked[draws[getattr(walked, column)] < smallest][:n_walked]
    return Fold(fitted[draws[getattr(fitted, column)] < share], asked)


def over_models(name: str, fold: Fold, options: argparse.Namespace) -> float:
    """Return the mean MRR of a model over the seeds."""
    seeds = options.seeds if name == "default" else options.seeds[:1]
    models = (MODELS[name](random_state=seed, **trained_for(options)) for seed in seeds)
    return float(np.mean([Accuracy.of(model.fit(fold.fitted).score_samples(fold.walked)).mrr for model in models]))


def study_synthetic(options: argparse.Namespace) -> None:
    """Print the MRR of each model and the best possible one, for each density and noise."""
    print_header("synthetic worlds of 200 users and 200 items, newest tenth", options.seeds)
    table = Table(["noise", "events", "per item", *options.models, "best possible"], width=8)
    curves: dict[str, list[float]] = {}
    for noise in NOISES:
        for n_events in SIZES:
            size = {"n_users": 200, "n_items": 200, "n_events": n_events, "noise": noise}
            X, oracle = make_interactions(**size, random_state=0, return_oracle=True)
            fold = Fold(*temporal_train_test_split(InteractionEncoder().fit_transform(X), test_size=0.1))
            best = float((1 / oracle.ranks[-len(fold.walked) :]).mean())
            found = {name: over_models(name, fold, options) for name in options.models}
            table.add(noise, n_events, n_events // 200, *found.values(), best)
            for name, value in found.items():
                curves.setdefault(f"{name}, noise {noise}", []).append(value / best)
    draw(options.figure, "share of the best possible MRR", lambda axes: plot(axes, SIZES, curves, "events"))


def plot(axes: Any, places: Any, curves: dict[str, list[float]], label: str) -> None:
    """Draw a curve for each model."""
    for name, values in curves.items():
        axes.plot(places, values, marker="o", label=name)
    axes.set(xscale="log", xlabel=label, ylabel="MRR" if "share" in label else "MRR / best possible", ylim=(0, None))
    axes.legend(fontsize="small")


if __name__ == "__main__":
    main()
