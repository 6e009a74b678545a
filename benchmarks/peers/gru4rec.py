"""GRU4Rec, the recurrent recommender, in plain torch.

Hidasi et al., "Session-based Recommendations with Recurrent Neural Networks", ICLR 2016, arXiv 1511.06939; Hidasi and
Karatzoglou, CIKM 2018, arXiv 1706.03847. The cross-entropy is over all items, where theirs samples; item embeddings are
shared by input and output, as the later paper does; a history is one session.
"""

from __future__ import annotations

from torch import Tensor, nn

from .sequences import SequenceModel, SequenceModule

__all__ = ["GRU4Rec"]


class GRU4RecModule(SequenceModule):
    """Item embeddings and gated recurrent units."""

    def __init__(self, n_items: int, n_components: int, n_layers: int, dropout: float) -> None:
        super().__init__(n_items, n_components)
        self.dropout = nn.Dropout(dropout)
        self.units = nn.GRU(
            n_components, n_components, n_layers, batch_first=True, dropout=dropout if n_layers > 1 else 0.0
        )
        self.output = nn.Linear(n_components, n_components)
        nn.init.normal_(self.items.weight, std=n_components**-0.5)

    def forward(self, sequences: Tensor) -> Tensor:
        """Return what each place of some sequences expects next."""
        states, _ = self.units(self.dropout(self.items(sequences)))
        expected: Tensor = self.output(self.dropout(states))
        return expected


class GRU4Rec(SequenceModel):
    """GRU4Rec with the cross-entropy over all items.

    Parameters
    ----------
    n_components, n_layers, dropout, length : int, float
        Width, depth, dropout and the number of newest items that are read.
    learning_rate, batch_size, max_iter, random_state : float, int
        As in :class:`SequenceModel`.
    """

    def __init__(
        self,
        n_components: int = 64,
        n_layers: int = 1,
        dropout: float = 0.3,
        length: int = 200,
        learning_rate: float = 1e-3,
        batch_size: int = 32,
        max_iter: int = 200,
        random_state: int = 0,
        *,
        exclude_seen: bool = True,
    ) -> None:
        super().__init__(length, learning_rate, batch_size, max_iter, random_state, exclude_seen=exclude_seen)
        self.n_components, self.n_layers, self.dropout = n_components, n_layers, dropout

    def make_module(self) -> GRU4RecModule:
        """Return an untrained network."""
        return GRU4RecModule(self.n_items, self.n_components, self.n_layers, self.dropout)
