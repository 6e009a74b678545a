"""The weights of the parts of a score: fitted by maximum likelihood of the true next item."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import optimize
from torch import Tensor


class Choices(NamedTuple):
    """Events as choices among candidates, the true item first.

    Parameters
    ----------
    features : Tensor of shape (n_events, n_candidates, n_parts)
        Every part of the score of every candidate.
    offsets : Tensor of shape (n_events, n_candidates)
        What is added to a candidate's score: minus infinity if it was not eligible; the log of how many items it stands
        for where candidates are a uniform sample (then the sum over candidates estimates that over all items).
    """

    features: Tensor
    offsets: Tensor

    def scores(self, weights: NDArray[np.float64]) -> Tensor:
        """Return the blended scores, shape (n_events, n_candidates)."""
        return self.features @ torch.from_numpy(weights).float() + self.offsets

    def mean_reciprocal_rank(self, weights: NDArray[np.float64]) -> float:
        """Return the mean reciprocal rank of the true item among the candidates, ties at half."""
        scores = self.features @ torch.from_numpy(weights).float()
        scores = scores.masked_fill_(torch.isneginf(self.offsets), -torch.inf)
        higher = (scores > scores[:, :1]).sum(1)
        tied = (scores == scores[:, :1]).sum(1) - 1
        return float((1 / (1 + higher + tied / 2)).mean())


def fit_weights(choices: Choices, start: NDArray[np.float64], max_iter: int = 100) -> NDArray[np.float64]:
    """Return the non-negative weights that make the true items most likely.

    Minimises ``mean(logsumexp(scores) - score of the true item)`` by L-BFGS-B with its analytic gradient.

    Parameters
    ----------
    choices : Choices
        The events.
    start : ndarray of shape (n_parts,)
        Where to begin.
    max_iter : int, default=100
        Most iterations.

    Returns
    -------
    weights : ndarray of shape (n_parts,)
        At least 0 each.
    """
    truth = choices.features[:, 0].mean(0).double().numpy()

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = choices.scores(weights)
        log_sums = torch.logsumexp(scores, 1)
        shares = torch.exp(scores - log_sums[:, None])
        expected = torch.einsum("ec,ecp->p", shares, choices.features).double().numpy() / len(scores)
        value = float((log_sums - scores[:, 0]).double().mean())
        return value, expected - truth

    bounds = [(0.0, None)] * len(start)
    return optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": max_iter}).x
