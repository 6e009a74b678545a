"""What the recommender and SASRec are worth together: each alone, and both with a weight fitted on held-out events.

SASRec (``benchmarks/peers/sasrec.py``) is the part from outside of a ``HybridRecommender``: full cross-entropy, 64
components. Its number of epochs is chosen on the newest events of the valid part, and it is trained on all that is
fitted.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterator
from typing import Any

import joblib
import numpy as np
from common import Accuracy, Fold, Table, at_least, fold_of, make_parser, print_header, read_logs, trained_for
from numpy.typing import NDArray
from peers.folds import judged_fold
from peers.sasrec import SASRec
from peers.training import judge_epochs

from skautoseqrec import AutoSeqRecRecommender, Interactions
from skautoseqrec.ensemble import HybridRecommender

MODELS: dict[str, dict[str, Any]] = {"closed form": {"objective": "closed_form"}, "default": {}}
#: SASRec as it was trained on a log, so that it is trained once for all recommenders that it stands beside.
_trained: dict[str, SASRec] = {}


class SASRecPart:
    """SASRec as a part of a score: the items that it was trained on, after the newest items that it knows.

    Parameters
    ----------
    settings : dict
        Those of :class:`SASRec`.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings

    def fit(self, log: Interactions) -> SASRecPart:
        """Train on a log."""
        key = joblib.hash((self.settings, log.users, log.items))
        if key not in _trained:
            _trained[key] = SASRec(**self.settings).fit(log)
        self.model = _trained[key]
        self.codes = {key: code for code, key in enumerate(log.item_ids.tolist()) if self.model.known[code]}
        return self

    def __call__(self, histories: list[list[Any]], item_ids: NDArray[Any]) -> NDArray[np.float32]:
        """Return the logits, less their mean, and NaN for items that were not trained on."""
        rows = [[self.codes[key] for key in history if key in self.codes] for history in histories]
        questions = [codes[-self.model.length :] for codes in rows]
        scores = np.full((len(histories), len(item_ids)), np.nan, dtype=np.float32)
        columns = np.array([column for column, key in enumerate(item_ids.tolist()) if key in self.codes])
        codes = [self.codes[key] for key in item_ids[columns].tolist()]
        logits = np.asarray(self.model.answers(questions))
        trained = np.array(list(self.codes.values()))
        scores[:, columns] = logits[:, codes] - logits[:, trained].mean(1, keepdims=True)
        return scores


def main() -> None:
    """Print one table a log: SASRec, and each recommender without it and with it."""
    options = parse_options()
    for ordered in read_logs(options):
        log = ordered.log[ordered.log.to_columns().time_order()[: options.oldest]]
        fold = fold_of(log, options)
        print_header(f"{ordered.title}, {options.part} part of the oldest {len(log):,} events", options.seeds)
        found: dict[str, list[tuple[float, ...]]] = {}
        for seed in options.seeds:
            settings = choose_epochs(log, seed, options)
            for name, figures in measure(fold, settings, seed, options):
                found.setdefault(name, []).append(figures)
                print(f"  {name}, seed {seed}: MRR {figures[0]:.4f}, Recall@10 {figures[1]:.4f}", flush=True)
        table = Table(["model", "MRR", "Recall@10", "spread", "weight"])
        for name, rows in found.items():
            mrr, recall, weight = np.mean(rows, axis=0).tolist()
            table.add(name, mrr, recall, float(np.std(rows, axis=0)[0]), "" if np.isnan(weight) else weight)


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__, seeds=[0, 1, 2], part="test")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS), help="default: both")
    number, oldest = {"type": at_least(1), "metavar": "N"}, {"type": at_least(100), "metavar": "N"}
    parser.add_argument("--oldest", **oldest, help="only the oldest N events of the log, at least 100")
    help_of_judged = "judge epochs of SASRec on so many valid events; default: %(default)s"
    parser.add_argument("--judged", **number, default=2000, help=help_of_judged)
    help_of_patience = "epochs of SASRec that may be no better; default: %(default)s"
    parser.add_argument("--patience", **number, default=5, help=help_of_patience)
    parser.add_argument("--epochs", **number, default=200, help="most epochs of SASRec; default: %(default)s")
    return parser.parse_args()


def choose_epochs(log: Interactions, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of SASRec with the number of epochs after which valid events are ranked best."""
    judged = judge_epochs(
        lambda max_iter: SASRec(max_iter=max_iter, random_state=seed),
        *judged_fold(log, options.judged),
        ties="row",
        patience=options.patience,
        most_seconds=np.inf,
        most_epochs=options.epochs,
    )
    print(f"  SASRec, seed {seed}: {judged.max_iter} of {judged.n_trained} epochs are best", flush=True)
    return {"max_iter": judged.max_iter, "random_state": seed}


def measure(
    fold: Fold, settings: dict[str, Any], seed: int, options: argparse.Namespace
) -> Iterator[tuple[str, tuple[float, ...]]]:
    """Yield the name of a model, and its MRR, recall and (of a hybrid) weight."""
    part = SASRecPart(settings).fit(fold.fitted)
    yield "SASRec", (*Accuracy.of(copy.deepcopy(part.model).score_samples(fold.walked)), np.nan)
    for name in options.models:
        recommender = AutoSeqRecRecommender(**MODELS[name], **trained_for(options), random_state=seed)
        hybrid = HybridRecommender(recommender, SASRecPart(settings)).fit(fold.fitted)
        yield name, (*Accuracy.of(hybrid.recommender_.score_samples(fold.walked)), np.nan)
        yield f"{name} and SASRec", (*Accuracy.of(hybrid.score_samples(fold.walked)), hybrid.weight_)


if __name__ == "__main__":
    main()
