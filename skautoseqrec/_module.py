"""The network: one encoder and three decoders over sparse rows of items. Nothing here knows of data or training."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

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
    """

    def __init__(self, n_items: int, n_components: int, activation: str) -> None:
        super().__init__()
        self.activation = activation
        # Row i is the encoder's weight of item i: a sparse row is encoded by adding up the rows of its items.
        self.encoder_weight = nn.Parameter(torch.empty(n_items, n_components))
        self.encoder_bias = nn.Parameter(torch.empty(n_components))
        self.decoders = nn.ModuleDict({name: nn.Linear(n_components, n_items) for name in DECODERS})

    def decoder(self, name: str) -> nn.Linear:
        """Return one of the three decoders."""
        return cast(nn.Linear, self.decoders[name])

    @property
    def n_items(self) -> int:
        """Number of items that have weights."""
        return self.encoder_weight.shape[0]

    def activate(self, projections: Tensor, dropout: float = 0.0) -> Tensor:
        """Return ``f`` of rows already multiplied by the encoder's weight; dropout comes before the activation."""
        linear = functional.dropout(projections + self.encoder_bias, dropout, self.training)
        return ACTIVATIONS[self.activation](linear)
