"""The objective: all that tells one published or improved model from another, each aspect in one place.

An objective says where the weights start (``initialise``), which rows each decoder learns (``draw_epochs``), how a
batch passes through the network (``logits``), what is minimised (``loss``), how a projected row is encoded
(``encode``, ``reach``), and what the neural parts of a score are (``parts``, ``score``, ``two_hop_queries``). Module,
training loop, state, replay and estimator know none of this.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from ._batches import Batch
from ._counts.counts import Counts
from ._counts.settings import SequenceSettings
from ._module import AutoSeqRecModule, Weights

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


class Objective(ABC):
    """What every objective has to say."""

    #: Weights of the parts of a score where none are given or fitted.
    BLEND: Mapping[str, float]
    #: Parts that no fitted blend weighs.
    LEFT_OUT: frozenset[str] = frozenset()

    @abstractmethod
    def initialise(self, module: AutoSeqRecModule) -> None:
        """Draw the starting weights."""

    @abstractmethod
    def draw_epochs(
        self, counts: Counts, settings: SequenceSettings, batch_size: int, in_sequence: bool = False
    ) -> Iterator[Iterable[Batch]]:
        """Yield the batches of one epoch after the other, without end."""

    @abstractmethod
    def logits(self, module: AutoSeqRecModule, weights: Weights, batch: Batch, dropout: Mapping[str, float]) -> Tensor:
        """Return a decoder's output for the inputs of a batch, with dropout."""

    @abstractmethod
    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the mean loss of the rows of a batch."""

    @abstractmethod
    def encode(self, module: AutoSeqRecModule, projections: Tensor, squared_norms: Tensor) -> Tensor:
        """Return the hidden representation of rows given as their projections and squared norms."""

    @abstractmethod
    def parts(self, hidden: Hidden, items: ItemSide) -> dict[str, Tensor]:
        """Return each neural part of the score, shape (n_rows, n_items)."""

    @abstractmethod
    def two_hop_queries(self, history_row: Tensor, source: Tensor) -> Tensor:
        """Return what meets what reaches an item, given the encoded history rows and transitions out of last items."""

    def reach(self, module: AutoSeqRecModule, projections: Tensor, squared_norms: Tensor) -> Tensor:
        """Return what two hops arrive at, given the transitions into items as projections and squared norms."""
        return self.encode(module, projections, squared_norms)

    def score(self, hidden: Hidden, items: ItemSide, blend: Mapping[str, float]) -> Tensor:
        """Return the blended neural parts but for :meth:`bias`, shape (n_rows, n_items)."""
        parts = self.parts(hidden, items)
        scores = parts["collaborative"].mul_(blend["collaborative"])
        return scores.add_(parts["one_hop"], alpha=blend["one_hop"]).add_(parts["two_hop"], alpha=blend["two_hop"])

    def bias(self, items: ItemSide, blend: Mapping[str, float]) -> Tensor:
        """Return what is added to each item's score whoever asks, shape (n_items,)."""
        return items.vectors.new_zeros(len(items.vectors))
