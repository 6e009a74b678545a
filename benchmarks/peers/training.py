"""What rivals that are trained share: epochs, and how many of them are right, judged on later events."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Callable
from time import process_time
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from skautoseqrec import Interactions

from .replay import Replay

__all__ = ["Judged", "Trained", "judge_epochs"]


class Trained(Replay):
    """A rival that is trained by so many epochs. A subclass has ``build`` and ``train_epoch``.

    Parameters
    ----------
    max_iter : int
        Epochs.
    random_state : int
        Seed of the weights, of dropout and of the order of batches.

    Attributes
    ----------
    epochs_per_check : int
        Epochs between two looks at later events, where epochs are many and short.
    """

    epochs_per_check = 1

    def __init__(self, max_iter: int, random_state: int, *, exclude_seen: bool = True) -> None:
        super().__init__(exclude_seen=exclude_seen)
        self.max_iter, self.random_state = max_iter, random_state

    def learn(self) -> None:
        """Train on what was let in."""
        torch.manual_seed(self.random_state)
        self.rng = np.random.default_rng(self.random_state)
        self.build()
        for _ in range(self.max_iter):
            self.train_epoch()

    @abstractmethod
    def build(self) -> None:
        """Make the weights, and what an epoch goes through."""

    @abstractmethod
    def train_epoch(self) -> None:
        """Train for one epoch."""

    def judged(self) -> Replay:
        """Return a copy that may be walked, so that this one can be trained on."""
        return copy.deepcopy(self)


class Judged(NamedTuple):
    """The best number of epochs, the ranks after it, how many were trained, and why no more."""

    max_iter: int
    values: NDArray[np.float64]
    n_trained: int
    reason: str


def judge_epochs(
    make: Callable[[int], Trained],
    fitted: Interactions,
    walked: Interactions,
    ties: str,
    patience: int,
    most_seconds: float,
    most_epochs: int,
) -> Judged:
    """Return after how many epochs later events are ranked best.

    Parameters
    ----------
    make : callable
        Returns the rival, given the number of epochs.
    fitted, walked : Interactions
        What is trained on, and the later events.
    ties : {"row", "together"}
        When tied events see each other.
    patience : int
        Training ends after so many looks at later events that were no better than the best.
    most_seconds : float
        Training ends after so many seconds of CPU time, looks included.
    most_epochs : int
        Training ends after so many epochs.
    """
    started = process_time()
    model = make(0).fit(fitted)
    best = Judged(0, np.zeros(len(walked)), 0, "")
    n_epochs = n_since = 0
    reason = "most epochs"
    while n_epochs < most_epochs:
        for _ in range(model.epochs_per_check):
            model.train_epoch()
        n_epochs += model.epochs_per_check
        values = model.judged().score_samples(walked, ties)
        n_since += 1
        if values.mean() > best.values.mean():
            best, n_since = Judged(n_epochs, values, n_epochs, ""), 0
        if n_since >= patience:
            reason = "patience"
            break
        if process_time() - started > most_seconds:
            reason = "budget"
            break
    return best._replace(n_trained=n_epochs, reason=reason)
