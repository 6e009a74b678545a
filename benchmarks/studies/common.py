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

from accuracy import Ordered, read_logs  # noqa: E402
from peers.folds import Fold, valid_and_test  # noqa: E402
from synthetic_logs import WORLDS  # noqa: E402

import skautoseqrec  # noqa: E402
from skautoseqrec.metrics import mean_reciprocal_rank, ranks_from_reciprocal, recall_at_k  # noqa: E402

__all__ = [
    "Accuracy",
    "Fold",
    "Ordered",
    "Table",
    "at_least",
    "draw",
    "fold_of",
    "make_parser",
    "over_seeds",
    "print_header",
    "read_logs",
    "read_share",
    "refuse_beside",
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


def at_least(smallest: int) -> Callable[[str], int]:
    """Return what reads an option that is a whole number of at least so much."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < smallest:
            raise argparse.ArgumentTypeError(f"must be a whole number of at least {smallest}, not {text!r}")
        return int(text)

    return read


def read_share(text: str) -> float:
    """Read an option that is a share of something: above 0, and 1 at most."""
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"must be above 0 and at most 1, not {text!r}")
    return value


def log_file(text: str) -> Path:
    """Read an option that is a file."""
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text!r}")
    return path


def make_parser(
    description: str | None,
    *,
    seeds: Sequence[int],
    part: str | None = None,
    is_drawn: bool = False,
    reads_logs: bool = True,
) -> argparse.ArgumentParser:
    """Return the parser of the options that studies share, to which each adds its own.

    Parameters
    ----------
    description : str or None
        What the study does.
    seeds : sequence of int
        The usual seeds.
    part : {"valid", "test"} or None, default=None
        The part that is usually walked; None if the study walks none of the two.
    is_drawn : bool, default=False
        Whether the study draws a figure.
    reads_logs : bool, default=True
        Whether the study is of logs that are chosen; otherwise it makes its own.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    add, many, number = parser.add_argument, {"nargs": "+"}, {"type": at_least(1), "metavar": "N"}
    seed = {"type": at_least(0), "metavar": "SEED", **many}
    if reads_logs:
        add("--data", **many, type=log_file, default=[], metavar="FILE", help="logs; default: the plain world")
        add("--worlds", **many, choices=WORLDS, default=[], help="synthetic logs")
        add("--shuffle-ties", **seed, default=[], help="shuffle tied rows")
    add("--seeds", **seed, default=[*seeds], help="random states of what is trained; default: %(default)s")
    add("--max-iter", **number, help="train for N epochs at most")
    if part is not None:
        add("--part", choices=PARTS, default=part, help="tenth of the log that is walked; default: %(default)s")
        add("--walked", **number, help="walk over the first N events of it only")
    if is_drawn:
        add("--figure", type=Path, metavar="FILE", help="draw the table into a file (needs matplotlib)")
    return parser


def refuse_beside(parser: argparse.ArgumentParser, options: argparse.Namespace, choice: str, *others: str) -> None:
    """End the study with a message if an option was given beside one that leaves it without meaning."""
    for name in others:
        if getattr(options, name) != parser.get_default(name):
            parser.error(f"--{name.replace('_', '-')} has no meaning beside {choice}: leave it out.")


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


def print_header(title: str, seeds: Sequence[int]) -> None:
    """Print what a table was made with: command, log, row order, seeds and versions."""
    print(f"\n{date.today()}: python {shlex.join(sys.argv)}")
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    print(f"skautoseqrec {skautoseqrec.__version__}, python {platform.python_version()}, {versions}")
    print(f"{title}; seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}", flush=True)


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


#: The files that were drawn, in order.
DRAWN: list[Path] = []


def draw(path: Path | None, title: str, plot: Callable[[Any], None], size: tuple[float, float] = (6.4, 4.2)) -> None:
    """Draw a figure into a file, if one is wanted, the next ones into numbered files: ``plot`` is given the axes."""
    if path is None:
        return
    DRAWN.append(path)
    if (number := DRAWN.count(path)) > 1:
        path = path.with_stem(f"{path.stem}-{number}")
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SystemExit("--figure needs matplotlib: pip install matplotlib") from error
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    plot(axes)
    axes.set_title(title, fontsize="medium")
    # Without its date, the same figure is the same file.
    figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)
    print(f"drawn: {path}")
