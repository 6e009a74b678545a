"""The command that compares models: which ones, and the table of what they reach."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import click
import narwhals as nw
from sklearn.base import BaseEstimator

from .._data.interactions import Interactions
from ..baselines import (
    DecayedPopularityRecommender,
    EASERecommender,
    ItemKNNRecommender,
    MarkovRecommender,
    PopularityRecommender,
    RandomRecommender,
)
from ..model_selection import TemporalSplit, compare
from ..recommender import AutoSeqRecRecommender
from .answers import k_option
from .logs import (
    EXISTING,
    FileForm,
    judge_option,
    log_options,
    quiet_option,
    read_kind,
    read_weights,
    seen_option,
    ties_option,
    weights_option,
)
from .printing import json_option, print_lines, print_rows

#: What may be compared, by name; the recommender "full" with a network, and "fast" without one.
MODELS: dict[str, Callable[..., BaseEstimator]] = {
    "popularity": PopularityRecommender,
    "decayed-popularity": DecayedPopularityRecommender,
    "markov": MarkovRecommender,
    "item-knn": ItemKNNRecommender,
    "ease": EASERecommender,
    "random": RandomRecommender,
    "fast": partial(AutoSeqRecRecommender, objective="closed_form", verbose=0),
    "full": partial(AutoSeqRecRecommender, verbose=0),
}
#: The usual ones take seconds; differences are to the first.
USUAL = ("popularity", "decayed-popularity", "markov", "item-knn", "fast")


@click.command(name="compare")
@click.argument("log", type=EXISTING)
@click.option("-m", "--model", "chosen", type=click.Choice([*MODELS]), multiple=True,
              help=f"What is compared; differences are to the first.  [default: {', '.join(USUAL)}]")  # fmt: skip
@click.option("--folds", type=click.IntRange(1), default=1, show_default=True, help="Number of test parts in time.")
@click.option("--test-size", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.1, show_default=True,
              help="Share of the log in each test part.")  # fmt: skip
@k_option
@ties_option
@seen_option
@weights_option
@judge_option
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of trainings and of the intervals.")
@quiet_option
@log_options
@json_option
def compare_models(
    log: str,
    chosen: tuple[str, ...],
    folds: int,
    test_size: float,
    k: int,
    ties: str | None,
    include_seen: bool,
    event_weights: str | None,
    judge: str | None,
    seed: int,
    quiet: bool,
    form: FileForm,
    as_json: bool,
) -> None:
    """Compare models on the newest events of LOG, with 95 % intervals.

    Each is fitted on the events before, and ranks each newer one before it is added. Nothing is saved.
    """
    events = form.read(log, events=event_weights is not None or judge is not None)
    weights = None if event_weights is None else read_weights(event_weights, events)
    models = {
        name: _make(name, seed, exclude_seen=not include_seen, event_weights=weights)
        for name in dict.fromkeys(chosen or _usual(events, quiet))
    }
    compared = compare(
        models,
        events,
        cv=TemporalSplit(folds, test_size=test_size),
        metrics=("mrr", f"recall@{k}", f"ndcg@{k}"),
        ties=ties,
        judge=None if judge is None else read_kind(judge, events),
        random_state=seed,
        verbose=0 if quiet else 1,
    )
    records = _records(compared.table)
    if as_json:
        print_lines(records)
        return
    print_rows(list(records[0]), (["" if value is None else value for value in row.values()] for row in records))


def _usual(events: Interactions, quiet: bool) -> list[str]:
    """Return the models that are compared where none are chosen: those that count what events weigh, if they do."""
    are_alike = events.weights is None or bool((events.weights == 1).all())
    left_out = [] if are_alike else [name for name in USUAL if not getattr(MODELS[name](), "_counts_weights", True)]
    if left_out and not quiet:
        print(f"Left out, for they count all events alike: {', '.join(left_out)}.", file=sys.stderr)
    return [name for name in USUAL if name not in left_out]


def _make(name: str, seed: int, **given: Any) -> BaseEstimator:
    """Return a model with those of some parameters that it has, whose chance follows the seed."""
    model, wanted = MODELS[name](), {**given, "random_state": seed}
    return model.set_params(**{key: value for key, value in wanted.items() if hasattr(model, key)})


def _records(table: Any) -> list[dict[str, Any]]:
    """Return a table of results, which is a list where no pandas is installed, as dicts; None is no number."""
    rows = table if isinstance(table, list) else nw.from_native(table, eager_only=True).rows(named=True)
    return [{name: None if value != value else value for name, value in row.items()} for row in rows]
