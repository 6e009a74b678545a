"""How a validated training has gone so far."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._network.module import AutoSeqRecModule


class Course(NamedTuple):
    """The whole epochs of a validated training: losses, scores, the blend by now, the newest weights and the best.

    It never changes, so that whoever is interrupted holds a whole number of epochs.
    """

    weights: NDArray[np.float64]
    losses: tuple[dict[str, float], ...] = ()
    scores: tuple[float, ...] = ()
    newest: AutoSeqRecModule | None = None
    best: AutoSeqRecModule | None = None

    def after(
        self, losses: dict[str, float], score: float, weights: NDArray[np.float64], module: AutoSeqRecModule
    ) -> Course:
        """Return the course one epoch later."""
        is_best = score > max(self.scores, default=-np.inf)
        best = module if is_best else self.best
        return Course(weights, (*self.losses, losses), (*self.scores, score), module, best)

    def n_since_gain(self, tol: float) -> int:
        """Return how many epochs ago one last beat the best before it by more than ``tol``."""
        best, n_since = -np.inf, 0
        for score in self.scores:
            n_since = 0 if score > best + tol else n_since + 1
            best = max(best, score)
        return n_since

    def kept(self, early_stopping: bool) -> tuple[AutoSeqRecModule, int]:
        """Return the weights to keep, the best or the newest, and how many epochs they were trained."""
        module, n_iter = (
            (self.best, 1 + int(np.argmax(self.scores))) if early_stopping else (self.newest, len(self.losses))
        )
        assert module is not None
        return module, n_iter
