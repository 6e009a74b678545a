"""The objective: all that tells one published or improved model from another, each aspect in one place.

An objective says where the weights start (``initialise``), which rows each decoder learns (``draw_epochs``), how a
batch passes through the network (``logits``), what is minimised (``loss``), how a projected row is encoded
(``encode``, ``reach``), and what the neural parts of a score are (``parts``, ``score``, ``two_hop_queries``). Module,
training loop, state, replay and estimator know none of this.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping

from torch import Tensor

from ._batches import Batch
from ._counts.counts import Counts
from ._counts.settings import SequenceSettings
from ._network.heads import Hidden, ItemSide
from ._network.module import AutoSeqRecModule, Weights


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
