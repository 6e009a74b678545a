"""How far sums of float32 drift from a rebuild, over many random updates and some forgetting.

Counts are integers and must equal those of a rebuild. What is added up from them in float32 rounds at every merge: the
script prints by how much, before each forgetting (which builds everything anew) and at the end. It runs once with sums
that are never built anew otherwise, and once as the package does it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._counts.counts import Counts
from skautoseqrec._state import state as _state
from skautoseqrec._state.base import Base

#: Events that weights are trained on; everything else arrives later.
N_FITTED = 1000
#: The largest relative difference that is promised.
PROMISED = 1e-4
LINE = "{:>12}{:>12}{:>12}{:>12}{:>12}{:>12}"


def main() -> int:
    """Print one table for sums that are never built anew, and one for those of the package."""
    options = parse_options()
    print("never built anew")
    n_failures = run(options, rebuilt_after=np.inf)
    print("built anew by itself")
    return n_failures + run(options)


def run(options: argparse.Namespace, rebuilt_after: float = _state.REBUILT_AFTER) -> int:
    """Print a table of how far sums are from a rebuild, and return how often they are farther than promised."""
    n_failures, usual = 0, _state.REBUILT_AFTER
    print("largest difference from a rebuild, relative to the row")
    print(LINE.format("events", "built from", "source", "target", "norms", "levels"), flush=True)
    _state.REBUILT_AFTER = rebuilt_after
    for recommender in replay(make_log(options), options):
        state = recommender._serving.state
        base, expected = state.merged(), rebuild(recommender)
        check_counts(base.counts, expected.counts)
        drifts = [
            row_difference(base.source.numpy(), expected.source.numpy()),
            row_difference(base.target[:, :-1].numpy(), expected.target[:, :-1].numpy()),
            row_difference(base.target[:, -1:].numpy(), expected.target[:, -1:].numpy()),
            row_difference(base.levels.reshape(-1, 1), expected.levels.reshape(-1, 1)),
        ]
        n_failures += max(drifts) > PROMISED
        sizes = f"{len(state.events):,}", f"{base.n_built_from:,}"
        print(LINE.format(*sizes, *(f"{drift:.1e}" for drift in drifts)), flush=True)
    _state.REBUILT_AFTER = usual
    return n_failures


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line, or the arguments of another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=50_000, help="events of the log")
    parser.add_argument("--items", type=int, default=2000, help="items of the log")
    parser.add_argument("--components", type=int, default=64, help="size of the hidden representation")
    parser.add_argument("--forgets", type=int, default=2, help="how often something is forgotten")
    parser.add_argument("--seed", type=int, default=0, help="seed of the log and of what is forgotten")
    return parser.parse_args(arguments)


def make_log(options: argparse.Namespace) -> NDArray[np.int64]:
    """Return a log of users and items, a few of which have most of the events."""
    rng = np.random.default_rng(options.seed)
    items = (options.items * rng.random(options.events) ** 3).astype(np.int64)
    return np.column_stack([rng.integers(max(1, options.events // 50), size=options.events), items])


def replay(log: NDArray[np.int64], options: argparse.Namespace) -> Iterator[AutoSeqRecRecommender]:
    """Yield a recommender that takes in a log in pieces of random size, before each forgetting and at the end."""
    parameters = {"max_iter": 1, "early_stopping": False, "blend": {"two_hop": 1.0}, "exclude_seen": False}
    recommender = AutoSeqRecRecommender(options.components, random_state=0, **parameters).fit(log[:N_FITTED])
    rng = np.random.default_rng(options.seed)
    pauses = np.linspace(N_FITTED, len(log), options.forgets + 2).astype(int)
    for start, stop in pairwise(pauses.tolist()):
        while start < stop:
            size = min(int(rng.integers(1, 2000)), stop - start)
            recommender.partial_update(log[start : start + size])
            start += size
        yield recommender
        if stop < len(log):
            users = rng.choice(recommender.user_ids_, size=len(recommender.user_ids_) // 100, replace=False)
            gone = np.isin(recommender.item_ids_, rng.choice(recommender.item_ids_, size=3))
            recommender.forget(users=users, items=recommender.item_ids_[gone])


def rebuild(recommender: AutoSeqRecRecommender) -> Base:
    """Return the state built from all events at once."""
    state = recommender._serving.state
    events = state.events.log(len(state.user_vocabulary), len(state.item_vocabulary))
    counts = Counts.of(events, state.model.settings.step_weights, state.events.arrivals, state.events.clock)
    return Base.build(counts, events.items, state.model)


def check_counts(actual: Counts, expected: Counts) -> None:
    """Stop if anything that is counted in integers differs."""
    for name in ("indptr", "history", "popularity", "arrivals"):
        if not np.array_equal(getattr(actual, name), getattr(expected, name)):
            raise SystemExit(f"{name} differs from a rebuild.")
    if (actual.transitions != expected.transitions).nnz:
        raise SystemExit("The transitions differ from a rebuild.")


def row_difference(actual: NDArray[np.floating], expected: NDArray[np.floating]) -> float:
    """Return the largest distance of two rows, relative to the length of the expected one; none where it is zero."""
    lengths = np.linalg.norm(expected.astype(np.float64), axis=1)
    distances = np.linalg.norm(actual.astype(np.float64) - expected, axis=1)
    return float(np.max(distances[lengths > 0] / lengths[lengths > 0], initial=0.0))


if __name__ == "__main__":
    sys.exit(main() > 0)
