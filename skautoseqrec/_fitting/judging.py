"""Every epoch is judged by the held-out part: how likely its events are under the weights by then."""

from __future__ import annotations

import torch

from .._network.model import Model
from .blend_fit import Choices, fit_weights
from .blending import Blending
from .result import EpochRecord, Verdict
from .validation import Validation

#: Numbers that hold every part of every candidate's score while training is monitored: 24 MiB of float32.
MONITORED_FEATURES = 3 * 2**21
#: Iterations of the fit of the blend after an epoch: it goes on from that of the epoch before.
MONITORED_ITER = 15


class Judge:
    """Judges the weights after each epoch of a training.

    The candidates are chosen anew after each epoch. Those of an early epoch would miss what competes later, and make
    every later epoch look better than it is.

    Parameters
    ----------
    validation : Validation
        The held-out part.
    blending : Blending
        How the blend is fitted.
    fits_blend : bool
        Whether the blend is fitted, and not given.
    device : torch.device
        Where candidates are scored.
    """

    def __init__(self, validation: Validation, blending: Blending, fits_blend: bool, device: torch.device) -> None:
        self._validation, self._blending = validation, blending
        self._fits_blend, self._device = fits_blend, device
        self._choices: Choices | None = None

    def judge(self, model: Model, record: EpochRecord) -> Verdict:
        """Return what the held-out part says of a model's weights, given the record of the epochs before."""
        weights, scale = record.weights, record.scale
        self._choices = None  # before the next ones are formed
        choices = self._choices = self._validation.choices(model, MONITORED_FEATURES, weights, self._device)
        # No event is a surprise here (p0 = 0): all of them tell how far training has come, and the curve is smooth.
        if self._fits_blend:
            weights, score, _ = fit_weights(choices, weights, MONITORED_ITER, 0.0, prior=self._blending.prior())
        else:
            scale, score, _ = fit_weights(choices.blended(weights), scale, MONITORED_ITER, least_foretold=0.0)
        return Verdict(weights, scale, score)

    def describe(self, verdict: Verdict) -> str:
        """Return what is printed of the newest verdict."""
        assert self._choices is not None
        rank = self._choices.mean_reciprocal_rank(verdict.weights)
        return f", MRR of usable validation events {rank:.4f}, log-likelihood {verdict.score:.4f}"
