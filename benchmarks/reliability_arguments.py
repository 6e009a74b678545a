"""Arguments of any kind by the thousand: every call ends in an answer of its form, or in an error that names one.

Whatever a question ends in, it leaves the recommender as it was.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from time import perf_counter

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

from argument_attempts import try_arguments

LINE = "{:<32}{:>10}{:>10}"


def run(n_cases: int, seed: int = 0) -> int:
    """Try so many cases, print what came of each call and each fault, and return the number of faults."""
    torch.set_num_threads(1)
    counted, start = Counter[tuple[str, str]](), perf_counter()
    faults = try_arguments(n_cases, seed, counted)
    print(LINE.format("call", "worked", "refused"))
    for name in sorted({name for name, _ in counted}):
        print(LINE.format(name, counted[name, "worked"], counted[name, "refused"]))
    outcomes = [sum(n for (_, each), n in counted.items() if each == outcome) for outcome in ("worked", "refused")]
    print(LINE.format("all", *outcomes))
    print(f"cases {sum(outcomes)}, faults {len(faults)}, {perf_counter() - start:.0f} s")
    for fault in faults:
        print(f"  {fault}")
    return len(faults)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    sys.exit(run(arguments.cases, arguments.seed) > 0)
