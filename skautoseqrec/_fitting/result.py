"""What training comes to: its result, and the record of each epoch that early stopping reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from .._counts.counted_log import CountedLog
from .._network.model import Model
from .._network.module import AutoSeqRecModule
from .._scoring.blend import Blend
from .._scoring.gate import Gate
from .._scoring.scorer import Scorer, Serving
from .._state.state import State
from .blend_fit import SCALE


class Blends(NamedTuple):
    """Weights of the parts of a score.

    Parameters
    ----------
    blend, cold_blend : Blend
        For users with a history and without one.
    gate : Gate or None, default=None
        How the situation changes the weights of ``blend``.
    """

    blend: Blend
    cold_blend: Blend
    gate: Gate | None = None


class TrainingResult(NamedTuple):
    """All that an estimator is fitted with.

    Parameters
    ----------
    log : CountedLog
        The whole log: what is known, whichever part of it the weights were trained on.
    model : Model
        The weights after the last epoch that counts.
    blends : Blends
        Weights of the parts of a score.
    loss_curve : sequence of dict
        The losses of each epoch that the weights were trained for.
    validation_scores : sequence of float
        The score of each epoch with a held-out part; empty if nothing was held out.
    """

    log: CountedLog
    model: Model
    blends: Blends
    loss_curve: Sequence[dict[str, float]]
    validation_scores: Sequence[float]

    def attributes(self) -> dict[str, Any]:
        """Return the attributes of an estimator that is fitted with this."""
        return {
            "loss_curve_": list(self.loss_curve),
            "n_iter_": len(self.loss_curve),
            "validation_scores_": list(self.validation_scores),
            "_serving": Serving(State(*self.log, self.model), Scorer(self.model, *self.blends)),
        }


class Verdict(NamedTuple):
    """What the held-out part says of an epoch.

    Parameters
    ----------
    weights : mapping
        The blend: as it was fitted, or as it was given.
    scale : mapping
        What a given blend is multiplied by; 1 where it is fitted.
    score : float
        Mean log-likelihood of the held-out events.
    """

    weights: Mapping[str, float]
    scale: Mapping[str, float]
    score: float


class EpochRecord(NamedTuple):
    """The whole epochs of a training with a held-out part.

    A record never changes: a training that is interrupted still holds a whole number of epochs.

    Parameters
    ----------
    weights : mapping
        The blend after the newest epoch, by term.
    scale : mapping
        What a blend that is given, not fitted, was multiplied by after that epoch.
    losses : tuple of dict
        The losses of each epoch.
    scores : tuple of float
        The log-likelihood of the held-out part after each epoch.
    newest, best : AutoSeqRecModule or None
        The module after the newest epoch, and after the one of the highest score; None before the first epoch.
    """

    weights: Mapping[str, float]
    scale: Mapping[str, float] = MappingProxyType({SCALE: 1.0})
    losses: tuple[dict[str, float], ...] = ()
    scores: tuple[float, ...] = ()
    newest: AutoSeqRecModule | None = None
    best: AutoSeqRecModule | None = None

    def after(self, losses: dict[str, float], module: AutoSeqRecModule, verdict: Verdict) -> EpochRecord:
        """Return the record one epoch later."""
        weights, scale, score = verdict
        best = module if score > max(self.scores, default=-np.inf) else self.best
        return EpochRecord(weights, scale, (*self.losses, losses), (*self.scores, score), module, best)

    def is_out_of_patience(self, n_iter_no_change: int, tol: float) -> bool:
        """Tell whether none of the last ``n_iter_no_change`` scores beat the best before it by more than ``tol``.

        A score that beats all others of these by more than that is still rising, and is waited for: the likelihood
        falls when the blend first weighs a network that knows little, and narrow networks take longer to come back.
        """
        best, n_since = -np.inf, 0
        for score in self.scores:
            n_since = 0 if score > best + tol else n_since + 1
            best = max(best, score)
        others = self.scores[-n_iter_no_change:-1]
        is_rising = bool(others) and self.scores[-1] > max(others) + tol
        return n_since >= n_iter_no_change and not is_rising

    def kept(self, early_stopping: bool) -> tuple[AutoSeqRecModule, int]:
        """Return the module to keep and its number of epochs: with early stopping the best one, else the newest."""
        if early_stopping:
            module, n_iter = self.best, 1 + int(np.argmax(self.scores))
        else:
            module, n_iter = self.newest, len(self.losses)
        assert module is not None
        return module, n_iter
