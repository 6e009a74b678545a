"""Readers beside a writer for minutes: every answer must be one that was current while it was computed."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

from concurrency import stress


def run(seconds: float, n_readers: int) -> int:
    """Stress for some time, print what was checked and return the number of failures.

    Parameters
    ----------
    seconds : float
        For how long.
    n_readers : int
        Threads that ask; one more writes.

    Returns
    -------
    n_failures : int
        Answers that were never current, and calls that raised.
    """
    counted, failures = stress(seconds, n_readers)
    print(
        f"answers {counted['answers']}, of them during an update {counted['answers during updates']}, "
        f"updates {counted['updates']}, failures {len(failures)}"
    )
    for failure in failures[:10]:
        print(f"  {failure}")
    return len(failures)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--readers", type=int, default=4)
    arguments = parser.parse_args()
    sys.exit(run(arguments.seconds, arguments.readers) > 0)
