"""How much the accuracy depends on the settings: each is changed by itself, the others stay as they come.

The default model is fitted without a refit. ``--published`` fits the published model once per seed instead, and walks
under all blends ``(1 - l1 - l2) collaborative + l1 one_hop + l2 two_hop`` of the same weights: a heat map.
"""

from __future__ import annotations

import argparse
from itertools import product
from typing import Any

import numpy as np
from common import (
    Accuracy,
    Fold,
    Table,
    draw,
    fold_of,
    make_parser,
    over_seeds,
    print_header,
    read_logs,
    refuse_beside,
    trained_for,
)

from skautoseqrec import PAPER_PARAMS, AutoSeqRecRecommender

#: Values of each setting that are tried; the usual one is among them.
VALUES: dict[str, tuple[Any, ...]] = {
    "n_components": (32, 64, 128, 256, 512),
    "transition_window": (1, 2, 3, 5, 10, 20),
    "transition_decay": (0.3, 0.5, 0.7, 0.85, 1.0),
    "history_decay": (0.6, 0.8, 0.9, 0.95, 1.0),
    "dropout": (0.0, 0.1, 0.2, 0.35, 0.5),
}
#: Settings that mean something without a network.
COUNTED = ("transition_window", "transition_decay", "history_decay")
SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def main() -> None:
    """Print one table a log."""
    options = parse_options()
    if options.objective == "closed_form":
        options.seeds = options.seeds[:1]  # nothing is drawn where no network is trained
    for ordered in read_logs(options):
        fold = fold_of(ordered.log, options)
        study = weigh_published if options.published else change_settings
        study(f"{ordered.title}, {options.part} part", fold, options)


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__, seeds=[0, 1, 2], part="valid", is_drawn=True)
    objectives = ("multinomial", "closed_form")
    parser.add_argument("--objective", choices=objectives, default=objectives[0], help="default: %(default)s")
    parser.add_argument("--settings", nargs="+", choices=VALUES, help="default: all that mean something")
    parser.add_argument("--published", action="store_true", help="weigh the parts of the published model")
    options = parser.parse_args()
    if options.published:
        refuse_beside(parser, options, "--published", "objective", "settings")
    learned = set(options.settings or ()) - set(COUNTED)
    if options.objective == "closed_form" and learned:
        parser.error(f"there is no {' or '.join(sorted(learned))} without a network: choose of {', '.join(COUNTED)}.")
    return options


def change_settings(title: str, fold: Fold, options: argparse.Namespace) -> None:
    """Print how well each value of each setting does, and how far it is from the usual one."""
    print_header(f"{title}; objective {options.objective}", options.seeds)
    table = Table(["setting", "MRR", "Recall@10", "spread", "to the usual"])
    names = options.settings or (VALUES if options.objective == "multinomial" else COUNTED)
    usual = AutoSeqRecRecommender().get_params()
    base = fit_all({}, fold, options)
    table.add("as it comes", *base[0], base[1][0], "")
    curves = {}
    for name in names:
        of_name = []
        for value in VALUES[name]:
            mean, spread = base if value == usual[name] else fit_all({name: value}, fold, options)
            of_name.append(mean[0])
            table.add(f"{name}={value}", *mean, spread[0], f"{mean[0] / base[0][0] - 1:+.1%}")
        curves[name] = of_name
    draw(options.figure, title, lambda axes: plot_curves(axes, curves, base[0][0]))


def fit_all(changed: dict[str, Any], fold: Fold, options: argparse.Namespace) -> tuple[Any, Any]:
    """Return mean and spread over seeds of the accuracy with some settings changed."""
    parameters = {"objective": options.objective, "refit": False, **trained_for(options), **changed}

    def measure(seed: int) -> Accuracy:
        recommender = AutoSeqRecRecommender(**parameters, random_state=seed).fit(fold.fitted)
        return Accuracy.of(recommender.score_samples(fold.walked))

    return over_seeds(measure, options.seeds)


def plot_curves(axes: Any, curves: dict[str, list[float]], usual: float) -> None:
    """Draw the change of the MRR over the values of each setting, in their order."""
    for name, values in curves.items():
        places = np.linspace(0, 1, len(values))
        axes.plot(places, 100 * (np.array(values) / usual - 1), marker="o", label=name)
        for place, value, label in zip(places, values, VALUES[name], strict=True):
            axes.annotate(f"{label:g}", (place, 100 * (value / usual - 1)), fontsize="x-small")
    axes.axhline(0, color="grey", linewidth=0.8)
    axes.set(xlabel="value, from the smallest to the largest", ylabel="change of the MRR, %", xticks=[])
    axes.legend(fontsize="small")


def weigh_published(title: str, fold: Fold, options: argparse.Namespace) -> None:
    """Print the MRR of the published model under each blend of its three parts."""
    shares = "MRR by the shares of one_hop (across) and two_hop (down)"
    print_header(f"{title}; the published model, {shares}", options.seeds)
    grid = np.full((len(SHARES), len(SHARES)), np.nan)
    fitted = [
        AutoSeqRecRecommender(**{**PAPER_PARAMS, **trained_for(options)}, random_state=seed).fit(fold.fitted)
        for seed in options.seeds
    ]
    for (row, two_hop), (column, one_hop) in product(enumerate(SHARES), enumerate(SHARES)):
        rest = 1 - one_hop - two_hop
        if rest > -1e-9:
            blend = {"collaborative": max(rest, 0.0), "one_hop": one_hop, "two_hop": two_hop}
            walks = [recommender.with_blend(blend).score_samples(fold.walked) for recommender in fitted]
            grid[row, column] = np.mean(walks)
    table = Table(["two_hop \\ one_hop", *map(str, SHARES)], width=20)
    for two_hop, values in zip(SHARES, grid.tolist(), strict=True):
        table.add(two_hop, *("" if np.isnan(value) else value for value in values))
    row, column = np.unravel_index(np.nanargmax(grid), grid.shape)
    print(f"best: one_hop {SHARES[column]}, two_hop {SHARES[row]}; published: one_hop 0.2, two_hop 0.2")
    draw(options.figure, title, lambda axes: plot_grid(axes, grid))


def plot_grid(axes: Any, grid: Any) -> None:
    """Draw the heat map."""
    image = axes.imshow(grid, origin="lower", cmap="viridis")
    middle = (np.nanmin(grid) + np.nanmax(grid)) / 2
    for (row, column), value in np.ndenumerate(grid):
        if not np.isnan(value):
            color = "white" if value < middle else "black"
            axes.text(column, row, f"{value:.4f}", ha="center", va="center", color=color, fontsize="small")
    places = range(len(SHARES))
    axes.set(xlabel="share of one_hop", ylabel="share of two_hop", xticks=places, yticks=places)
    axes.set_xticklabels(SHARES)
    axes.set_yticklabels(SHARES)
    axes.figure.colorbar(image, ax=axes, label="MRR")


if __name__ == "__main__":
    main()
