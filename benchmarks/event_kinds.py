"""What weights of kinds of events are worth: purchases ranked in a synthetic shop, under several weights of a view.

Views follow fashion, and purchases a law of their own (``make_shop_log``). A fit in closed form for each seed and
weight; the newest fifth of the log is walked, and its purchases are judged.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Mapping

import numpy as np

from skautoseqrec import AutoSeqRecRecommender, Interactions
from skautoseqrec.datasets import make_shop_log
from skautoseqrec.model_selection import temporal_train_test_split

#: What is tried, by its name in the table.
WEIGHTS: dict[str, Mapping[str, float] | None] = {
    "all events alike": None,
    "a view counts .5": {"view": 0.5, "buy": 1},
    "a view counts .2": {"view": 0.2, "buy": 1},
    "a view counts .05": {"view": 0.05, "buy": 1},
    "views are context": {"view": 0, "buy": 1},
}
LINE = "{:<20}" + "{:>10}" * 4


def main() -> int:
    """Print one line for each way to weigh, and return 1 if weighted events are not ahead for every seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=200, help="users of the shop")
    parser.add_argument("--items", type=int, default=60, help="items of the shop")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # people come back to what they viewed
    logs = [make_shop_log(options.users, options.items, random_state=seed) for seed in range(3)]
    print("MRR of purchases")
    print(LINE.format("", "seed 0", "seed 1", "seed 2", "mean"))
    table = {}
    for name, event_weights in WEIGHTS.items():
        table[name] = [judge_purchases(log, event_weights) for log in logs]
        figures = [f"{value:.3f}" for value in (*table[name], np.mean(table[name]))]
        print(LINE.format(name, *figures), flush=True)
    alike, *weighted = table.values()
    return int(any(value <= other for values in weighted for value, other in zip(values, alike, strict=True)))


def judge_purchases(log: Interactions, event_weights: Mapping[str, float] | None) -> float:
    """Return the mean reciprocal rank of the newest purchases."""
    train, test = temporal_train_test_split(log, test_size=0.2)
    recommender = AutoSeqRecRecommender(
        objective="closed_form", exclude_seen=False, event_weights=event_weights, verbose=0
    )
    return recommender.fit(train).score(test, judge="buy")


if __name__ == "__main__":
    sys.exit(main())
