"""What a journal costs: seconds of ``partial_update`` with one and without, of single events and of 1,000 at once.

A recommender that is fitted in a moment is updated in turn without a journal and with one, which is on the disk of
``--folder``. With ``--beside`` the same is measured with another copy of the package, in turn with this one:

    OMP_NUM_THREADS=1 python benchmarks/journal_speed.py --beside ../older-checkout
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.datasets import make_interactions

PARAMETERS: dict[str, Any] = {
    "n_components": 16,
    "max_iter": 1,
    "blend": {"collaborative": 1.0, "direct": 1.0},
    "early_stopping": False,
    "random_state": 0,
}
#: Events per update, and how many updates of that size are one round.
SIZES = {1: 300, 1000: 20}


def main() -> None:
    """Print the median, the 90th and the 99th percentile of each kind of update."""
    options = parse_options()
    if options.measure:
        print(json.dumps(measure(options.folder)))
        return
    places = {"this copy": Path(__file__).parents[1]}
    if options.beside is not None:
        places["beside"] = options.beside.resolve()
    found: dict[str, dict[str, list[float]]] = {name: {} for name in places}
    for _ in range(options.rounds):
        for name, place in places.items():
            for kind, seconds in measure_elsewhere(place, options.folder).items():
                found[name].setdefault(kind, []).extend(seconds)
    for name, kinds in found.items():
        for kind, seconds in kinds.items():
            middle, high, highest = np.percentile(seconds, [50, 90, 99]) * 1e3
            print(f"{name}: {kind}: {middle:.3f} ms (90 %: {high:.3f}, 99 %: {highest:.3f}), {len(seconds)} updates")


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="how often each copy is measured")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="on the disk to measure")
    parser.add_argument("--beside", type=Path, metavar="FOLDER", help="of another copy of the package")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def measure_elsewhere(place: Path, folder: Path) -> dict[str, list[float]]:
    """Return what a process of its own measures with a copy of the package."""
    command = [sys.executable, __file__, "--measure", "--folder", str(folder)]
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": str(place)}, check=True, stdout=subprocess.PIPE, text=True
    )
    seconds: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    return seconds


def measure(folder: Path) -> dict[str, list[float]]:
    """Return the seconds of updates of each size, without a journal and with one."""
    rng = np.random.default_rng(0)
    recommender = AutoSeqRecRecommender(**PARAMETERS).fit(make_interactions(n_events=5000, random_state=0))
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(dir=folder) as name:
        for size, n_updates in SIZES.items():
            for title in ("without a journal", "with a journal"):
                if title == "with a journal":
                    recommender.save_model(Path(name, "model"), journal=Path(name, "journal"))
                updates = [draw_events(size, rng) for _ in range(n_updates)]
                found[f"{size:,} events {title}"] = [time_update(recommender, update) for update in updates]
                recommender.close_journal()
    return found


def draw_events(size: int, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Return events of some users and items, all of them after the log."""
    return np.c_[rng.integers(0, 500, size), rng.integers(0, 300, size), np.full(size, 10**10)]


def time_update(recommender: AutoSeqRecRecommender, events: np.ndarray[Any, Any]) -> float:
    """Return the seconds of one update."""
    start = perf_counter()
    recommender.partial_update(events)
    return perf_counter() - start


if __name__ == "__main__":
    main()
