"""Dropout like torch's, whose mask takes a fifth of the time on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn

#: So many values share a number drawn for their mask, in which so many bits decide for each.
VALUES_PER_DRAW, BITS = 4, 16


def drop(values: Tensor, probability: float) -> Tensor:
    """Return values, some of them zero and the others scaled up (torch's random state).

    Parameters
    ----------
    values : Tensor
        Of any shape.
    probability : float
        Share of the values that are dropped, taken to the nearest 2**-16; in [0, 1).
    """
    n_dropped = min(round(probability * 2**BITS), 2**BITS - 1)
    if n_dropped == 0:
        return values
    n_draws = -(-values.numel() // VALUES_PER_DRAW)
    draws = torch.empty(n_draws, dtype=torch.int64, device=values.device).random_(-(2**63), None)
    bits = draws.view(torch.int16)[: values.numel()].view(values.shape)
    is_kept = bits >= n_dropped - 2 ** (BITS - 1)
    return values * is_kept.to(values.dtype).mul_(2**BITS / (2**BITS - n_dropped))


class Dropout(nn.Module):
    """A layer that drops in training.

    Parameters
    ----------
    probability : float
        As of :func:`drop`.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, values: Tensor) -> Tensor:
        """Return the values, in training with some of them dropped."""
        return drop(values, self.probability) if self.training else values
