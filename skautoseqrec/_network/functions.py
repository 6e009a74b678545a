"""Torch functions written out by hand: what autograd would keep costs more than the arithmetic does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

#: So many values share a number drawn for their mask, in which so many bits decide for each.
VALUES_PER_DRAW, BITS = 4, 16


class SoftmaxCrossEntropy(torch.autograd.Function):
    """Mean cross-entropy of softmax rows against sparse targets; all is formed in the logits' own memory."""

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, rows: Tensor, items: Tensor, shares: Tensor, weights: Tensor | None = None
    ) -> Tensor:
        """Return the mean over rows of ``logsumexp(logits) - sum(shares * logits[items])``; logits are overwritten.

        ``weights`` multiply the rows; None for 1.
        """
        if weights is not None:
            shares = shares * weights[rows]
        asked = (logits[rows, items] * shares).sum()
        largest = logits.amax(1)
        # In place: torch reads a row before it writes it.
        probabilities = torch.softmax(logits.detach(), 1, out=logits.detach())
        # The largest logit less the log of its probability is the log of the sum.
        log_sums = largest - probabilities.amax(1).log_()
        ctx.save_for_backward(probabilities, rows, items, shares)
        ctx.weights = weights
        return ((log_sums if weights is None else log_sums * weights).sum() - asked) / len(logits)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None, None]:
        """Return the gradient of the logits."""
        probabilities, rows, items, shares = ctx.saved_tensors
        scale = gradients[0] / len(probabilities)
        excess = probabilities.mul_(scale if ctx.weights is None else scale * ctx.weights[:, None])
        return excess.index_put_((rows, items), -scale * shares, accumulate=True), None, None, None, None


class RowProduct(torch.autograd.Function):
    """Products of sparse rows and a matrix, on the CPU: the gradient of the matrix is such a product, too.

    It is that of the transposed rows. What torch does instead sorts the entries, and takes three to four times as long.
    """

    @staticmethod
    def forward(ctx: Any, weight: Tensor, items: Tensor, values: Tensor, offsets: Tensor) -> Tensor:
        """Return the sum of ``values[e] * weight[items[e]]`` over the entries of each row, shape (n_rows, d)."""
        ctx.save_for_backward(items, values, offsets)
        ctx.n_items = len(weight)
        return bag(weight, items, values, offsets)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        """Return the gradient of the matrix."""
        items, values, offsets = (saved.numpy() for saved in ctx.saved_tensors)
        rows = sparse.csr_matrix((values, items, np.append(offsets, len(items))), (len(offsets), ctx.n_items))
        of_items = rows.tocsc()
        entries = (torch.from_numpy(array) for array in (of_items.indices, of_items.data, of_items.indptr[:-1]))
        return bag(gradients[0], *entries), None, None, None


def bag(weight: Tensor, items: Tensor, values: Tensor, offsets: Tensor) -> Tensor:
    """Return what ``torch.nn.functional.embedding_bag`` does of a weighted sum, without its checks."""
    return torch.embedding_bag(weight, items, offsets, False, 0, False, values)[0]  # a sum is mode 0


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
        left = fading(decays, items.shape[1])
        # Beside each sum the one that its derivative by the decays is made of: every place as often as it is steps old.
        ages = torch.arange(items.shape[1], device=items.device)
        factors = torch.stack([values, values * ages], 1)
        sums = [weight.new_zeros(0, 2, len(decays))]
        for rows in chunks(items, len(decays)):
            with torch.autocast(weight.device.type, enabled=False):  # small products, of what is added up
                sums.append(torch.bmm(factors[rows], functional.embedding(items[rows], weight).mul_(left)))
        both = torch.cat(sums)
        ctx.save_for_backward(weight, decays, items, values, both[:, 1])
        return both[:, 0]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        """Return the gradients of the weights and of the decays."""
        weight, decays, items, values, aged_sums = ctx.saved_tensors
        (gradient,) = gradients
        left = fading(decays, items.shape[1])
        of_places = weight.new_empty(*items.shape, len(decays))
        for rows in chunks(items, len(decays)):
            torch.mul(gradient[rows, None], left, out=of_places[rows]).mul_(values[rows, :, None])
        of_weight = torch.ops.aten.embedding_dense_backward(of_places, items, len(weight), -1, False)
        return of_weight, (gradient * aged_sums).sum(0) / decays, None, None


def fading(decays: Tensor, length: int) -> Tensor:
    """Return what is left of each component after 0, 1, ... steps, shape (length, d)."""
    return decays ** torch.arange(length, device=decays.device)[:, None]


def chunks(items: Tensor, n_components: int) -> Iterator[slice]:
    """Yield slices of the rows of some sequences, as many as are formed at a time."""
    size = max(1, DecayedSum.CHUNK // max(1, items.shape[1] * n_components))
    for start in range(0, len(items), size):
        yield slice(start, start + size)


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
