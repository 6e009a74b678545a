"""Everything that docs/reliability.rst promises, at its full count: run it before a release."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

import reliability_inputs
import reliability_threads

#: What is counted, by name; each returns its number of failures.
CHECKS: dict[str, Callable[[argparse.Namespace], int]] = {
    "inputs": lambda arguments: reliability_inputs.run(arguments.cases),
    "threads": lambda arguments: reliability_threads.run(arguments.seconds, arguments.readers),
}


def main() -> int:
    """Run the chosen checks and return how many failures all of them had."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=CHECKS, default=list(CHECKS))
    parser.add_argument("--cases", type=int, default=100_000, help="hostile arguments to try")
    parser.add_argument("--seconds", type=float, default=60, help="for how long threads ask beside a writer")
    parser.add_argument("--readers", type=int, default=4, help="threads that ask")
    arguments = parser.parse_args()
    failures = 0
    for name in arguments.only:
        print(f"== {name}", flush=True)
        failures += CHECKS[name](arguments)
    print(f"failures in all: {failures}")
    return failures


if __name__ == "__main__":
    sys.exit(main() > 0)
