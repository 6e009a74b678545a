"""The commands that train a model, and that say how good it is."""

from __future__ import annotations

import signal
import sys
from contextlib import redirect_stdout
from time import perf_counter
from typing import Any

import click
import numpy as np

from ..metrics import mean_reciprocal_rank, ndcg_at_k, ranks_from_reciprocal, recall_at_k
from ..model_selection import temporal_train_test_split
from ..recommender import AutoSeqRecRecommender, load_model
from .answers import k_option
from .logs import (
    EXISTING,
    WRITTEN,
    FileForm,
    check_output,
    judge_option,
    log_options,
    of_kind,
    quiet_option,
    read_kind,
    read_weights,
    seen_option,
    ties_option,
    weights_option,
)
from .printing import json_option, print_facts


@click.command()
@click.argument("log", type=EXISTING)
@click.option("-o", "--output", type=WRITTEN, required=True, help="Where the model goes.")
@click.option("--fast", is_flag=True, help="Train no network: seconds instead of minutes.")
@click.option("--test-size", type=click.FloatRange(0, 1, min_open=True, max_open=True),
              help="Share of the newest events to evaluate on first; they are added afterwards.")  # fmt: skip
@seen_option
@ties_option
@weights_option
@judge_option
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the training.")
@quiet_option
@log_options
@json_option
def fit(
    log: str,
    output: str,
    fast: bool,
    test_size: float | None,
    include_seen: bool,
    ties: str | None,
    event_weights: str | None,
    judge: str | None,
    seed: int,
    quiet: bool,
    form: FileForm,
    as_json: bool,
) -> None:
    """Train a model on LOG, and save it.

    An interrupt saves nothing: an older model stays as it is.
    """
    if judge is not None and test_size is None:
        raise click.UsageError("--judge says what is evaluated: give --test-size, too.")
    check_output(output, log)
    start, events = perf_counter(), form.read(log, events=event_weights is not None or judge is not None)
    recommender = AutoSeqRecRecommender(
        objective="closed_form" if fast else "multinomial",
        exclude_seen=not include_seen,
        ties=ties or "auto",
        columns=form.columns or None,
        event_weights=None if event_weights is None else read_weights(event_weights, events),
        random_state=seed,
        verbose=0 if quiet else 1,
    )
    quality: dict[str, float] = {}
    with redirect_stdout(sys.stderr):  # where the fit prints its progress
        if test_size is None:
            _fit_whole(recommender, events)
        else:
            past, newer = temporal_train_test_split(events, test_size=test_size)
            if judge is not None:  # before the fit, which may take long
                newer.to_columns().judged(read_kind(judge, newer))
            quality = _quality(_fit_whole(recommender, past), newer, k=10, judge=judge)
            recommender.partial_update(newer)
    recommender.save_model(output)
    facts = {"model": output, "events": len(events), **sizes(recommender)}
    print_facts({**facts, **quality, "seconds": round(perf_counter() - start, 3)}, as_json=as_json)


@click.command()
@click.argument("model", type=EXISTING)
@click.argument("log", type=EXISTING)
@k_option
@ties_option
@judge_option
@log_options
@json_option
def evaluate(model: str, log: str, k: int, ties: str | None, judge: str | None, form: FileForm, as_json: bool) -> None:
    """Rank each event of LOG before it is added, and print how well MODEL did.

    LOG has the events after those that the model knows. The model does not change.
    """
    start, recommender = perf_counter(), load_model(model)
    asks_for_events = judge is not None or recommender.event_weights is not None
    events = of_kind(form.as_fitted(recommender, asks_for_events).read(log, asks_for_events), recommender)
    quality = _quality(recommender, events, k, ties, judge)
    print_facts({"events": len(events), **quality, "seconds": round(perf_counter() - start, 3)}, as_json=as_json)


def _fit_whole(recommender: AutoSeqRecRecommender, log: Any) -> AutoSeqRecRecommender:
    """Fit, and let an interrupt end the command: a fit that is interrupted keeps its epochs, and would be saved."""
    received: list[int] = []

    def interrupt(number: int, _: Any) -> None:
        received.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        recommender.fit(log)
    finally:
        signal.signal(signal.SIGINT, before)
    if received:
        raise KeyboardInterrupt
    return recommender


def _quality(
    recommender: AutoSeqRecRecommender, log: Any, k: int, ties: str | None = None, judge: str | None = None
) -> dict[str, float]:
    """Return metrics of a prequential evaluation, of the events of one kind if there is one to judge."""
    kind = None if judge is None else read_kind(judge, log)
    values = recommender.score_samples(log, ties=ties, judge=kind)
    ranks = ranks_from_reciprocal(values[~np.isnan(values)])
    return {
        **({} if judge is None else {"judged": len(ranks)}),
        "mrr": float(mean_reciprocal_rank(ranks)),
        f"recall@{k}": float(recall_at_k(ranks, k)),
        f"ndcg@{k}": float(ndcg_at_k(ranks, k)),
    }


def sizes(recommender: AutoSeqRecRecommender) -> dict[str, int]:
    """Return how many users and items a model knows."""
    return {"users": len(recommender.user_ids_), "items": len(recommender.item_ids_)}
