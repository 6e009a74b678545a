"""The blend's weights: fitted by maximum likelihood of the true next item.

A softmax alone has to leave probability for the most surprising of all next items, and flattens every score for their
sake; a ranking does not care how far behind they are. So what is maximised is ``mean(log(p0 + softmax(scores)))``: an
item that would get much less than p0 is a surprise, whichever way it is scored, and counts for nothing. Why p0 is a
number, and not a share that is spread over the items, stands in the design notes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import optimize
from torch import Tensor

from .._scoring.walk_forward import TIE_TOLERANCE, rank_among
from .._utils.devices import beside

#: With much less probability than this an item is a surprise, when the blend is fitted.
LEAST_FORETOLD = 0.01
#: The name of the only term of choices that are blended already.
SCALE = "scale"
#: Spread of the normal prior of a weight; it bounds the weights where few events could be split by chance.
PRIOR_SPREAD = 10.0


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
    """

    terms: tuple[str, ...]
    features: Tensor
    offsets: Tensor

    def vector(self, weights: Mapping[str, float]) -> NDArray[np.float64]:
        """Return weights by name in the order of the features."""
        return np.array([weights[term] for term in self.terms], dtype=np.float64)

    def blended(self, weights: Mapping[str, float]) -> Choices:
        """Return the same choices with one feature, the blended score, whose term is :data:`SCALE`."""
        return Choices((SCALE,), self._scores(self.vector(weights))[..., None], self.offsets)

    def mean_reciprocal_rank(self, weights: Mapping[str, float]) -> float:
        """Return the mean reciprocal rank of the true items, estimated where candidates stand for other items."""
        scores = self._scores(self.vector(weights))
        is_eligible = torch.isfinite(self.offsets)
        tolerance = TIE_TOLERANCE * (scores.abs() * is_eligible).amax(1, keepdim=True)
        stands_for, target = self.offsets.exp(), scores[:, :1]
        n_higher = torch.where(scores > target + tolerance, stands_for, 0.0).sum(1)
        n_tied = torch.where((scores - target).abs() <= tolerance, stands_for, 0.0).sum(1) - 1
        return float((1 / rank_among(n_higher, n_tied)).mean())

    def scores(self, weights: NDArray[np.float64]) -> Tensor:
        """Return the blended scores under weights in the order of the features, shape (n_events, n_candidates)."""
        return self._scores(weights) + self.offsets

    def _scores(self, weights: NDArray[np.float64]) -> Tensor:
        return self.features @ beside(self.features, weights.astype(np.float32))


class Fit(NamedTuple):
    """Fitted weights by term, and the mean log-likelihood of the true items under them, less the prior."""

    weights: dict[str, float]
    log_likelihood: float


def fit_weights(
    choices: Choices,
    start: Mapping[str, float],
    max_iter: int = 100,
    least_foretold: float = LEAST_FORETOLD,
    left_out: Collection[str] = (),
) -> Fit:
    """Find the non-negative weights that make the true items most likely.

    Maximises ``mean(log(p0 + p))``, p the softmax of the scores at the true item and p0 what surprises have less of,
    under a wide normal prior, by L-BFGS-B with its analytic gradient.

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

    Returns
    -------
    fit : Fit
        Weights of at least 0 each, and the likelihood.
    """
    features = choices.features
    surprise = features.new_full((), least_foretold).log()

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logarithms = torch.log_softmax(choices.scores(weights), 1)
        foretold = logarithms[:, 0]
        likelihoods = torch.logaddexp(foretold, surprise)
        is_foretold = torch.exp(foretold - likelihoods)[:, None]
        shares = logarithms.exp_()
        # As one product over all candidates of all events, which is faster than einsum.
        expected = (shares * is_foretold).flatten() @ features.flatten(0, 1)
        gradient = (expected - (features[:, 0] * is_foretold).sum(0)) / len(features)
        prior = weights / (PRIOR_SPREAD**2 * len(features))
        value = -float(likelihoods.double().mean()) + float(weights @ prior) / 2
        return value, gradient.double().cpu().numpy() + prior

    bounds = [(0.0, 0.0 if term in left_out else None) for term in choices.terms]
    first = np.array([0.0 if term in left_out else start[term] for term in choices.terms])
    found = optimize.minimize(loss, first, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": max_iter})
    return Fit(dict(zip(choices.terms, found.x.tolist(), strict=True)), -float(found.fun))
