"""The program, and the commands that ask, update and describe a model."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

import click

from .._utils.words import counted
from .._version import __version__
from ..recommender import load_model
from .answers import Titles, answers_of, k_option, reason_for, rows_of
from .comparing import compare_models
from .logs import (
    EXISTING,
    WRITTEN,
    FileForm,
    check_output,
    lines_of,
    log_options,
    of_kind,
    quiet_option,
    read_id,
)
from .printing import json_option, note, print_facts, print_lines, print_rows
from .training import evaluate, fit, sizes

#: Users that are answered at once.
USERS = 1_000
titles_option = click.option("--titles", metavar="FILE", type=EXISTING, help="Table with the titles of items.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="skautoseqrec")
def commands() -> None:
    """Recommend next items, and learn while serving.

    A LOG is a csv, tsv, JSON lines or parquet file of events: user, item and time. Results go to stdout, progress and
    warnings to stderr. The exit code is 0, 1 (the data or the machine), 2 (usage) or 130 (interrupted).
    """


for command in (fit, evaluate, compare_models):
    commands.add_command(command)


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
    known, n_unknown, n_empty = set(recommender.user_ids_.tolist()), 0, 0
    header: tuple[str, ...] | None = ("user", "rank", "item", *(["title"] if named.are_given else []), "score")
    for texts in _batches(users if file is None else lines_of(file), USERS):
        ids = [read_id(text, recommender.user_ids_, "user") for text in texts]
        n_unknown += sum(user not in known for user in ids)
        excluded = None if include_seen is None else not include_seen
        items, scores = recommender.predict_topk(ids, k=k, exclude_seen=excluded, return_scores=True)
        answers = list(answers_of(ids, items, scores, named, known))
        n_empty += sum(not answer["items"] for answer in answers)
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
    if n_empty:
        note(f"Users who have seen or dislike all items, and got nothing: {n_empty}.")


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
    check_output(output or model, log)
    start, version = perf_counter(), _version_of(model)
    recommender, n_events = load_model(model), 0
    asks_for_events = recommender.event_weights is not None
    for piece in form.as_fitted(recommender, asks_for_events).stream(log, asks_for_events):
        recommender.partial_update(of_kind(piece, recommender))
        n_events += len(piece)
        if not quiet:
            note(f"{counted(n_events, 'event')} added")
    if n_events == 0:
        raise ValueError(f"{log!r} has no events.")
    if output is None and _version_of(model) != version:
        raise ValueError(f"{model!r} was replaced meanwhile. It stays as it is now: repeat the update.")
    recommender.save_model(output or model)
    facts = {"model": output or model, "events_added": n_events, **sizes(recommender)}
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


@commands.command()
@click.argument("model", type=EXISTING)
@json_option
def info(model: str, as_json: bool) -> None:
    """Print what MODEL is and knows."""
    recommender = load_model(model)
    facts = {"model": model, "bytes": Path(model).stat().st_size, "objective": recommender.objective}
    facts |= {name: value for name in ("columns", "event_weights") if (value := getattr(recommender, name)) is not None}
    facts |= {name.rstrip("_"): getattr(recommender, name) for name in ("exclude_seen", "ties_", "n_iter_", "blend_")}
    print_facts({**facts, **sizes(recommender)}, as_json=as_json)


def _version_of(path: str) -> tuple[int, int]:
    """Return what changes when a file is replaced."""
    status = Path(path).stat()
    return status.st_ino, status.st_mtime_ns


def _batches(texts: Iterable[str], size: int) -> Iterator[list[str]]:
    texts = iter(texts)
    while batch := list(islice(texts, size)):
        yield batch
