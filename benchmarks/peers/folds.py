"""The parts of a log: what is fitted, and the events after it that are walked."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from skautoseqrec import Interactions
from skautoseqrec.datasets import load_interactions
from skautoseqrec.model_selection import TemporalSplit

__all__ = ["Fold", "judged_fold", "read_log", "valid_and_test"]


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


def valid_and_test(log: Interactions) -> tuple[Fold, Fold]:
    """Return the ninth tenth after a fit on all before it, and the last tenth likewise."""
    valid, test = TemporalSplit(n_splits=2, test_size=0.1).split(log)
    return Fold(log[valid[0]], log[valid[1]]), Fold(log[test[0]], log[test[1]])


def judged_fold(log: Interactions, n_judged: int) -> Fold:
    """Return the valid part cut to its newest events; what is cut off is fitted."""
    valid, _ = TemporalSplit(n_splits=2, test_size=0.1).split(log)
    rows = np.concatenate(valid)
    n_walked = min(len(valid[1]), n_judged)
    return Fold(log[rows[:-n_walked]], log[rows[-n_walked:]])
