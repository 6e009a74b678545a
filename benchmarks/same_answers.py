"""Whether a change of the code changes answers: print them to a file before it, compare with that file after it.

The default model and the published one are fitted on the first nine tenths of each log, walked forward over the last
tenth, and asked before and after an update. Everything that came out is saved, and compared with what an earlier run
saved. One thread, so that sums are added up in one order:

    OMP_NUM_THREADS=1 python benchmarks/same_answers.py --data ml-100k.csv.gz --save before.npz
    OMP_NUM_THREADS=1 python benchmarks/same_answers.py --data ml-100k.csv.gz --against before.npz
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skautoseqrec import PAPER_PARAMS, AutoSeqRecRecommender
from skautoseqrec.datasets import load_interactions, make_interactions
from skautoseqrec.model_selection import temporal_train_test_split
from skautoseqrec.preprocessing import InteractionEncoder

MODELS: dict[str, dict[str, Any]] = {"default": {}, "paper": PAPER_PARAMS}
#: Users who are asked, and the length of their lists.
N_USERS, K = 500, 20


def main() -> None:
    """Print one line per log, model and kind of answer."""
    options = parse_options()
    before = {} if options.against is None else dict(np.load(options.against))
    now: dict[str, NDArray[Any]] = {}
    logs = {path.name: load_interactions(path) for path in options.data}
    if not logs:
        logs["synthetic"] = InteractionEncoder().fit_transform(make_interactions(random_state=0))
    for title, log in logs.items():
        for model in options.models:
            limit = {} if options.max_iter is None else {"max_iter": options.max_iter}
            recommender = AutoSeqRecRecommender(**{**MODELS[model], **limit}, random_state=0)
            for kind, values in answers(recommender, log).items():
                name = f"{title} {model} {kind}"
                now[name] = values
                print(f"{name}: {compare(values, before.get(name))}", flush=True)
    if options.save is not None:
        np.savez(options.save, **now)


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", type=Path, default=[], metavar="FILE", help="default: a synthetic log")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--max-iter", type=int, metavar="N", help="train for N epochs at most")
    parser.add_argument("--save", type=Path, metavar="FILE.npz", help="where to save the answers")
    parser.add_argument("--against", type=Path, metavar="FILE.npz", help="what an earlier run saved")
    return parser.parse_args()


def answers(recommender: AutoSeqRecRecommender, log: Any) -> dict[str, NDArray[Any]]:
    """Return everything that a fitted recommender says, by kind."""
    fitted, walked = temporal_train_test_split(log, test_size=0.1)
    recommender.fit(fitted)
    blend = recommender.blend_
    said = {
        "losses": np.array([list(losses.values()) for losses in recommender.loss_curve_]),
        "validation": np.array(recommender.validation_scores_),
        "blend": np.r_[[blend[part] for part in sorted(blend) if part != "trend"], blend["trend"]],
        "walk": recommender.score_samples(walked),
        "walk together": recommender.score_samples(walked, ties="together"),
    }
    users = np.unique(log.user_ids[walked.users])[:N_USERS]
    for moment in ("as fitted", "updated"):
        ids, scores = recommender.predict_topk(users, k=K, return_scores=True)
        # Other ids at equal scores would be no other answer; the scores in order are what must not change.
        said[f"scores {moment}"] = np.ma.filled(scores, 0.0)
        said[f"ids {moment}"] = np.ma.filled(ids, 0) if ids.dtype != object else np.array(ids, dtype=str)
        explained = recommender.explain(users[:20], recommender.item_ids_[:50])
        said[f"explained {moment}"] = explained.scores
        recommender.partial_update(walked[: len(walked) // 2])
    return said


def compare(values: NDArray[Any], before: NDArray[Any] | None) -> str:
    """Return how far values are from those of an earlier run."""
    if values.dtype.kind not in "iuf":
        return "saved" if before is None else f"{(values != before).mean():.1%} differ"
    summary = f"mean {values.mean():.6f}" if values.size else "nothing"
    if before is None:
        return summary
    if before.shape != values.shape:
        return f"{summary}, of shape {values.shape} and not {before.shape}"
    if np.array_equal(before, values):
        return f"{summary}, bit for bit the same"
    return f"{summary}, at most {np.abs(before - values).max():.2g} away (mean {before.mean():.6f})"


if __name__ == "__main__":
    main()
