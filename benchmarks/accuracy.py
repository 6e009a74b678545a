"""Accuracy of the recommender beside baselines that only count, rivals in closed form, and SASRec.

Every log is split in time. The valid part is the next tenth after a fit on the first eight tenths, the test part the
last tenth after a fit on all before it. Both are walked forward: each event's item is ranked among all items that are
known and that its user has not seen, ties at half, then the event is let in. An item that is not eligible counts 0.
Rivals have their settings chosen on the valid part; what was tried is printed. With ``--seen-eligible`` items may come
back, and rivals for such logs can be asked for; those for baskets need ``--ties together`` besides.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from baselines import Markov
from numpy.typing import NDArray
from rivals import BASKET_RIVALS, REPEAT_RIVALS, RIVALS, choose
from sasrec import SASRec

from skautoseqrec import PAPER_PARAMS, AutoSeqRecRecommender, Interactions
from skautoseqrec.baselines import DecayedPopularityRecommender, PopularityRecommender
from skautoseqrec.datasets import load_interactions, make_interactions
from skautoseqrec.metrics import mean_reciprocal_rank, ndcg_at_k, ranks_from_reciprocal, recall_at_k
from skautoseqrec.model_selection import TemporalSplit
from skautoseqrec.preprocessing import InteractionEncoder

#: Synthetic logs, whose best possible rank is known: people see nothing twice, come back, or fill baskets again.
WORLDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "returns": {"n_users": 400, "n_items": 1000, "n_events": 40000, "noise": 0.2, "return_rate": 0.4},
    "baskets": {
        "n_users": 400,
        "n_items": 1500,
        "n_events": 60000,
        "n_successors": 8,
        "n_tastes": 6,
        "noise": 0.4,
        "return_rate": 0.5,
        "basket_size": 15.0,
    },
}
HALF_LIVES = (10, 30, 100, 300, 1000, 3000, 10000)
PARTS = ("valid", "test")
LINE = "{:<28}{:<7}{:>8}{:>11}{:>9}{:>9}{:>11}"


class Ordered(NamedTuple):
    """A log in the row order to be split, and the best possible rank of each of its events where that is known."""

    title: str
    log: Interactions
    best_ranks: NDArray[np.float64] | None = None


class Fold(NamedTuple):
    """What is fitted and what is walked forward afterwards, both in time order."""

    fitted: Interactions
    walked: Interactions


def asked_parameters(options: argparse.Namespace) -> dict[str, Any]:
    """Return what is eligible, and the parameters that bound the epochs and the width where they were asked for."""
    asked = {"max_iter": options.max_iter, "n_components": options.components}
    given = {name: value for name, value in asked.items() if value is not None}
    return {**given, **eligibility(options)}


def eligibility(options: argparse.Namespace) -> dict[str, bool]:
    """Return the parameter that every model has."""
    return {"exclude_seen": not options.seen_eligible}


def make_paper(options: argparse.Namespace, seed: int, valid: Fold) -> AutoSeqRecRecommender:
    """Return the published model."""
    return AutoSeqRecRecommender(**{**PAPER_PARAMS, **asked_parameters(options)}, random_state=seed)


def make_decayed_popularity(options: argparse.Namespace, seed: int, valid: Fold) -> DecayedPopularityRecommender:
    """Return popularity with the half-life that ranks the valid part best."""

    def validate(half_life: float) -> float:
        model = DecayedPopularityRecommender(half_life, **eligibility(options))
        return model.fit(valid.fitted).score_samples(valid.walked, options.ties).mean()

    return DecayedPopularityRecommender(max(HALF_LIVES, key=validate), **eligibility(options))


def make_default(options: argparse.Namespace, seed: int, valid: Fold) -> AutoSeqRecRecommender:
    """Return the recommender as it comes."""
    return AutoSeqRecRecommender(**asked_parameters(options), random_state=seed)


def make_closed_form(options: argparse.Namespace, seed: int, valid: Fold) -> AutoSeqRecRecommender:
    """Return the recommender without a network."""
    return AutoSeqRecRecommender(objective="closed_form", **eligibility(options))


def make_rival(name: str) -> Callable[[argparse.Namespace, int, Fold], Any]:
    """Return the function that makes a rival with the settings that rank the valid part best."""

    def make(options: argparse.Namespace, seed: int, valid: Fold) -> Any:
        return choose(name, *valid, options.ties, seed, **eligibility(options))

    return make


MODELS: dict[str, Callable[[argparse.Namespace, int, Fold], Any]] = {
    "default": make_default,
    "closed-form": make_closed_form,
    "paper": make_paper,
    "popularity": lambda options, seed, valid: PopularityRecommender(**eligibility(options)),
    "decayed-popularity": make_decayed_popularity,
    "markov": lambda options, seed, valid: Markov(**eligibility(options)),
    "markov-5": lambda options, seed, valid: Markov(window=5, decay=0.7, **eligibility(options)),
    "sasrec": lambda options, seed, valid: SASRec(**asked_parameters(options), random_state=seed),
    **{name: make_rival(name) for name in RIVALS},
}
#: What is compared unless something else is asked for; SASRec trains for an hour on a million events, and a rival is
#: walked once for each setting that is tried.
QUICK_MODELS = [name for name in MODELS if name != "sasrec" and name not in RIVALS]


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
        X, oracle = make_interactions(**WORLDS[name], random_state=0, return_oracle=True)
        yield Ordered(f"synthetic world: {name}", InteractionEncoder().fit_transform(X), oracle.ranks)
    for path in options.data:
        log = load_interactions(path)
        if options.shuffle_ties and log.times is None:
            raise SystemExit(f"{path.name} has no timestamps: there are no ties to shuffle.")
        if not options.shuffle_ties:
            yield Ordered(f"{path.name}, file order", log)
        for seed in options.shuffle_ties:
            rows = np.random.default_rng(seed).permutation(len(log))
            yield Ordered(f"{path.name}, tied rows shuffled with seed {seed}", log[rows])


def print_table(ordered: Ordered, seed: int, options: argparse.Namespace) -> None:
    """Print a line per model and part as soon as it is known."""
    rows = dict(zip(PARTS, TemporalSplit(n_splits=2, test_size=0.1).split(ordered.log), strict=True))
    rows["test"] = rows["test"][0], rows["test"][1][: options.limit]
    folds = {part: Fold(ordered.log[fitted], ordered.log[walked]) for part, (fitted, walked) in rows.items()}
    eligible = "; seen items eligible" if options.seen_eligible else ""
    print(f"\n{ordered.title}; ties={options.ties}{eligible}; seed {seed}; {ordered.log}")
    print(LINE.format("model", "part", "MRR", "Recall@10", "NDCG@10", "fit s", "events/s"))
    for name in options.models:
        model = MODELS[name](options, seed, folds["valid"])
        label = f"{name} ({model.half_life})" if isinstance(model, DecayedPopularityRecommender) else name
        for part in options.parts:
            ranks, *costs = evaluate(model, folds[part], options.ties)
            print_line(label, part, ranks, *costs)
            if options.newcomers:
                print_newcomers(folds[part], ranks)
    if ordered.best_ranks is not None:
        for part in options.parts:
            print_line("oracle (the best possible)", part, ordered.best_ranks[rows[part][1]])


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
