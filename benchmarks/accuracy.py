"""Accuracy of the recommender beside baselines that only count, rivals that need no training, and SASRec.

Every log is split in time. The valid part is the next tenth after a fit on the first eight tenths, the test part the
last tenth after a fit on all before it. Both are walked forward: each event's item is ranked among all items that are
known and that its user has not seen, ties at half, then the event is let in. An item that is not eligible counts 0.
Rivals have their settings chosen on the newest events of the valid part; what was tried is printed. With
``--seen-eligible`` items may come back, and rivals for such logs can be asked for; those for baskets need ``--ties
together`` besides. ``benchmarks/compare.py`` has all rivals, with intervals, and keeps what it has measured.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from peers.choosing import Tried, best_of, candidates
from peers.folds import Fold, judged_fold, split_rows, valid_and_test
from peers.markov import Markov
from peers.registry import BASKET_RIVALS, REPEAT_RIVALS, RIVALS
from peers.sasrec import SASRec
from peers.training import judge_epochs
from synthetic_logs import WORLDS

from skautoseqrec import PAPER_PARAMS, AutoSeqRecRecommender, Interactions
from skautoseqrec.baselines import DecayedPopularityRecommender, PopularityRecommender
from skautoseqrec.datasets import load_interactions
from skautoseqrec.metrics import mean_reciprocal_rank, ndcg_at_k, ranks_from_reciprocal, recall_at_k
from skautoseqrec.preprocessing import InteractionEncoder

HALF_LIVES = (10, 30, 100, 300, 1000, 3000, 10000)
PARTS = ("valid", "test")
LINE = "{:<28}{:<7}{:>8}{:>11}{:>9}{:>9}{:>11}"


class Ordered(NamedTuple):
    """A log in the row order to be split, and the best possible rank of each of its events where that is known."""

    title: str
    log: Interactions
    best_ranks: NDArray[np.float64] | None = None


def asked_parameters(options: argparse.Namespace) -> dict[str, Any]:
    """Return what is eligible, and the epochs, the width and the precision where they were asked for."""
    asked = {"max_iter": options.max_iter, "n_components": options.components, "precision": options.precision}
    given = {name: value for name, value in asked.items() if value is not None}
    return {**given, **eligibility(options)}


def eligibility(options: argparse.Namespace) -> dict[str, bool]:
    """Return the parameter that every model has."""
    return {"exclude_seen": not options.seen_eligible}


def make_paper(options: argparse.Namespace, seed: int, log: Interactions) -> AutoSeqRecRecommender:
    """Return the published model."""
    return AutoSeqRecRecommender(**{**PAPER_PARAMS, **asked_parameters(options)}, random_state=seed)


def make_decayed_popularity(options: argparse.Namespace, seed: int, log: Interactions) -> DecayedPopularityRecommender:
    """Return popularity with the half-life that ranks the valid part best."""
    valid, _ = valid_and_test(log)

    def validate(half_life: float) -> float:
        model = DecayedPopularityRecommender(half_life, **eligibility(options))
        return model.fit(valid.fitted).score_samples(valid.walked, options.ties).mean()

    return DecayedPopularityRecommender(max(HALF_LIVES, key=validate), **eligibility(options))


def make_default(options: argparse.Namespace, seed: int, log: Interactions) -> AutoSeqRecRecommender:
    """Return the recommender as it comes."""
    return AutoSeqRecRecommender(**asked_parameters(options), random_state=seed)


def make_closed_form(options: argparse.Namespace, seed: int, log: Interactions) -> AutoSeqRecRecommender:
    """Return the recommender without a network."""
    return AutoSeqRecRecommender(objective="closed_form", **eligibility(options))


def make_rival(name: str) -> Callable[[argparse.Namespace, int, Interactions], Any]:
    """Return the function that makes a rival with the best of the settings that are tried, which it prints."""
    rival = RIVALS[name]

    def make(options: argparse.Namespace, seed: int, log: Interactions) -> Any:
        fold, tried = judged_fold(log, options.judged), []
        points = candidates(rival, options.settings, seed, tried) if rival.grid else []
        for settings in points:
            model = rival.make(settings, seed, not options.seen_eligible).fit(fold.fitted)
            tried.append((model.score_samples(fold.walked, options.ties).mean(), settings))
        if not tried:
            return rival.make({}, seed, not options.seen_eligible)
        print_choice(name, tried, len(fold.walked))
        return rival.make(best_of(tried), seed, not options.seen_eligible)

    return make


def print_choice(name: str, tried: Tried, n_judged: int) -> None:
    """Print the grid, how well the worst and the best of what was tried do, and the best."""
    grid = "; ".join(f"{setting} {', '.join(map(str, values))}" for setting, values in RIVALS[name].grid.items())
    worst, best = min(value for value, _ in tried), max(value for value, _ in tried)
    print(f"  {name}: {len(tried)} of the grid {grid}")
    print(f"  have an MRR of {worst:.4f} to {best:.4f} on the newest {n_judged} valid events; best:", end=" ")
    print(", ".join(f"{setting} {value}" for setting, value in best_of(tried).items()), flush=True)


def make_sasrec(options: argparse.Namespace, seed: int, log: Interactions) -> SASRec:
    """Return SASRec with the number of epochs after which valid events are ranked best."""
    width = {} if options.components is None else {"n_components": options.components}
    most_epochs = 200 if options.max_iter is None else options.max_iter

    def make(max_iter: int) -> SASRec:
        return SASRec(**width, max_iter=max_iter, random_state=seed, **eligibility(options))

    fold = judged_fold(log, options.judged)
    judged = judge_epochs(make, *fold, options.ties, patience=10, most_seconds=np.inf, most_epochs=most_epochs)
    best = f"{judged.max_iter} of {judged.n_trained} epochs are best"
    print(f"  sasrec: {best} on the newest {len(fold.walked)} valid events")
    return make(judged.max_iter)


MODELS: dict[str, Callable[[argparse.Namespace, int, Interactions], Any]] = {
    **{name: make_rival(name) for name, rival in RIVALS.items() if not rival.is_trained},
    "default": make_default,
    "closed-form": make_closed_form,
    "paper": make_paper,
    "popularity": lambda options, seed, log: PopularityRecommender(**eligibility(options)),
    "decayed-popularity": make_decayed_popularity,
    "markov": lambda options, seed, log: Markov(**eligibility(options)),
    "markov-5": lambda options, seed, log: Markov(window=5, decay=0.7, **eligibility(options)),
    "sasrec": make_sasrec,
}
#: What is compared unless something else is asked for: SASRec trains for an hour on a million events, and a rival is
#: walked once for each setting that is tried.
QUICK_MODELS = ["default", "closed-form", "paper", "popularity", "decayed-popularity", "markov", "markov-5"]


def main() -> None:
    """Print one table per log, row order and seed."""
    options = parse_options()
    for ordered in read_logs(options):
        for seed in options.seeds:
            print_table(ordered, seed, options)


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", type=Path, default=[], metavar="FILE", help="default: the plain world")
    parser.add_argument("--worlds", nargs="+", choices=WORLDS, default=[], help="synthetic logs")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=QUICK_MODELS, help="default: the quick ones")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0], help="random states of the trained models")
    parser.add_argument("--shuffle-ties", nargs="+", type=int, default=[], metavar="SEED", help="shuffle tied rows")
    parser.add_argument("--ties", choices=("row", "together"), default="row", help="when tied events see each other")
    parser.add_argument("--seen-eligible", action="store_true", help="rank among items that the user has seen, too")
    parser.add_argument("--limit", type=int, metavar="N", help="walk over the first N test events only")
    parser.add_argument("--newcomers", action="store_true", help="add lines for users and items that fit did not meet")
    parser.add_argument("--max-iter", type=int, metavar="N", help="train for N epochs at most")
    parser.add_argument("--components", type=int, metavar="N", help="size of the hidden representation, if not usual")
    parser.add_argument(
        "--precision", choices=("auto", "float32", "bfloat16"), help="what is multiplied in; default: auto"
    )
    parser.add_argument("--settings", type=int, default=20, metavar="N", help="settings tried for each rival")
    parser.add_argument("--judged", type=int, default=2000, metavar="N", help="judge settings on so many valid events")
    options = parser.parse_args()
    asked = set(options.models)
    if asked & {*REPEAT_RIVALS, *BASKET_RIVALS} and not options.seen_eligible:
        parser.error(f"{', '.join((*REPEAT_RIVALS, *BASKET_RIVALS))} recommend what was seen: add --seen-eligible.")
    if asked & set(BASKET_RIVALS) and options.ties != "together":
        parser.error(f"{', '.join(BASKET_RIVALS)} predict whole baskets: add --ties together.")
    return options


def read_logs(options: argparse.Namespace) -> Iterator[Ordered]:
    """Yield every log in every row order that is asked for."""
    for name in options.worlds or ([] if options.data else ["plain"]):
        log, best_ranks = WORLDS[name]()
        yield Ordered(f"synthetic world: {name}", InteractionEncoder().fit_transform(log), best_ranks)
    for path in options.data:
        try:
            log = load_interactions(path)
        except (ValueError, TypeError, OSError) as error:
            raise SystemExit(f"{path} cannot be read as a log: {error}") from error
        if options.shuffle_ties and log.times is None:
            raise SystemExit(f"{path.name} has no timestamps: there are no ties to shuffle.")
        if not options.shuffle_ties:
            yield Ordered(f"{path.name}, file order", log)
        for seed in options.shuffle_ties:
            rows = np.random.default_rng(seed).permutation(len(log))
            yield Ordered(f"{path.name}, tied rows shuffled with seed {seed}", log[rows])


def print_table(ordered: Ordered, seed: int, options: argparse.Namespace) -> None:
    """Print a line per model and part as soon as it is known."""
    folds = dict(zip(PARTS, valid_and_test(ordered.log), strict=True))
    folds["test"] = Fold(folds["test"].fitted, folds["test"].walked[: options.limit])
    eligible = "; seen items eligible" if options.seen_eligible else ""
    print(f"\n{ordered.title}; ties={options.ties}{eligible}; seed {seed}; {ordered.log}")
    print(LINE.format("model", "part", "MRR", "Recall@10", "NDCG@10", "fit s", "events/s"))
    for name in options.models:
        model = MODELS[name](options, seed, ordered.log)
        label = f"{name} ({model.half_life})" if isinstance(model, DecayedPopularityRecommender) else name
        for part in options.parts:
            ranks, *costs = evaluate(model, folds[part], options.ties)
            print_line(label, part, ranks, *costs)
            if options.newcomers:
                print_newcomers(folds[part], ranks)
    if ordered.best_ranks is not None:
        for part, (_, rows) in zip(PARTS, split_rows(ordered.log), strict=True):
            if part in options.parts:
                print_line("oracle (the best possible)", part, ordered.best_ranks[rows])


def evaluate(model: Any, fold: Fold, ties: str) -> tuple[NDArray[np.float64], str, str]:
    """Return the rank of each walked event, the seconds of fitting and the events per second of walking."""
    start = perf_counter()
    model.fit(fold.fitted)
    fitted = perf_counter()
    values = model.score_samples(fold.walked, ties=ties)
    walked = perf_counter()
    return ranks_from_reciprocal(values), f"{fitted - start:.1f}", f"{len(values) / (walked - fitted):,.0f}"


def print_newcomers(fold: Fold, ranks: NDArray[np.float64]) -> None:
    """Print the metrics on users and items that were not fitted, and on the first event of any user."""
    first_event = np.zeros(len(ranks), dtype=bool)
    first_event[np.unique(fold.walked.users, return_index=True)[1]] = True
    new_user, new_item = (
        ~np.isin(getattr(fold.walked, column), getattr(fold.fitted, column)) for column in ("users", "items")
    )
    kinds = {"users not fitted": new_user, "  their first events": new_user & first_event, "items not fitted": new_item}
    for kind, chosen in kinds.items():
        if chosen.any():
            print_line(f"  {kind}, {chosen.mean():.1%}", "", ranks[chosen])


def print_line(
    label: str, part: str, ranks: NDArray[np.float64], fit_seconds: str = "-", events_per_second: str = "-"
) -> None:
    """Print the metrics of one model on one part."""
    metrics = (f"{metric(ranks):.4f}" for metric in (mean_reciprocal_rank, recall_at_k, ndcg_at_k))
    print(LINE.format(label, part, *metrics, fit_seconds, events_per_second), flush=True)


if __name__ == "__main__":
    main()
