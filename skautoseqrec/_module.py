"""The network: one encoder and three decoders over sparse rows of items. Nothing here knows of data or training."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

#: The decoders, named as the keys of ``learning_rate`` and ``dropout``: the user's history, T and T transposed.
DECODERS = ("collaborative", "source", "target")

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda values: values,
    "logistic": torch.sigmoid,
    "relu": torch.relu,
    "tanh": torch.tanh,
}


class SparseRows:
    """A batch of sparse rows over items, in the layout that an embedding bag reads.

    Parameters
    ----------
    items : Tensor of shape (n_entries,), int64
        Item codes, row after row.
    values : Tensor of shape (n_entries,), float32
        Value of each entry.
    offsets : Tensor of shape (n_rows,), int64
        Where each row begins in ``items``.
    """

    def __init__(self, items: Tensor, values: Tensor, offsets: Tensor) -> None:
        self.items = items
        self.values = values
        self.offsets = offsets

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.offsets)

    def to(self, device: torch.device) -> SparseRows:
        """Return the same rows on another device."""
        return SparseRows(self.items.to(device), self.values.to(device), self.offsets.to(device))

    def row_of_entry(self) -> Tensor:
        """Return the row of each entry."""
        ends = torch.cat([self.offsets[1:], self.offsets.new_tensor([len(self.items)])])
        return torch.repeat_interleave(torch.arange(len(self), device=self.items.device), ends - self.offsets)

    def drop(self, probability: float, training: bool) -> SparseRows:
        """Return the rows with entries dropped and the others scaled up."""
        return SparseRows(self.items, functional.dropout(self.values, probability, training), self.offsets)

    def to_dense(self, n_items: int) -> Tensor:
        """Return the rows as a dense matrix of shape (n_rows, n_items)."""
        dense = self.values.new_zeros(len(self), n_items)
        return dense.index_put_((self.row_of_entry(), self.items), self.values, accumulate=True)

    def project(self, weight: Tensor) -> Tensor:
        """Return the product of the rows with a matrix of shape (n_items, d)."""
        return functional.embedding_bag(self.items, weight, self.offsets, mode="sum", per_sample_weights=self.values)


class ItemSequences:
    """A batch of histories, newest item first, filled up behind.

    Parameters
    ----------
    items : Tensor of shape (n_rows, length), int64
        Item codes; any code where there is no item.
    values : Tensor of shape (n_rows, length), float32
        1 where there is an item, 0 where there is none.
    """

    def __init__(self, items: Tensor, values: Tensor) -> None:
        self.items = items
        self.values = values

    def __len__(self) -> int:
        """Return the number of histories."""
        return len(self.items)

    def to(self, device: torch.device) -> ItemSequences:
        """Return the same histories on another device."""
        return ItemSequences(self.items.to(device), self.values.to(device))

    def drop(self, probability: float, training: bool) -> ItemSequences:
        """Return the histories with items dropped, in their places, and the others scaled up."""
        return ItemSequences(self.items, functional.dropout(self.values, probability, training))

    def project(self, weight: Tensor, decays: Tensor) -> Tensor:
        """Return ``sum_k decays**(k - 1) * weight[k-th newest item]``, shape (n_rows, d)."""
        return cast(Tensor, DecayedSum.apply(weight, decays, self.items, self.values))


class DecayedSum(torch.autograd.Function):
    """Sums of an item's weights along each history, every component fading at a rate of its own.

    What autograd would keep, a vector for each place of each history, is formed anew a few histories at a time: so
    much memory costs more than the arithmetic.
    """

    #: Numbers in the vectors of so many histories as are formed at a time.
    CHUNK = 2**19

    @staticmethod
    def forward(ctx: Any, weight: Tensor, decays: Tensor, items: Tensor, values: Tensor) -> Tensor:
        """Return ``sum_k decays**(k - 1) * values[k] * weight[items[k]]``, shape (n_rows, d)."""
        ctx.save_for_backward(weight, decays, items, values)
        fading = _fading(decays, items.shape[1])
        sums = [weight.new_zeros(0, len(decays))]
        for rows in _chunks(items, len(decays)):
            faded = functional.embedding(items[rows], weight).mul_(fading)
            sums.append(torch.bmm(values[rows, None], faded)[:, 0])
        return torch.cat(sums)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        """Return the gradients of the weights and of the decays."""
        weight, decays, items, values = ctx.saved_tensors
        (gradient,) = gradients
        fading = _fading(decays, items.shape[1])
        of_places = weight.new_empty(*items.shape, len(decays))
        of_fading = torch.zeros_like(fading)
        for rows in _chunks(items, len(decays)):
            shown = gradient[rows, None] * values[rows, :, None]
            torch.mul(shown, fading, out=of_places[rows])
            of_fading += shown.mul_(functional.embedding(items[rows], weight)).sum(0)
        of_weight = torch.ops.aten.embedding_dense_backward(of_places, items, len(weight), -1, False)
        ages = torch.arange(len(fading), device=fading.device)[:, None]
        of_decays = (of_fading * ages * decays ** (ages - 1).clamp_min(0)).sum(0)
        return of_weight, of_decays, None, None


def _fading(decays: Tensor, length: int) -> Tensor:
    """Return what is left of each component after 0, 1, ... steps, shape (length, d)."""
    return decays ** torch.arange(length, device=decays.device)[:, None]


def _chunks(items: Tensor, n_components: int) -> Iterator[slice]:
    """Yield slices of the rows."""
    size = max(1, DecayedSum.CHUNK // max(1, items.shape[1] * n_components))
    for start in range(0, len(items), size):
        yield slice(start, start + size)


class HistoryEncoder(nn.Module):
    """Encodes a history in its own way: decays learned per dimension, then a residual block.

    Parameters
    ----------
    n_components : int
        Size d of the hidden representation.
    dropout : float
        Share of values dropped before the block, inside it and after it.
    """

    #: Decays start between these, evenly in the logarithm of how far they reach back.
    FIRST_DECAY, LAST_DECAY = 0.1, 0.995

    def __init__(self, n_components: int, dropout: float) -> None:
        super().__init__()
        reach = torch.logspace(math.log10(1 - self.FIRST_DECAY), math.log10(1 - self.LAST_DECAY), n_components)
        self.decay_logits = nn.Parameter(torch.logit(1 - reach))
        self.norm = nn.LayerNorm(n_components)
        self.block = nn.Sequential(
            nn.Linear(n_components, 2 * n_components),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(2 * n_components, n_components),
            nn.Dropout(dropout),
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, histories: ItemSequences, weight: Tensor) -> Tensor:
        """Return the encoded histories, given the encoder's weight of every item."""
        hidden = self.dropout(self.norm(histories.project(weight, torch.sigmoid(self.decay_logits))))
        return hidden + self.block(hidden)


class AutoSeqRecModule(nn.Module):
    """One shared encoder and a decoder for each of the three matrices (paper, section 3.2).

    Parameters
    ----------
    n_items : int
        Number of items n.
    n_components : int
        Size d of the hidden representation.
    activation : {"identity", "logistic", "relu", "tanh"}
        Activation of the encoder.
    history : HistoryEncoder or None, default=None
        What encodes histories for the collaborative decoder; without one they are encoded like any row.
    """

    def __init__(self, n_items: int, n_components: int, activation: str, history: HistoryEncoder | None = None) -> None:
        super().__init__()
        self.activation = activation
        # Row i is the encoder's weight of item i: a sparse row is encoded by adding up the rows of its items.
        self.encoder_weight = nn.Parameter(torch.empty(n_items, n_components))
        self.encoder_bias = nn.Parameter(torch.empty(n_components))
        self.decoders = nn.ModuleDict({name: nn.Linear(n_components, n_items) for name in DECODERS})
        self.history = history

    def decoder(self, name: str) -> nn.Linear:
        """Return one of the three decoders."""
        return cast(nn.Linear, self.decoders[name])

    @property
    def n_items(self) -> int:
        """Number of items that have weights."""
        return self.encoder_weight.shape[0]

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """Return the weights that are stepped together: the encoder's, and those of each decoder."""
        parts = {name: list(decoder.parameters()) for name, decoder in self.decoders.items()}
        if self.history is not None:
            parts["collaborative"] += self.history.parameters()
        return {"encoder": [self.encoder_weight, self.encoder_bias], **parts}

    def encode_sequences(self, histories: ItemSequences) -> Tensor:
        """Return the histories as the encoder that is their own encodes them."""
        return cast(HistoryEncoder, self.history)(histories, self.encoder_weight)

    def activate(self, projections: Tensor, dropout: float = 0.0) -> Tensor:
        """Return ``f`` of rows already multiplied by the encoder's weight; dropout comes before the activation."""
        linear = functional.dropout(projections + self.encoder_bias, dropout, self.training)
        return ACTIVATIONS[self.activation](linear)
