"""What the studies share: options, logs and their split in time, figures of accuracy, tables, and pictures.

A study is a script of its own: ``python benchmarks/studies/sensitivity.py --data ml-100k.csv.gz``.
"""

from __future__ import annotations

import argparse
import platform
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

BENCHMARKS = Path(__file__).parents[1]
if str(BENCHMARKS) not in sys.path:
    sys.path.append(str(BENCHMARKS))

from accuracy import WORLDS, Ordered, read_logs  # noqa: E402
from peers.folds import Fold, valid_and_test  # noqa: E402

import skautoseqrec  # noqa: E402
from skautoseqrec.metrics import mean_reciprocal_rank, ranks_from_reciprocal, recall_at_k  # noqa: E402

__all__ = [
    "Accuracy",
    "Fold",
    "Ordered",
    "Table",
    "draw",
    "fold_of",
    "make_parser",
    "over_seeds",
    "print_header",
    "read_logs",
    "trained_for",
]

LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch")
PARTS = ("valid", "test")


class Accuracy(NamedTuple):
    """The mean reciprocal rank and the recall of ten items over some events."""

    mrr: float
    recall: float

    @classmethod
    def of(cls, reciprocal_ranks: NDArray[np.float64]) -> Accuracy:
        """Return both of the reciprocal ranks of events."""
        ranks = ranks_from_reciprocal(reciprocal_ranks)
        return cls(float(mean_reciprocal_rank(ranks)), float(recall_at_k(ranks)))


def make_parser(description: str | None, part: str = "test") -> argparse.ArgumentParser:
    """Return the parser of the options that every study has, to which it adds its own."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", type=Path, default=[], metavar="FILE", help="default: the plain world")
    parser.add_argument("--worlds", nargs="+", choices=WORLDS, default=[], help="synthetic logs")
    parser.add_argument("--shuffle-ties", nargs="+", type=int, default=[], metavar="SEED", help="shuffle tied rows")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="random states of what is trained")
    parser.add_argument("--part", choices=PARTS, default=part, help="tenth of the log that is walked")
    parser.add_argument("--walked", type=int, metavar="N", help="walk over the first N events of it only")
    parser.add_argument("--max-iter", type=int, metavar="N", help="train for N epochs at most")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="draw the table into a file (needs matplotlib)")
    return parser


def fold_of(log: Any, options: argparse.Namespace) -> Fold:
    """Return what is fitted, and the events of the chosen part that are walked."""
    fitted, walked = valid_and_test(log)[PARTS.index(options.part)]
    return Fold(fitted, walked[: options.walked])


def trained_for(options: argparse.Namespace) -> dict[str, int]:
    """Return the parameter that bounds the epochs, if they are bounded."""
    return {} if options.max_iter is None else {"max_iter": options.max_iter}


def over_seeds(measure: Callable[[int], Sequence[float]], seeds: Iterable[int]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the mean and the standard deviation over seeds of what is measured with each."""
    values = np.array([measure(seed) for seed in seeds], dtype=np.float64)
    return values.mean(0), values.std(0)


def print_header(title: str, options: argparse.Namespace) -> None:
    """Print what a table was made with: command, log, row order, seeds and versions."""
    print(f"\n{date.today()}: python {shlex.join(sys.argv)}")
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    print(f"skautoseqrec {skautoseqrec.__version__}, python {platform.python_version()}, {versions}")
    print(f"{title}; seeds {', '.join(map(str, options.seeds))}", flush=True)


class Table:
    """A table that is printed row by row, as soon as a row is known.

    Parameters
    ----------
    names : sequence of str
        Heads of the columns; the first one is wide and flush left.
    """

    def __init__(self, names: Sequence[str], width: int = 34) -> None:
        self._line = f"{{:<{width}}}" + "".join(f"{{:>{max(len(name) + 2, 12)}}}" for name in names[1:])
        print(self._line.format(*names), flush=True)

    def add(self, *cells: Any) -> None:
        """Print a row; numbers of accuracy have four places."""
        print(
            self._line.format(*(f"{cell:.4f}" if isinstance(cell, float) else f"{cell}" for cell in cells)), flush=True
        )


def draw(path: Path | None, title: str, plot: Callable[[Any], None], size: tuple[float, float] = (6.4, 4.2)) -> None:
    """Draw a figure into a file, if one is wanted: ``plot`` is given the axes."""
    if path is None:
        return
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SystemExit("--figure needs matplotlib: pip install matplotlib") from error
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    plot(axes)
    axes.set_title(title, fontsize="medium")
    figure.savefig(path, dpi=150)
    print(f"drawn: {path}")
