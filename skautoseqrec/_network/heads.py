"""Heads: how encoded queries and items become the neural parts of a score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

#: In the order in which they stand in vectors: what fitted blends leave out comes first, so the others are one range.
NEURAL_PARTS = ("one_hop", "collaborative", "two_hop")
#: The parts that have a bias per item, and the decoders it comes from.
BIASED_PARTS = {"one_hop": "source", "collaborative": "collaborative"}


class Hidden(NamedTuple):
    """Encoded queries, one row each, in the order of the neural parts."""

    source: Tensor  # z_s (n_rows, d), from the transitions out of the last items
    user: Tensor  # (n_rows, d), what the collaborative decoder reads, from the history
    two_hop: Tensor  # (n_rows, d), whose product with what reaches an item is the two-hop part

    def to(self, device: torch.device) -> Hidden:
        """Return the same on another device."""
        return Hidden(*(part.to(device) for part in self))


class ItemSide(NamedTuple):
    """What is known of the items to be ranked: decoder rows (weights) beside what leads to them (state).

    Parameters
    ----------
    vectors : Tensor of shape (n_items, 3 d)
        The source decoder's row, the collaborative decoder's row, and what the transitions into the item reach.
    biases : mapping of decoder to Tensor of shape (n_items,)
        The decoders' biases.
    """

    vectors: Tensor
    biases: Mapping[str, Tensor]

    def to(self, device: torch.device) -> ItemSide:
        """Return the same on another device."""
        return ItemSide(self.vectors.to(device), {name: bias.to(device) for name, bias in self.biases.items()})

    @property
    def reached(self) -> Tensor:
        """What the transitions into each item reach, (n_items, d): a view, for events write to it."""
        return self.thirds(2, 2)

    def logits(self, decoder: str, hidden: Tensor) -> Tensor:
        """Return a decoder's output for every item, shape (n_rows, n_items)."""
        place = 1 if decoder == "collaborative" else 0
        weights = self.thirds(place, place)
        return torch.addmm(self.biases[decoder], hidden, weights.T)

    def first(self, n_items: int) -> ItemSide:
        """Return the first items, or all where there are not so many: a view."""
        return ItemSide(self.vectors[:n_items], {name: bias[:n_items] for name, bias in self.biases.items()})

    def thirds(self, first: int, last: int) -> Tensor:
        """Return what a range of the neural parts is multiplied with: a view."""
        n_components = self.vectors.shape[1] // 3
        return self.vectors[:, first * n_components : (last + 1) * n_components]
