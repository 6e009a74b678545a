"""Where the time goes: microseconds of each stage of answering and of walking forward, beside the bare product.

Functions are wrapped with a clock, which adds about a microsecond to each call; what calls another is listed before it
and includes it. One epoch is trained, for speed does not depend on the weights.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from speed import BLEND, N_NEURAL_PARTS, read_log
from timing import time_call, time_calls

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._answers import forms
from skautoseqrec._counts.histories import Histories
from skautoseqrec._network import heads
from skautoseqrec._network.residual_encoder import ResidualReader
from skautoseqrec._scoring import queries, scorer, single, topk, walk_forward
from skautoseqrec._scoring.parts import Direct, Linear, Neighbours
from skautoseqrec._scoring.scorer import BLOCK_SIZE, Scorer
from skautoseqrec._scoring.single import Live
from skautoseqrec._scoring.trend import TrendView
from skautoseqrec._scoring.view import Recent
from skautoseqrec._state import replay
from skautoseqrec._state.replay import ArrivingLog, Replay
from skautoseqrec._state.snapshot import Snapshot
from skautoseqrec._state.state import State
from skautoseqrec.model_selection import temporal_train_test_split

#: What is measured: where each stage is looked up when it is called, its name there, and what it does.
STAGES: list[tuple[Any, str, str]] = [
    (State, "asked", "ids to histories"),
    (scorer, "form_queries", "queries of answers"),
    (walk_forward, "form_queries", "queries of a walk"),
    (queries, "history_norms", "  norms of decayed histories"),
    (ResidualReader, "encode", "  histories through their encoder"),
    (ResidualReader, "encode_one", "  one history through its encoder"),
    (Snapshot, "transitions_from", "  rows of T found and projected"),
    (ArrivingLog, "transitions_from", "  what the walk added to rows of T"),
    (queries, "SummedRows", "  rows of T added up"),
    (topk, "score_single", "one history scored by itself"),
    (Live, "__init__", "  what is the same for all of a moment"),
    (Live, "_inputs", "  its rows of T and its decayed items"),
    (single, "product_of", "  its products with vectors"),
    (Scorer, "score", "scores"),
    (heads, "product", "  the product"),
    (Direct, "add", "  direct part"),
    (Neighbours, "add", "  neighbours"),
    (Linear, "add", "  linear part"),
    (TrendView, "add_levels", "  trend when a block began"),
    (TrendView, "score_changes", "  trend since then"),
    (Recent, "add", "  changes since then, added"),
    (topk, "leave_out", "what was seen left out"),
    (topk, "leave_out_of_one", "what one user has seen left out"),
    (topk, "best_columns", "best k"),
    (topk, "best_places", "best k of one user"),
    (forms, "decode_answers", "codes to ids"),
    (Replay, "vector_changes", "changes by a block's own events"),
    (Replay, "add_events", "a block added to the state"),
    (replay, "ArrivingLog", "the walk laid out"),
    (walk_forward, "reciprocal_ranks", "ranks"),
    (Histories, "places", "places of what was seen"),
]
LINE = "{:<40}{:>12}{:>10}"


class Clock:
    """Sums of seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        for owner, name, stage in STAGES:
            setattr(owner, name, self._timed(getattr(owner, name), stage))

    def _timed(self, function: Callable[..., Any], stage: str) -> Callable[..., Any]:
        @wraps(function)
        def timed(*arguments: Any, **options: Any) -> Any:
            start = perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                self.seconds[stage] = self.seconds.get(stage, 0.0) + perf_counter() - start

        return timed

    def report(self, title: str, run: Callable[[], Any], n_blocks: float) -> None:
        """Run something twice and print what each stage of the second run took per block."""
        run()
        self.seconds.clear()
        total = time_call(lambda _: run(), None)
        print(f"\n{title}\n" + LINE.format("", "us", "share"))
        for stage in [stage for _, _, stage in STAGES if stage in self.seconds]:
            seconds = self.seconds[stage]
            print(LINE.format(stage, f"{seconds / n_blocks * 1e6:,.0f}", f"{seconds / total:.0%}"))
        print(LINE.format("all", f"{total / n_blocks * 1e6:,.0f}", "100%"))


def main() -> None:
    """Print the stages of one user, of 1,024 users and of a walk."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, metavar="FILE", help="default: a synthetic log")
    parser.add_argument("--components", type=int, default=256, help="size of the hidden representation")
    parser.add_argument("--walked", type=int, default=20_000, metavar="N", help="walk over the first N events only")
    options = parser.parse_args()
    log, title = read_log(options.data)
    fitted, rest = temporal_train_test_split(log, test_size=0.1)
    parameters = {"max_iter": 1, "early_stopping": False, "blend": BLEND, "random_state": 0}
    recommender = AutoSeqRecRecommender(options.components, **parameters).fit(fitted)
    vectors = torch.rand(BLOCK_SIZE, N_NEURAL_PARTS * options.components)
    items = torch.rand(len(recommender.item_ids_), vectors.shape[1])
    product = np.median(time_calls(lambda _: vectors @ items.T, range(30)))
    print(f"{title}: {log}; d = {options.components}, {torch.get_num_threads()} threads")
    print(f"the bare product of {BLOCK_SIZE} queries: {product * 1e6:,.0f} us")
    clock, draw = Clock(), np.random.default_rng(0).choice
    users = draw(recommender.user_ids_, (500, 1))
    clock.report("one user", lambda: [recommender.predict_topk(user) for user in users], len(users))
    batches = draw(recommender.user_ids_, (20, 1024))
    n_blocks = batches.size / BLOCK_SIZE
    clock.report("256 of 1,024 users", lambda: [recommender.predict_topk(batch) for batch in batches], n_blocks)
    arriving = rest[: options.walked]
    clock.report("256 events of a walk", partial(recommender.score_samples, arriving), len(arriving) / BLOCK_SIZE)


if __name__ == "__main__":
    main()
