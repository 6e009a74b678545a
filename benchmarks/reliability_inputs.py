"""Bad input by the hundred thousand: every case works without changing an id, or is refused by the package itself."""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from pathlib import Path
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

from attempts import try_cases

#: Hypothesis grows slow over very many examples.
CASES_AT_A_TIME = 500
LINE = "{:<44}{:>10}{:>10}"


def run(n_cases: int, seconds: float | None = None) -> int:
    """Try cases, print what came of each kind and return the number of failures.

    Parameters
    ----------
    n_cases : int
        How many cases.
    seconds : float or None, default=None
        Stop after so long, whatever is left.

    Returns
    -------
    n_failures : int
        Cases that neither worked nor were refused as they should.
    """
    counted: Counter[tuple[str, str]] = Counter()
    failures: dict[str, list[Any]] = defaultdict(list)
    start = perf_counter()
    while (n_tried := sum(counted.values())) < n_cases and (seconds is None or perf_counter() - start < seconds):
        n_next = min(CASES_AT_A_TIME, n_cases - n_tried)
        try_cases(n_next, counted, lambda call, case, error: failures[str(error)].append((call, case)))
    print(LINE.format("kind", "worked", "refused"))
    for kind in sorted({kind for kind, _ in counted}):
        print(LINE.format(kind, counted[kind, "worked"], counted[kind, "refused"]))
    outcomes = [sum(n for (_, each), n in counted.items() if each == outcome) for outcome in ("worked", "refused")]
    print(LINE.format("all", *outcomes))
    n_failures = sum(map(len, failures.values()))
    print(f"cases {sum(outcomes)}, failures {n_failures}, {perf_counter() - start:.0f} s")
    for message, cases in failures.items():
        call, case = cases[0]
        print(f"  {len(cases)} x {call}, {case.kind} {case.columns!r:.200}: {message}")
    return n_failures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=None, help="stop after so long")
    arguments = parser.parse_args()
    sys.exit(run(arguments.cases, arguments.seconds) > 0)
