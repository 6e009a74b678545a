"""The parts of a log: what is fitted, and the events after it that are walked."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skautoseqrec import Interactions
from skautoseqrec.datasets import load_interactions
from skautoseqrec.model_selection import TemporalSplit

__all__ = ["Fold", "judged_fold", "read_log", "split_rows", "valid_and_test"]


class Fold(NamedTuple):
    """What is fitted and what is walked forward afterwards, both in time order."""

    fitted: Interactions
    walked: Interactions


def read_log(path: Path, shuffle_seed: int | None = None) -> Interactions:
    """Return a log in file order, or with rows shuffled: sorted by time, tied rows then stand in another order."""
    log = load_interactions(path)
    if shuffle_seed is None:
        return log
    if log.times is None:
        raise ValueError(f"{path.name} has no timestamps: there are no ties to shuffle.")
    return log[np.random.default_rng(shuffle_seed).permutation(len(log))]


def split_rows(log: Interactions) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return the rows of the ninth tenth and of all before it, then of the last tenth likewise; past first."""
    return list(TemporalSplit(n_splits=2, test_size=0.1).split(log))


def valid_and_test(log: Interactions) -> list[Fold]:
    """Return the ninth tenth after a fit on all before it, and the last tenth likewise."""
    return [Fold(log[fitted], log[walked]) for fitted, walked in split_rows(log)]


def judged_fold(log: Interactions, n_judged: int) -> Fold:
    """Return the valid part cut to its newest events; what is cut off is fitted."""
    valid, _ = split_rows(log)
    rows, n_walked = np.concatenate(valid), min(len(valid[1]), n_judged)
    return Fold(log[rows[:-n_walked]], log[rows[-n_walked:]])
