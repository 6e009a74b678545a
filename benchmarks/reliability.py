"""Everything that docs/reliability.rst promises, at its full count: run it before a release."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

import drift
import reliability_arguments
import reliability_files
import reliability_inputs
import reliability_threads

#: What is counted, by name; each returns its number of failures.
CHECKS: dict[str, Callable[[argparse.Namespace], int]] = {
    "inputs": lambda arguments: reliability_inputs.run(arguments.cases),
    "arguments": lambda arguments: reliability_arguments.run(arguments.calls),
    "threads": lambda arguments: reliability_threads.run(arguments.seconds, arguments.readers),
    "files": lambda arguments: reliability_files.run(arguments.mutations, 0),
    "kills": lambda arguments: reliability_files.run(0, arguments.kills),
    "drift": lambda arguments: drift.run(drift.parse_options(["--events", str(arguments.events)])),
}


def main() -> int:
    """Run the chosen checks and return how many failures all of them had."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=CHECKS, default=list(CHECKS))
    parser.add_argument("--cases", type=int, default=100_000, help="hostile arguments to try")
    parser.add_argument("--calls", type=int, default=10_000, help="calls to try with arguments of any kind")
    parser.add_argument("--seconds", type=float, default=60, help="for how long threads ask beside a writer")
    parser.add_argument("--readers", type=int, default=4, help="threads that ask")
    parser.add_argument("--mutations", type=int, default=100_000, help="files to damage")
    parser.add_argument("--kills", type=int, default=200, help="processes to kill")
    parser.add_argument("--events", type=int, default=10_000_000, help="events to let in and partly forget")
    arguments = parser.parse_args()
    failures = 0
    for name in arguments.only:
        print(f"== {name}", flush=True)
        failures += CHECKS[name](arguments)
    print(f"failures in all: {failures}")
    return failures


if __name__ == "__main__":
    sys.exit(main() > 0)
