"""The commands: what each one is given, calls and prints."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import numpy as np

from .._version import __version__
from ..metrics import mean_reciprocal_rank, ndcg_at_k, ranks_from_reciprocal, recall_at_k
from ..model_selection import temporal_train_test_split
from ..recommender import AutoSeqRecRecommender, load_model
from .answers import Titles, answers_of, k_option, reason_for, rows_of
from .comparing import compare_models
from .logs import (
    EXISTING,
    FileForm,
    judge_option,
    lines_of,
    log_options,
    of_kind,
    quiet_option,
    read_id,
    read_kind,
    read_weights,
    seen_option,
    ties_option,
    weights_option,
)
from .printing import json_option, note, print_facts, print_lines, print_rows

#: Users that are answered at once.
USERS = 1_000
WRITTEN = click.Path(dir_okay=False, writable=True)
titles_option = click.option("--titles", metavar="FILE", type=EXISTING, help="Table with the titles of items.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="skautoseqrec")
def commands() -> None:
    """Recommend next items, and learn while serving.

    A LOG is a csv, tsv, JSON lines or parquet file of events: user, item and time. Results go to stdout, progress and
    warnings to stderr. The exit code is 0, 1 (the data or the machine), 2 (usage) or 130 (interrupted).
    """


@commands.command()
@click.argument("log", type=EXISTING)
@click.option("-o", "--output", type=WRITTEN, required=True, help="Where the model goes.")
@click.option("--fast", is_flag=True, help="Train no network: seconds instead of minutes.")
@click.option("--test-size", type=click.FloatRange(0, 1, min_open=True, max_open=True),
              help="Share of the newest events to evaluate on first; they are added afterwards.")  # fmt: skip
@seen_option
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
    start, events = perf_counter(), form.read(log, events=event_weights is not None or judge is not None)
    recommender = AutoSeqRecRecommender(
        objective="closed_form" if fast else "multinomial",
        exclude_seen=not include_seen,
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
    facts = {"model": output, "events": len(events), **_sizes(recommender)}
    print_facts({**facts, **quality, "seconds": round(perf_counter() - start, 3)}, as_json=as_json)


@commands.command()
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


@commands.command()
@click.argument("model", type=EXISTING)
@click.argument("users", nargs=-1)
@click.option("--users", "file", metavar="FILE", help="File with a user in each line; - for stdin.")
@k_option
@click.option("--include-seen/--exclude-seen", default=None, help="Whether to list what a user has seen.")
@titles_option
@json_option
def recommend(
    model: str,
    users: tuple[str, ...],
    file: str | None,
    k: int,
    include_seen: bool | None,
    titles: str | None,
    as_json: bool,
) -> None:
    """List the next items of USERS, best first; one JSON object for each user with --json.

    A user that MODEL does not know gets what is popular.
    """
    if bool(users) == (file is not None):
        raise click.UsageError("Name users, or a file of them with --users FILE: one of the two.")
    recommender, named = load_model(model), Titles(titles)
    known, n_unknown = set(recommender.user_ids_.tolist()), 0
    header: tuple[str, ...] | None = ("user", "rank", "item", *(["title"] if named.are_given else []), "score")
    for texts in _batches(users if file is None else lines_of(file), USERS):
        ids = [read_id(text, recommender.user_ids_, "user") for text in texts]
        n_unknown += sum(user not in known for user in ids)
        excluded = None if include_seen is None else not include_seen
        items, scores = recommender.predict_topk(ids, k=k, exclude_seen=excluded, return_scores=True)
        answers = list(answers_of(ids, items, scores, named, known))
        if as_json:
            print_lines(answers)
        else:
            print_rows(header, (row for answer in answers for row in rows_of(answer)))
        header = None
        sys.stdout.flush()
    if named.are_given and not any(map(named.of, recommender.item_ids_.tolist())):
        note("No item of the model has a title in the file of titles.")
    if n_unknown:
        note(f"Users that are not known, and got what is popular: {n_unknown}.")


@commands.command()
@click.argument("model", type=EXISTING)
@click.argument("log", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("-o", "--output", type=WRITTEN, help="Where the updated model goes; MODEL itself by default.")
@quiet_option
@log_options
@json_option
def update(model: str, log: str, output: str | None, quiet: bool, form: FileForm, as_json: bool) -> None:
    """Add the events of LOG (- for stdin) to MODEL, exactly and without training.

    LOG may have any size: it is read piece by piece, oldest events first. MODEL is replaced in one step once all are
    added; an error or an interrupt leaves it as it was.
    """
    start, version = perf_counter(), _version_of(model)
    recommender, n_events = load_model(model), 0
    asks_for_events = recommender.event_weights is not None
    for piece in form.as_fitted(recommender, asks_for_events).stream(log, asks_for_events):
        recommender.partial_update(of_kind(piece, recommender))
        n_events += len(piece)
        if not quiet:
            note(f"{n_events:,} events added")
    if n_events == 0:
        raise ValueError(f"{log!r} has no events.")
    if output is None and _version_of(model) != version:
        raise ValueError(f"{model!r} was replaced meanwhile. It stays as it is now: repeat the update.")
    recommender.save_model(output or model)
    facts = {"model": output or model, "events_added": n_events, **_sizes(recommender)}
    print_facts({**facts, "seconds": round(perf_counter() - start, 3)}, as_json=as_json)


@commands.command()
@click.argument("model", type=EXISTING)
@click.argument("user")
@click.argument("items", nargs=-1, required=True)
@titles_option
@click.option("--parts", is_flag=True, help="Print what the scores are made of, in numbers.")
@json_option
def explain(model: str, user: str, items: tuple[str, ...], titles: str | None, parts: bool, as_json: bool) -> None:
    """Say why ITEMS are recommended to USER, or why they are not.

    In numbers, a part counts by how far it is above its mean over all candidates. Past items are those whose neighbours
    the items are.
    """
    recommender, named = load_model(model), Titles(titles)
    ids = [read_id(item, recommender.item_ids_, "item") for item in items]
    told = recommender.explain([read_id(user, recommender.user_ids_, "user")], ids, titles=named.by_id(recommender))
    reasons = [reason_for(told, place, item, named) for place, item in enumerate(ids)]
    if as_json:
        print_lines(reasons)
        return
    if not parts:
        print_rows(("item", "title", "sentence"), ((row["item"], row["title"], row["sentence"]) for row in reasons))
        return
    rows: list[tuple[Any, ...]] = []
    for reason in reasons:
        of_item = (reason["item"], reason["title"])
        rows += [(*of_item, "part", part, "", value) for part, value in reason["parts"].items() if value]
        rows += [(*of_item, "past item", past, named.of(past), value) for past, value in reason["past_items"].items()]
    print_rows(("item", "title", "kind", "name", "name's title", "value"), rows)


commands.add_command(compare_models)


@commands.command()
@click.argument("model", type=EXISTING)
@json_option
def info(model: str, as_json: bool) -> None:
    """Print what MODEL is and knows."""
    recommender = load_model(model)
    facts = {"model": model, "bytes": Path(model).stat().st_size, "objective": recommender.objective}
    facts |= {name: value for name in ("columns", "event_weights") if (value := getattr(recommender, name)) is not None}
    facts |= {name.rstrip("_"): getattr(recommender, name) for name in ("exclude_seen", "ties_", "n_iter_", "blend_")}
    print_facts({**facts, **_sizes(recommender)}, as_json=as_json)


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


def _sizes(recommender: AutoSeqRecRecommender) -> dict[str, int]:
    return {"users": len(recommender.user_ids_), "items": len(recommender.item_ids_)}


def _version_of(path: str) -> tuple[int, int]:
    """Return what changes when a file is replaced."""
    status = Path(path).stat()
    return status.st_ino, status.st_mtime_ns


def _batches(texts: Iterable[str], size: int) -> Iterator[list[str]]:
    texts = iter(texts)
    while batch := list(islice(texts, size)):
        yield batch
