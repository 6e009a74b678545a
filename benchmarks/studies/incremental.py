"""Whether updates change only what they should: weights to the last bit, counts against a rebuild, and what they cost.

The first events of a log are fitted, all others arrive by ``partial_update``. Before and after, every weight of the
network, of the linear part, of the blend and of the gate is compared bit for bit. Counts are compared with those of a
rebuild from all events, and sums of float32 and scores by their distance. What differs and may not makes the script
fail.
"""

from __future__ import annotations

import argparse
import hashlib
import pickle
import sys
from time import process_time
from typing import Any

import numpy as np
from common import Table, at_least, make_parser, print_header, read_logs, trained_for
from drift import PROMISED, check_counts, rebuild, row_difference
from numpy.typing import NDArray

from skautoseqrec import AutoSeqRecRecommender, Interactions

MODELS: dict[str, dict[str, Any]] = {
    "closed form": {"objective": "closed_form"},
    "network": {"max_iter": 1, "n_components": 64},
}
#: Users who are asked before the answers are compared with those of a rebuild.
N_ASKED = 200


def main() -> int:
    """Print one table a log; return how many models drifted farther than promised."""
    options = parse_options()
    n_failures = 0
    for ordered in read_logs(options):
        print_header(ordered.title, options.seeds)
        heads = ["model", "events", "weights", "counts", "sums, rel.", "scores", "updates/s"]
        table = Table(heads, width=20)
        for name in options.models:
            for seed in options.seeds[: 1 if name == "closed form" else None]:
                n_failures += not measure(name, ordered.log, seed, table, options)
    return n_failures


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser, number = make_parser(__doc__, seeds=[0]), {"type": at_least(1), "metavar": "N"}
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS), help="default: all")
    parser.add_argument("--updates", **number, default=100_000, help="events that arrive, at most half of the log")
    parser.add_argument("--largest", **number, default=1, help="most events of one update; default: %(default)s")
    return parser.parse_args()


def measure(name: str, log: Interactions, seed: int, table: Table, options: argparse.Namespace) -> bool:
    """Print the row of a model, and return whether all is as promised."""
    log = log[log.to_columns().time_order()]
    n_fitted = max(len(log) - options.updates, len(log) // 2)
    parameters = {**MODELS[name], **trained_for(options)}
    if name == "network":
        name = f"network, max_iter={parameters['max_iter']}"
    recommender = AutoSeqRecRecommender(**parameters, random_state=seed)
    before = fingerprint(recommender.fit(log[:n_fitted]))
    seconds = update(recommender, log[n_fitted:], seed, options.largest)
    is_same = fingerprint(recommender) == before
    state = recommender._serving.state
    base, expected = state.merged(), rebuild(recommender)
    check_counts(base.counts, expected.counts)
    pairs = [(base.source, expected.source), (base.target[:, :-1], expected.target[:, :-1])]
    drift = max(
        *(row_difference(actual.numpy(), wanted.numpy()) for actual, wanted in pairs),
        row_difference(base.levels.reshape(-1, 1), expected.levels.reshape(-1, 1)),
    )
    users = recommender.user_ids_[:N_ASKED]
    scores = all_scores(recommender, users)
    distance = float(np.abs(all_scores(recommender.refresh(), users) - scores).max() / np.abs(scores).max())
    n_updates = len(log) - n_fitted
    cells = "the same" if is_same else "CHANGED", "equal", f"{drift:.0e}", f"{distance:.0e}"
    table.add(name, f"{n_updates:,}", *cells, f"{n_updates / seconds:,.0f}")
    return is_same and drift <= PROMISED


def fingerprint(recommender: AutoSeqRecRecommender) -> str:
    """Return a digest of everything that only a fit may change, to the last bit."""
    scorer = recommender._serving.scorer
    module, linear = scorer.model.module, scorer.model.linear
    arrays = [tensor.numpy().tobytes() for _, tensor in sorted(module.state_dict().items())]
    if linear is not None:
        arrays += [linear.items.tobytes(), linear.weights.numpy().tobytes()]
    fitted = pickle.dumps((recommender.blend_, recommender.gate_, dict(scorer.cold_blend)))
    return hashlib.sha256(b"".join([*arrays, fitted])).hexdigest()


def update(recommender: AutoSeqRecRecommender, log: Interactions, seed: int, largest: int) -> float:
    """Add a log in pieces of random size, up to the largest; return the CPU seconds."""
    rng = np.random.default_rng(seed)
    begin, start = process_time(), 0
    while start < len(log):
        size = int(rng.integers(1, largest + 1))
        recommender.partial_update(log[start : start + size])
        start += size
    return process_time() - begin


def all_scores(recommender: AutoSeqRecRecommender, users: NDArray[Any]) -> NDArray[np.float32]:
    """Return the score of every item for some users, in order of item_ids_."""
    n_items = len(recommender.item_ids_)
    ids, scores = recommender.predict_topk(users, k=n_items, exclude_seen=False, return_scores=True)
    order = np.argsort(ids, axis=1, kind="stable")
    return np.take_along_axis(scores, order, axis=1)


if __name__ == "__main__":
    sys.exit(main())
