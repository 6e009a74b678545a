"""Damage files of a saved model, and kill processes that journal updates: what the tests try a little of, in full.

A damaged file has to be refused with ``ModelFileError``, or to be the model that was saved (where nothing was changed
that means anything). One whose checksums a forger has put right has to be refused, or to be some model. Anything else,
another error for instance, is a failure. After a kill, a recommender has to have all updates that were told of, and at
most one more.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from pathlib import Path
from time import perf_counter

import numpy as np
import torch

from skautoseqrec import AutoSeqRecRecommender, ModelFileError, load_model

# What damages and kills is the tests' own, so that both try the same.
sys.path.append(str(Path(__file__).parents[1] / "tests" / "helpers"))
from crashes import survive_kills
from damage import damage_bytes, damage_numbers, forge, read_parts

LOG = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3), ("cid", "jam", 4), ("cid", "tea", 5)]
DISLIKES = [("ann", "jam"), ("bob", "milk"), ("nobody", "tea")]
WEIGHTS = [1, 0.5, 1, 0, 2]
PARAMETERS = {
    "n_components": 4,
    "max_iter": 2,
    "blend": {"collaborative": 1.0, "direct": 1.0, "trend": (0.1, 0.2)},
    "trend_half_lives": (3, 30),
    "early_stopping": False,
    "exclude_seen": False,
    "history_encoder": "residual",
    "random_state": 0,
}


def main() -> int:
    """Print one line of each kind, and return the number of failures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutations", type=int, default=100_000, metavar="N", help="files to damage")
    parser.add_argument("--kills", type=int, default=200, metavar="N", help="processes to kill")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    return run(options.mutations, options.kills, options.seed)


def run(n_mutations: int, n_kills: int, seed: int = 0) -> int:
    """Damage so many files and kill so many processes, print a line of each, and return the number of failures."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    recommender = AutoSeqRecRecommender(**PARAMETERS).fit(LOG, sample_weight=WEIGHTS).dislike(DISLIKES)
    found, n_updates = Counter[str](), 0
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numbers that a forger chose overflow
        folder, start = Path(name), perf_counter()
        if n_mutations:
            found = damage_many(recommender, folder, n_mutations, rng)
            seconds = perf_counter() - start
            print(f"{n_mutations:,} damaged files: {dict(sorted(found.items()))}, {seconds:.0f} s", flush=True)
        start = perf_counter()
        if n_kills:
            n_updates = survive_kills(recommender, folder, n_kills, rng)
            print(f"{n_kills:,} kills survived, {n_updates:,} updates, {perf_counter() - start:.0f} s", flush=True)
    return sum(count for kind, count in found.items() if kind.endswith(("FAILURE", "blind, loaded changed")))


def damage_many(
    recommender: AutoSeqRecRecommender, folder: Path, n_files: int, rng: np.random.Generator
) -> Counter[str]:
    """Return how many damaged files were refused, loaded or failed; nine in ten are damaged blindly, one is forged."""
    path, damaged = folder / "model", folder / "damaged"
    recommender.save_model(path)
    content, parts, found = path.read_bytes(), read_parts(path), Counter[str]()
    for number in range(n_files):
        is_forged = number % 10 == 9
        if is_forged:
            changed = forge(*parts, rng)
        else:
            changed = damage_bytes(content, rng) if number % 2 else damage_numbers(content, rng)
        damaged.write_bytes(changed)
        kind = "forged" if is_forged else "blind"
        try:
            loaded = load_model(damaged)
        except ModelFileError:
            found[f"{kind}, refused"] += 1
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            traceback.print_exc()
            found[f"{kind}, FAILURE"] += 1
        else:
            is_same = changed == content or (not is_forged and is_unchanged(loaded, recommender))
            found[f"{kind}, loaded {'unchanged' if is_same else 'changed'}"] += 1
    return found


def is_unchanged(loaded: AutoSeqRecRecommender, recommender: AutoSeqRecRecommender) -> bool:
    """Tell whether what was loaded is what was saved."""
    answers = [model.predict_topk(recommender.user_ids_, k=3, return_scores=True)[1] for model in (loaded, recommender)]
    same_weights = all(
        torch.equal(weight, loaded.module_.state_dict()[name])
        for name, weight in recommender.module_.state_dict().items()
    )
    same_dislikes = loaded.dislikes_.tolist() == recommender.dislikes_.tolist()
    return same_weights and same_dislikes and loaded.get_params() == recommender.get_params() and np.allclose(*answers)


if __name__ == "__main__":
    sys.exit(main() > 0)
