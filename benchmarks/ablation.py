"""What every piece of the default model is worth: each is removed in turn, and the rest is fitted again.

The first nine tenths of a log are fitted, without a refit after the validation, and the last tenth is walked forward.
Pieces of the blend are removed under the same weights; pieces of the training are removed by training again.
``--objective closed_form`` does the same to the model without a network, of which there is less to remove.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from accuracy import eligibility, read_logs
from numpy.typing import NDArray
from synthetic_logs import WORLDS

from skautoseqrec import AutoSeqRecRecommender, Interactions
from skautoseqrec._counts.counted_log import count_log
from skautoseqrec._data.reading import read_columns
from skautoseqrec._fit_settings import resolve_parameters
from skautoseqrec._fitting.blend_fit import fit_gate, fit_weights
from skautoseqrec._fitting.blending import BLENDED_FEATURES
from skautoseqrec._fitting.learner import BLENDED_EVENTS, Learner
from skautoseqrec._network.model import Model
from skautoseqrec._scoring.blend import Blend
from skautoseqrec._scoring.parts import PARTS
from skautoseqrec._scoring.scorer import Scorer
from skautoseqrec._training.batches import Batch
from skautoseqrec._training.objectives import OBJECTIVES, MultinomialObjective
from skautoseqrec._utils.devices import CPU
from skautoseqrec.metrics import mean_reciprocal_rank, ranks_from_reciprocal, recall_at_k
from skautoseqrec.model_selection import temporal_train_test_split

LINE = "{:<34}{:>16}{:>16}   {}"

#: Changes of parameters that take one piece of the training away.
PARAMETERS: dict[str, dict[str, Any]] = {
    "history encoder of its own": {"history_encoder": "shared"},
    "decayed histories, own encoder": {"history_encoder": "shared", "history_decay": 1.0},
    "window of transitions": {"transition_window": 1},
    "decay of transitions": {"transition_decay": 1.0},
    "weight decay": {"weight_decay": 0.0},
    "weight averaging": {"weight_averaging": 0.0},
    "dropout": {"dropout": 0.0, "history_dropout": 0.0},
}


class NoTargets(MultinomialObjective):
    """Trains no target decoder: columns of T are encoded as rows are."""

    def draw_epochs(self, *arguments: Any) -> Iterator[Iterable[Batch]]:
        """Yield the same batches but those of the target decoder."""
        for epoch in super().draw_epochs(*arguments):
            yield (batch for batch in epoch if batch.decoder != "target")


class NoTransitions(MultinomialObjective):
    """Trains no decoder on transitions: the encoder learns from histories alone, and one hop knows nothing."""

    TRANSITION_PASSES = 0


class NoSnapshots(MultinomialObjective):
    """Trains the collaborative decoder on whole histories only, as autoencoders do, on as many rows."""

    SNAPSHOTS_PER_ITEM = 0
    HISTORIES_PER_ITEM = MultinomialObjective.SNAPSHOTS_PER_ITEM + MultinomialObjective.HISTORIES_PER_ITEM


class NoHistories(MultinomialObjective):
    """Trains the collaborative decoder on snapshots only."""

    HISTORIES_PER_ITEM = 0


class OnePass(MultinomialObjective):
    """Shows each transition row once an epoch."""

    TRANSITION_PASSES = 1


#: Objectives that lack one piece of the training.
REPLACED: dict[str, type[MultinomialObjective]] = {
    "training of the target decoder": NoTargets,
    "training on transitions": NoTransitions,
    "snapshots (whole histories)": NoSnapshots,
    "whole histories": NoHistories,
    "four passes over transitions": OnePass,
}
TRAINED_WITHOUT = (*PARAMETERS, *REPLACED)
#: Those of them that a model without a network has.
COUNTED_WITHOUT = ("window of transitions", "decay of transitions")


#: What changes the weights of the parts, and is removed as they are.
GATE = "gate"


def main() -> None:
    """Print one table per log: mean and spread over seeds, and how much is lost."""
    options = parse_options()
    usual = {"objective": options.objective, **eligibility(options)}
    for ordered in read_logs(options):
        fitted, walked = temporal_train_test_split(ordered.log, test_size=0.1)
        results: dict[str, list[tuple[float, float]]] = {}
        for seed in options.seeds:
            for name, values in chain(
                remove_parts(fitted, walked, seed, usual),
                remove_training(fitted, walked, seed, usual, options.trained_without),
            ):
                ranks = ranks_from_reciprocal(values)
                results.setdefault(name, []).append((mean_reciprocal_rank(ranks), recall_at_k(ranks)))
                print(".", end="", flush=True)
        eligible = "; seen items eligible" if options.seen_eligible else ""
        print_table(f"{ordered.title}; {options.objective}{eligible}; seeds {options.seeds}", results)


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", type=Path, default=[], metavar="FILE", help="default: the plain world")
    parser.add_argument("--worlds", nargs="+", choices=WORLDS, default=[], help="synthetic logs")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="random states of the models")
    parser.add_argument("--shuffle-ties", nargs="+", type=int, default=[], metavar="SEED", help="shuffle tied rows")
    parser.add_argument("--objective", choices=("multinomial", "closed_form"), default="multinomial")
    parser.add_argument("--seen-eligible", action="store_true", help="rank among items that the user has seen, too")
    parser.add_argument(
        "--trained-without",
        nargs="*",
        choices=TRAINED_WITHOUT,
        metavar="PIECE",
        help=f"pieces of the training to remove; default: all that there are of {', '.join(TRAINED_WITHOUT)}",
    )
    options = parser.parse_args()
    if options.objective == "closed_form":
        options.seeds = options.seeds[:1]  # nothing is drawn
        if options.trained_without is None:
            options.trained_without = COUNTED_WITHOUT
        elif not set(options.trained_without) <= set(COUNTED_WITHOUT):
            parser.error(f"without a network there are only {', '.join(COUNTED_WITHOUT)} to remove.")
    elif options.trained_without is None:
        options.trained_without = TRAINED_WITHOUT
    return options


def print_table(title: str, results: dict[str, list[tuple[float, float]]]) -> None:
    """Print a line per piece that was removed."""
    print(f"\n{title}")
    print(LINE.format("without", "MRR", "Recall@10", "MRR lost"))
    whole = np.mean(results["nothing"], axis=0)[0]
    for name, values in results.items():
        mean, spread = np.mean(values, axis=0), np.std(values, axis=0)
        cells = (f"{mean[metric]:.4f} ± {spread[metric]:.4f}" for metric in (0, 1))
        print(LINE.format(name, *cells, f"{1 - mean[0] / whole:+.1%}"), flush=True)


def remove_training(
    fitted: Interactions, walked: Interactions, seed: int, usual: dict[str, Any], pieces: Sequence[str]
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Yield the reciprocal ranks without each of some pieces of the training."""
    for piece in pieces:
        OBJECTIVES["multinomial"] = REPLACED.get(piece, MultinomialObjective)
        try:
            changed = {**usual, **PARAMETERS.get(piece, {})}
            yield piece, train(fitted, seed, changed).score_samples(walked)
        finally:
            OBJECTIVES["multinomial"] = MultinomialObjective


def remove_parts(
    fitted: Interactions, walked: Interactions, seed: int, usual: dict[str, Any]
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Yield the reciprocal ranks without each part of the score, under the same weights."""
    recommender = train(fitted, seed, usual)
    scorer = recommender._serving.scorer
    model = scorer.model
    left_out = model.heads.LEFT_OUT
    # Fitted again as well: its candidates are chosen by better weights than those of the fit.
    yield "nothing", score(recommender, refit_blend(recommender, fitted, model, left_out), walked)
    yield "nothing, blend as it was fitted", recommender.score_samples(walked)
    for part in PARTS:
        name = part.NAME
        if (part.NEEDS_SEEN and recommender.exclude_seen) or (part.IS_NEURAL and not model.heads.PARTS):
            continue  # the model has no such part
        if name not in left_out:
            yield name, score(recommender, refit_blend(recommender, fitted, model, left_out | {name}), walked)
        else:
            scorer_with_it = refit_blend(recommender, fitted, model, left_out - {name})
            yield f"nothing, but with {name}", score(recommender, scorer_with_it, walked)
    yield GATE, score(recommender, refit_blend(recommender, fitted, model, left_out | {GATE}), walked)
    narrow = replace(model, settings=replace(model.settings, context_size=1))
    yield "context", score(recommender, refit_blend(recommender, fitted, narrow, left_out), walked)
    fixed = Blend.default(model.heads, model.settings, recommender.exclude_seen)
    yield "fitted blend (fixed weights)", score(recommender, Scorer(model, fixed, scorer.cold_blend), walked)


def train(fitted: Interactions, seed: int, parameters: dict[str, Any]) -> AutoSeqRecRecommender:
    """Return the default model but for some parameters."""
    return AutoSeqRecRecommender(random_state=seed, refit=False, **parameters).fit(fitted)


def refit_blend(
    recommender: AutoSeqRecRecommender, fitted: Interactions, model: Model, removed: frozenset[str]
) -> Scorer:
    """Return a scorer whose blend is fitted as fit does it, but without some parts."""
    log = count_log(read_columns(fitted), None, model.settings, 0)
    # As the fit resolved it: an unresolved "auto" would hold out tied rows together.
    parameters = recommender.get_params(deep=False) | {"ties": recommender.ties_}
    validation = Learner(resolve_parameters(parameters)).hold_out(log, BLENDED_EVENTS)
    if validation is None:
        raise SystemExit("The log is too short: too few events are held out to fit a blend. Give a longer one.")
    fitted_with = recommender._serving.scorer
    start = fitted_with.blend.terms()
    choices = validation.choices(model, BLENDED_FEATURES, start, CPU, each_part=True)
    left_out = {term for part in PARTS if part.NAME in removed for term in part.terms(model.settings)}
    prior = Blend.default(model.heads, model.settings, recommender.exclude_seen).terms()
    fit = fit_weights(choices, start, left_out=left_out, prior=prior)
    if GATE not in removed:
        fit = fit_gate(choices, fit.weights, prior)
    blend = fitted_with.blend.with_terms(fit.weights)
    cold_blend = fitted_with.cold_blend
    if "trend" in removed:  # then newcomers are answered by event counts
        cold_blend = Blend.cold(replace(model.settings, trend_half_lives=()))
    return Scorer(model, blend, cold_blend, fit.gate)


def score(recommender: AutoSeqRecRecommender, scorer: Scorer, walked: Interactions) -> NDArray[np.float64]:
    """Return the reciprocal ranks under another scorer."""
    usual = recommender._serving
    recommender._serving = usual._replace(scorer=scorer)
    try:
        return recommender.score_samples(walked)
    finally:
        recommender._serving = usual


if __name__ == "__main__":
    main()
