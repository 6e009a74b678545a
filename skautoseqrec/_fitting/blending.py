"""The blends of a fit: fixed where they are given or nothing tells better, else fitted to the held-out part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch

from .._fit_settings import FitSettings
from .._network.heads import Heads
from .._network.model import Model
from .._network.vectors import NEURAL_PARTS
from .._scoring.blend import Blend, part_of
from .._scoring.parts import PARTS, Linear, Neighbours
from .blend_fit import fit_gate, fit_weights
from .result import Blends
from .validation import Validation

#: With fewer usable events than this, nothing is fitted on them, and with fewer than the second, no gate.
FEWEST_EVENTS, FEWEST_GATED = 50, 300
#: Numbers that hold every part of every candidate's score: 48 MiB of float32. Twice as many give the same weights.
BLENDED_FEATURES = 3 * 2**22


class Blending:
    """Where the blends of a fit come from.

    Parameters
    ----------
    settings : FitSettings
        The estimator's parameters, resolved for the log.
    heads : Heads
        The objective's.
    device : torch.device
        Where candidates are scored.
    """

    def __init__(self, settings: FitSettings, heads: Heads, device: torch.device) -> None:
        self._settings, self._heads, self._device = settings, heads, device

    def fixed(self) -> Blends:
        """Return the blends before anything is fitted: what is given, or else the objective's own."""
        settings = self._settings
        cold_blend = Blend.cold(settings.sequence)
        if not settings.fits_blend:
            return Blends(cast(Blend, settings.blend), cold_blend)
        return Blends(Blend.default(self._heads, settings.sequence, settings.exclude_seen), cold_blend)

    def start(self) -> Mapping[str, float]:
        """Return the weights before any is fitted, of the terms that have a say.

        These are the terms that weigh anything in a given blend. Of one that is fitted, they are all but those that
        score every candidate alike (whom a user has met where that is left out, what no network or no pairs are there
        for), and those that the objective leaves out.
        """
        settings, terms = self._settings, self.fixed().blend.terms()
        if not settings.fits_blend:
            return {term: weight for term, weight in terms.items() if weight}
        silent = {part.NAME for part in PARTS if part.NEEDS_SEEN and settings.exclude_seen} | self._heads.LEFT_OUT
        silent |= {Neighbours.NAME} if not settings.neighbour_window else set()
        silent |= {Linear.NAME} if settings.linear_penalty is None else set()
        return {term: weight for term, weight in terms.items() if part_of(term) not in silent}

    def with_fitted(self, weights: Mapping[str, float]) -> Blend:
        """Return the blend with these weights; no other term has any."""
        blend = self.fixed().blend
        return blend.with_terms(dict.fromkeys(blend.terms(), 0.0) | dict(weights))

    def prior(self) -> Mapping[str, float] | None:
        """Return the weights that fitted ones are near; None if the parts have no scale in common."""
        return self.fixed().blend.terms() if self._heads.BLEND is None else None

    def fitted(self, validation: Validation, model: Model, start: Mapping[str, float]) -> Blends:
        """Return the blends that make the events of a validation most likely, for users with a history and without."""
        choices = validation.choices(model, BLENDED_FEATURES, start, self._device, each_part=True)
        prior = self.prior()
        fit = fit_weights(choices, start, prior=prior)
        if self._settings.gate and len(choices.features) >= FEWEST_GATED:
            fit = fit_gate(choices, fit.weights, prior)
        del choices
        return Blends(self.with_fitted(fit.weights), self._fit_cold(validation, model), fit.gate)

    def _fit_cold(self, validation: Validation, model: Model) -> Blend:
        """Return the blend of users without history that makes their events most likely, if there are enough."""
        blend = self.fixed().cold_blend
        if not self._settings.trend_half_lives:
            return blend  # event counts have nothing to be weighed against
        absent = set(NEURAL_PARTS) - set(self._heads.PARTS)
        fixed = {term: weight for term, weight in blend.terms().items() if part_of(term) not in absent}
        choices = validation.choices(model, BLENDED_FEATURES, fixed, self._device, cold=True, each_part=True)
        if len(choices.features) < FEWEST_EVENTS:
            return blend
        return blend.with_terms(fit_weights(choices, fixed).weights)
