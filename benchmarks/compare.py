"""Every rival beside the recommender on the same events: accuracy with intervals, differences, time and memory.

A log is split in time. Settings, and the epochs of what is trained, are chosen on the newest events of the ninth tenth
after a fit on all before them. The test figures are of the last tenth, walked forward after a fit on all before it.
Every model and setting runs in a process of its own, whose figures are kept in a folder: a table can be made over days,
and is printed again at once. ``--cached`` runs nothing and prints what is there, however many settings were tried.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from peers.choosing import Tried, candidates
from peers.folds import read_log, valid_and_test
from peers.measuring import OURS, Record, code_version, log_version, measure, recorded
from peers.registry import BASKET_RIVALS, REPEAT_RIVALS, RIVALS, Settings

from skautoseqrec.metrics import bootstrap_interval, ranks_from_reciprocal

MODELS = [*OURS, *RIVALS]
METRICS = ("MRR", "Recall@10", "NDCG@10")


class Cost(NamedTuple):
    """A figure of a record, in the unit of its title, once for all or for each event."""

    name: str
    factor: float
    is_per_event: bool = False


COSTS = {
    "fit, s": Cost("fit_seconds", 1),
    "walk, s / 1,000": Cost("walk_seconds", 1e3, is_per_event=True),
    "one answer, us": Cost("answer_seconds", 1e6),
    "one event, us": Cost("event_seconds", 1e6),
}


class Row(NamedTuple):
    """The test figures of a model, and those of all settings that were tried on the valid part."""

    model: str
    record: Record
    tried: list[Record]


def main() -> int:
    """Print one table a log and row order; return 1 if a model failed."""
    options = parse_options()
    failed = False
    print(f"{date.today()}: python {shlex.join(sys.argv)}")
    for path in options.data:
        for shuffle in options.shuffle_ties or [None]:
            rows, failures = [], []
            for model in options.models:
                try:
                    rows += measure_model(model, path, shuffle, options)
                except RuntimeError as error:
                    failures.append(f"{error}")
            print_table(rows, path, shuffle, options)
            print(*failures, sep="\n")
            failed = failed or bool(failures)
    return int(failed)


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", type=Path, required=True, metavar="FILE")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS, metavar="MODEL", help=", ".join(MODELS))
    parser.add_argument("--shuffle-ties", nargs="+", type=int, metavar="SEED", help="shuffle tied rows; default: no")
    parser.add_argument("--ties", choices=("row", "together"), default="row", help="when tied events see each other")
    parser.add_argument("--seen-eligible", action="store_true", help="rank among items that the user has seen, too")
    parser.add_argument("--tests", type=int, metavar="N", help="walk over the first N test events only")
    parser.add_argument("--judged", type=int, default=2000, metavar="N", help="judge settings on so many valid events")
    parser.add_argument("--settings", type=int, default=20, metavar="N", help="settings tried for each rival")
    parser.add_argument("--patience", type=int, default=4, metavar="N", help="epochs that may be no better")
    parser.add_argument("--train-seconds", type=float, default=600, metavar="S", help="CPU seconds of one training")
    parser.add_argument("--epochs", type=int, default=200, metavar="N", help="most epochs of one training")
    parser.add_argument("--seed", type=int, default=0, help="of draws, weights and the bootstrap")
    parser.add_argument("--threads", type=int, default=1, help="threads of each process")
    parser.add_argument("--cache", type=Path, default=default_cache(), metavar="FOLDER", help="default: %(default)s")
    parser.add_argument("--cached", action="store_true", help="run nothing, print what is in the cache")
    options = parser.parse_args()
    if set(options.models) & {*REPEAT_RIVALS, *BASKET_RIVALS} and not options.seen_eligible:
        left_out = {*REPEAT_RIVALS, *BASKET_RIVALS}
        if options.models is not MODELS:
            parser.error(f"{', '.join(sorted(left_out))} recommend what was seen: add --seen-eligible.")
        options.models = [model for model in MODELS if model not in left_out]
    return options


def default_cache() -> Path:
    """Return the folder for what can be made again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "skautoseqrec" / "compare"


def measure_model(model: str, path: Path, shuffle: int | None, options: argparse.Namespace) -> Iterator[Row]:
    """Yield the row of a model; none if the cache lacks it and nothing may be run."""
    job = {
        "model": model,
        "log": log_version(path),
        "code": code_version(model),
        "shuffle": shuffle,
        "ties": options.ties,
        "exclude_seen": not options.seen_eligible,
        "seed": options.seed,
    }
    settings: Settings = {}
    tried: list[Record] = []
    if model in RIVALS and RIVALS[model].grid:
        valid = {**job, "part": "valid", "n_judged": options.judged}
        tried = recorded(valid, options.cache) if options.cached else run_search(valid, path, options)
        if not tried:
            print(f"{model}: the cache holds nothing of this log, order and version of the code")
            return
        settings = chosen_settings(best_record(tried))
    test = {**job, "part": "test", "n_tests": options.tests, "settings": settings}
    if options.cached:
        records = recorded(test, options.cache)
        if not records:
            print(f"{model}: the cache holds no test of this version of the code with {shown(settings)}")
    else:
        records = [measure(test, path, options.cache, options.threads)]
        report(model, "test", settings, records[0])
    yield from (Row(model, record, tried) for record in records)


def run_search(job: Record, path: Path, options: argparse.Namespace) -> list[Record]:
    """Return the records of settings that are tried within the budget."""
    rival = RIVALS[job["model"]]
    if rival.is_trained:
        budget = {"patience": options.patience, "most_seconds": options.train_seconds, "most_epochs": options.epochs}
        job = {**job, "training": budget}
    points: Tried = []
    records = []
    for settings in candidates(rival, options.settings, options.seed, points):
        record = measure({**job, "settings": settings}, path, options.cache, options.threads)
        points.append((record["values"].mean(), settings))
        records.append(record)
        report(job["model"], "valid", chosen_settings(record), record)
    return records


def best_record(records: list[Record]) -> Record:
    """Return the record of the highest MRR."""
    return max(records, key=lambda record: record["values"].mean())


def chosen_settings(record: Record) -> Settings:
    """Return the settings of a record, with the number of epochs where that was chosen."""
    epochs = {"max_iter": record["max_iter"]} if "max_iter" in record else {}
    return {**record["job"]["settings"], **epochs}


def training_note(record: Record) -> str:
    """Return how a training ended, for what is trained."""
    return f"; {record['n_trained']} epochs, ended by {record['reason']}" if "n_trained" in record else ""


def report(model: str, part: str, settings: Settings, record: Record) -> None:
    """Say on stderr what has just been measured."""
    figure = f"MRR {record['values'].mean():.4f}"
    print(f"{model}, {part}: {figure} with {shown(settings)}{training_note(record)}", file=sys.stderr, flush=True)


def shown(settings: Settings) -> str:
    """Return settings as words."""
    return ", ".join(f"{name} {value}" for name, value in settings.items()) or "no settings"


def print_table(rows: list[Row], path: Path, shuffle: int | None, options: argparse.Namespace) -> None:
    """Print accuracy, differences to ours, and costs."""
    log = read_log(path, shuffle)
    order = "file order" if shuffle is None else f"tied rows shuffled with seed {shuffle}"
    eligible = "seen items eligible" if options.seen_eligible else "seen items not eligible"
    users = valid_and_test(log)[1].walked[: options.tests].users
    print(f"\n{path.name}, {order}; ties={options.ties}, {eligible}; seed {options.seed}; {len(users)} test events of")
    print(f"{len(np.unique(users))} users; {log}. Settings chosen on the newest {options.judged} valid events at most.")
    print_budget(options)
    if not rows:
        print("Nothing has been measured.")
        return
    print_figures(rows, users, options.seed)
    print_costs(rows)


def print_budget(options: argparse.Namespace) -> None:
    """Print what a rival may spend."""
    if options.cached:
        print("Budgets: as the cache has them; the last table says how many settings were tried.")
        return
    print(
        f"Budgets: {options.settings} settings a rival or its whole grid; a training ends after {options.patience} "
        f"looks that are no better, {options.train_seconds:.0f} CPU seconds or {options.epochs} epochs."
    )


def print_figures(rows: list[Row], users: NDArray[np.int64], seed: int) -> None:
    """Print each metric with its 95 % interval over users, and its paired difference to ours."""
    gains = np.stack([gains_of(row.record["values"]) for row in rows])
    ours = place_of_ours(rows)
    both = np.concatenate([gains, gains - gains[ours]])
    low, high = bootstrap_interval(both.reshape(-1, len(users)).T, users, random_state=seed)
    low, high, mean = low.reshape(both.shape[:2]), high.reshape(both.shape[:2]), both.mean(axis=2)
    for first, title in ((0, ""), (len(rows), f"minus {rows[ours].model}: ")):
        print(f"\n{'':<20}" + "".join(f"{title + metric:<32}" for metric in METRICS))
        sign = "+" if first else ""
        for place, row in enumerate(rows, start=first):
            cells = zip(mean[place], low[place], high[place], strict=True)
            texts = (f"{value:{sign}.4f} [{least:{sign}.4f}, {most:{sign}.4f}]" for value, least, most in cells)
            print(f"{row.model:<20}" + "".join(f"{text:<32}" for text in texts))


def gains_of(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what each event adds to each metric, (n_metrics, n_events)."""
    ranks = ranks_from_reciprocal(values)
    return np.stack([values, ranks <= 10, np.where(ranks <= 10, 1 / np.log2(1 + ranks), 0)])


def print_costs(rows: list[Row]) -> None:
    """Print CPU time, how many times ours that is, memory of the whole process, and what was chosen."""
    ours = rows[place_of_ours(rows)].record
    print(f"\nCPU time, and how many times that of {ours['job']['model']} it is in the same table")
    line = "{:<20}" + "{:>20}" * len(COSTS) + "{:>10}"
    print(line.format("", *COSTS, "peak MiB"))
    for row in rows:
        cells = (cost(row.record, ours, kind) for kind in COSTS.values())
        print(line.format(row.model, *cells, f"{row.record['peak_bytes'] / 2**20:.0f}"))
    line = "{:<20}{:>10}{:>14}  {}"
    print("\n" + line.format("", "settings", "tuning CPU s", "chosen; date; code"))
    for row in rows:
        record, job = row.record, row.record["job"]
        note = training_note(best_record(row.tried)) if row.tried else ""
        tuning = sum(tried["fit_seconds"] + tried.get("walk_seconds", 0) for tried in row.tried)
        chosen = f"{shown(job['settings'])}{note}; {record['date']}; {job['code']}"
        print(line.format(row.model, len(row.tried), f"{tuning:.0f}", chosen))
    versions: Any = {str(row.record["versions"] | {"threads": row.record["threads"]}): None for row in rows}
    print("\n".join(versions))


def cost(record: Record, ours: Record, kind: Cost) -> str:
    """Return a cost and its ratio to ours; a dash where a record has none."""
    if kind.name not in record:
        return "-"
    figure = f"{kind.factor * record[kind.name] / (len(record['values']) if kind.is_per_event else 1):.4g}"
    if record is ours or kind.name not in ours:
        return figure
    return f"{figure} ({record[kind.name] / ours[kind.name]:.3g} x)"


def place_of_ours(rows: list[Row]) -> int:
    """Return which row is that of this package, the first one where there is none."""
    return next((place for place, row in enumerate(rows) if row.model in OURS), 0)


if __name__ == "__main__":
    sys.exit(main())
