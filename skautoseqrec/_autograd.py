"""Functions whose gradients are written out, for what autograd would keep costs more than the arithmetic does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional


class SoftmaxCrossEntropy(torch.autograd.Function):
    """Mean cross-entropy of softmax rows against sparse targets; the gradient is formed in the logits' own memory."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, rows: Tensor, items: Tensor, shares: Tensor) -> Tensor:
        """Return the mean over rows of ``logsumexp(logits) - sum(shares * logits[items])``."""
        normalizers = torch.logsumexp(logits, 1)
        ctx.save_for_backward(logits, normalizers, rows, items, shares)
        return (normalizers.sum() - (logits[rows, items] * shares).sum()) / len(logits)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        """Return the gradient of the logits, which are overwritten by it."""
        logits, normalizers, rows, items, shares = ctx.saved_tensors
        excess = logits.detach().sub_(normalizers[:, None]).exp_()
        excess.index_put_((rows, items), -shares, accumulate=True)
        return excess.mul_(gradients[0] / len(excess)), None, None, None


class DecayedSum(torch.autograd.Function):
    """Sums of an item's weights along each history, every component fading at a rate of its own.

    Between forward and backward nothing is kept of the places; what is formed for them is formed a few histories at a
    time, but for the gradient of the weights.
    """

    #: Numbers in the vectors of so many histories as are formed at a time.
    CHUNK = 2**19

    @staticmethod
    def forward(ctx: Any, weight: Tensor, decays: Tensor, items: Tensor, values: Tensor) -> Tensor:
        """Return ``sum_k decays**(k - 1) * values[k] * weight[items[k]]``, shape (n_rows, d)."""
        ctx.save_for_backward(weight, decays, items, values)
        left = fading(decays, items.shape[1])
        sums = [weight.new_zeros(0, len(decays))]
        for rows in chunks(items, len(decays)):
            faded = functional.embedding(items[rows], weight).mul_(left)
            sums.append(torch.bmm(values[rows, None], faded)[:, 0])
        return torch.cat(sums)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        """Return the gradients of the weights and of the decays."""
        weight, decays, items, values = ctx.saved_tensors
        (gradient,) = gradients
        left = fading(decays, items.shape[1])
        of_places = weight.new_empty(*items.shape, len(decays))
        of_left = torch.zeros_like(left)
        for rows in chunks(items, len(decays)):
            shown = gradient[rows, None] * values[rows, :, None]
            torch.mul(shown, left, out=of_places[rows])
            of_left += shown.mul_(functional.embedding(items[rows], weight)).sum(0)
        of_weight = torch.ops.aten.embedding_dense_backward(of_places, items, len(weight), -1, False)
        ages = torch.arange(len(left), device=left.device)[:, None]
        of_decays = (of_left * ages * decays ** (ages - 1).clamp_min(0)).sum(0)
        return of_weight, of_decays, None, None


def fading(decays: Tensor, length: int) -> Tensor:
    """Return what is left of each component after 0, 1, ... steps, shape (length, d)."""
    return decays ** torch.arange(length, device=decays.device)[:, None]


def chunks(items: Tensor, n_components: int) -> Iterator[slice]:
    """Yield slices of the rows of some sequences, as many as are formed at a time."""
    size = max(1, DecayedSum.CHUNK // max(1, items.shape[1] * n_components))
    for start in range(0, len(items), size):
        yield slice(start, start + size)
