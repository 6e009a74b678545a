"""The blend's weights: fitted by maximum likelihood of the true next item.

A softmax alone has to leave probability for the most surprising of all next items, and flattens every score for their
sake; a ranking does not care how far behind they are. So what is maximised is ``mean(log(p0 + softmax(scores)))``: an
item that would get much less than p0 is a surprise, whichever way it is scored, and counts for nothing. Why p0 is a
number, and not a share that is spread over the items, stands in the design notes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import optimize
from torch import Tensor

from .._scoring.blend import part_of
from .._scoring.gate import STEEPEST, Gate
from .._scoring.walk_forward import TIE_TOLERANCE, rank_among
from .._utils.devices import beside
from .._utils.products import multiply

#: With much less probability than this an item is a surprise, when the blend is fitted.
LEAST_FORETOLD = 0.01
#: The name of the only term of choices that are blended already.
SCALE = "scale"
#: Spread of the normal prior of a weight around a given one: what few events say by chance is not believed.
PRIOR_SPREAD = 1.0
#: Its spread around zero where none is given; it bounds the weights where few events could be split by chance.
WIDE_SPREAD = 10.0
#: Penalty of the squared coefficients of a gate, and most iterations of its fit.
GATE_PENALTY, GATED_ITER = 3e-3, 60


class Choices(NamedTuple):
    """Events as choices among candidates, the true item first.

    Parameters
    ----------
    terms : tuple of str
        What each feature is: the names of the blend's terms.
    features : Tensor of shape (n_events, n_candidates, n_terms)
        Every term of the score of every candidate.
    offsets : Tensor of shape (n_events, n_candidates)
        What is added to a candidate's score: minus infinity if it was not eligible; the log of how many items it stands
        for where candidates are a uniform sample (then the sum over candidates estimates that over all items).
    situations : ndarray of shape (n_events, n_features)
        The situation in which each item was chosen.
    shares : Tensor of shape (n_events,) or None, default=None
        What each event counts beside the mean of all; None if all count the same.
    """

    terms: tuple[str, ...]
    features: Tensor
    offsets: Tensor
    situations: NDArray[np.float64]
    shares: Tensor | None = None

    @property
    def n_effective(self) -> float:
        """How many events of equal weight say as much as these (Kish's effective sample size)."""
        n_events = len(self.features)
        return n_events if self.shares is None else n_events / max(float(self.shares.square().mean()), 1.0)

    def mean(self, values: Tensor) -> float:
        """Return the mean of one value per event, each counting as much as its event."""
        return float((values if self.shares is None else values * self.shares).mean())

    def vector(self, weights: Mapping[str, float]) -> NDArray[np.float64]:
        """Return weights by name in the order of the features."""
        return np.array([weights[term] for term in self.terms], dtype=np.float64)

    def blended(self, weights: Mapping[str, float]) -> Choices:
        """Return the same choices with one feature, the blended score, whose term is :data:`SCALE`."""
        return self._replace(terms=(SCALE,), features=self._scores(self.vector(weights))[..., None])

    def mean_reciprocal_rank(self, weights: Mapping[str, float]) -> float:
        """Return the mean reciprocal rank of the true items, estimated where candidates stand for other items."""
        scores = self._scores(self.vector(weights))
        is_eligible = torch.isfinite(self.offsets)
        tolerance = TIE_TOLERANCE * (scores.abs() * is_eligible).amax(1, keepdim=True)
        stands_for, target = self.offsets.exp(), scores[:, :1]
        n_higher = torch.where(scores > target + tolerance, stands_for, 0.0).sum(1)
        n_tied = torch.where((scores - target).abs() <= tolerance, stands_for, 0.0).sum(1) - 1
        return self.mean(1 / rank_among(n_higher, n_tied))

    def scores(self, weights: NDArray[np.float64]) -> Tensor:
        """Return the blended scores under weights in the order of the features, shape (n_events, n_candidates)."""
        return self._scores(weights) + self.offsets

    def _scores(self, weights: NDArray[np.float64]) -> Tensor:
        return self.features @ beside(self.features, weights.astype(np.float32))


class Fit(NamedTuple):
    """Fitted weights by term, the mean log-likelihood of the true items under them, less the prior, and a gate."""

    weights: dict[str, float]
    log_likelihood: float
    gate: Gate | None = None


def fit_weights(
    choices: Choices,
    start: Mapping[str, float],
    max_iter: int = 100,
    least_foretold: float = LEAST_FORETOLD,
    left_out: Collection[str] = (),
    prior: Mapping[str, float] | None = None,
) -> Fit:
    """Find the non-negative weights that make the true items most likely.

    Maximises ``mean(log(p0 + p))``, p the softmax of the scores at the true item and p0 what surprises have less of,
    under a normal prior around given weights, by L-BFGS-B with its analytic gradient.

    Parameters
    ----------
    choices : Choices
        The events.
    start : mapping
        Where to begin: a weight for each term.
    max_iter : int, default=100
        Most iterations.
    least_foretold : float, default=0.01
        The probability p0, at least 0; with 0 nothing is a surprise.
    left_out : collection of str, default=()
        Terms whose weight is to be 0.
    prior : mapping or None, default=None
        The weights that the prior is around; None takes a wide one around zero.

    Returns
    -------
    fit : Fit
        Weights of at least 0 each, and the likelihood.
    """
    features, n_events = choices.features, len(choices.features)
    penalty = _penalty(choices.terms, prior, choices.n_effective)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        likelihood, residuals = _likelihood(choices, choices.scores(weights), least_foretold)
        # As one product over all candidates of all events, which is faster than einsum.
        gradient = (residuals.flatten() @ features.flatten(0, 1)).double().cpu().numpy() / n_events
        value, slope = penalty(weights)
        return value - likelihood, gradient + slope

    bounds = [(0.0, 0.0 if term in left_out else None) for term in choices.terms]
    first = np.array([0.0 if term in left_out else start[term] for term in choices.terms])
    found = optimize.minimize(loss, first, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": max_iter})
    return Fit(dict(zip(choices.terms, found.x.tolist(), strict=True)), -float(found.fun))


def fit_gate(choices: Choices, start: Mapping[str, float], prior: Mapping[str, float] | None) -> Fit:
    """Find weights together with a gate, as :func:`fit_weights` finds weights alone.

    Terms that weigh nothing at the start stay without weight. The squared coefficients of the gate have a penalty.

    Parameters
    ----------
    choices : Choices
        The events.
    start : mapping
        Where to begin: a weight for each term, fitted without a gate.
    prior : mapping or None
        The weights that the prior is around, as in :func:`fit_weights`.
    """
    used = [place for place, term in enumerate(choices.terms) if start[term] > 0]
    terms = [choices.terms[place] for place in used]
    features, n_events = choices.features[:, :, used], len(choices.features)
    neutral = Gate.neutral(choices.situations)
    parts = [part for part in neutral.coefficients if any(part_of(term) == part for term in terms)]
    if not parts:
        return fit_weights(choices, start, GATED_ITER, left_out=set(choices.terms) - set(terms), prior=prior)
    phi = neutral.standardised(choices.situations)
    of_part = np.array([[part_of(term) == part for term in terms] for part in parts], dtype=float)
    penalty, n_terms = _penalty(terms, prior, choices.n_effective), len(terms)

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights, coefficients = parameters[:n_terms], parameters[n_terms:].reshape(len(parts), -1)
        exponents = multiply(phi, coefficients.T)
        factors = np.exp(multiply(np.clip(exponents, -STEEPEST, STEEPEST), of_part))
        each = beside(features, (factors * weights).astype(np.float32))
        scores = (features @ each[:, :, None])[:, :, 0] + choices.offsets
        likelihood, residuals = _likelihood(choices, scores, LEAST_FORETOLD)
        slopes = (residuals[:, None] @ features)[:, 0].double().cpu().numpy() * factors / n_events
        value, slope = penalty(weights)
        bends = multiply(slopes * weights, of_part.T) * (np.abs(exponents) < STEEPEST)
        gradient = np.r_[slopes.sum(0) + slope, (multiply(bends.T, phi) + 2 * GATE_PENALTY * coefficients).ravel()]
        return value + GATE_PENALTY * float((coefficients**2).sum()) - likelihood, gradient

    first = np.r_[[start[term] for term in terms], np.zeros(len(parts) * phi.shape[1])]
    bounds = [(0.0, None)] * n_terms + [(None, None)] * (len(first) - n_terms)
    found = optimize.minimize(loss, first, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": GATED_ITER})
    weights = dict.fromkeys(choices.terms, 0.0) | dict(zip(terms, found.x[:n_terms].tolist(), strict=True))
    coefficients = dict(zip(parts, found.x[n_terms:].reshape(len(parts), -1), strict=True))
    return Fit(weights, -float(found.fun), replace(neutral, coefficients=coefficients))


def _penalty(
    terms: Sequence[str], prior: Mapping[str, float] | None, n_events: float
) -> Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]:
    """Return the function that returns what weights cost by a prior, per event, and its gradient."""
    center = np.array([0.0 if prior is None else prior[term] for term in terms])
    precision = 1 / ((WIDE_SPREAD if prior is None else PRIOR_SPREAD) ** 2 * n_events)

    def penalty(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        distance = weights - center
        return float(distance @ distance) * precision / 2, distance * precision

    return penalty


def _likelihood(choices: Choices, scores: Tensor, least_foretold: float) -> tuple[float, Tensor]:
    """Return the mean log of p0 + p, and by how much each score lowers the sum of them, with the sign of a loss.

    The scores are those of the candidates, the true item first. An event counts as much as it weighs.
    """
    surprise = scores.new_full((), least_foretold).log()
    logarithms = torch.log_softmax(scores, 1)
    foretold = logarithms[:, 0]
    likelihoods = torch.logaddexp(foretold, surprise)
    is_foretold = torch.exp(foretold - likelihoods)[:, None]
    residuals = logarithms.exp_().mul_(is_foretold)
    residuals[:, :1] -= is_foretold
    if choices.shares is not None:
        residuals.mul_(choices.shares[:, None])
    return choices.mean(likelihoods.double()), residuals
