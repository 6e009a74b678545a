"""SASRec, the self-attentive recommender, in plain torch.

Kang and McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018, arXiv 1808.09781, with the cross-entropy over
all items in place of one sampled negative.
"""

from __future__ import annotations

from torch import Tensor, nn

from .sequences import SequenceModel, SequenceModule

__all__ = ["SASRec"]


class SASRecModule(SequenceModule):
    """Item and position embeddings, and causal self-attention blocks."""

    def __init__(self, n_items: int, length: int, n_components: int, n_blocks: int, n_heads: int, dropout: float):
        super().__init__(n_items, n_components)
        self.positions = nn.Embedding(length, n_components)
        self.dropout = nn.Dropout(dropout)
        block = nn.TransformerEncoderLayer(
            n_components, n_heads, n_components, dropout, batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(
            block, n_blocks, norm=nn.LayerNorm(n_components), enable_nested_tensor=False
        )
        nn.init.normal_(self.positions.weight, std=0.02)

    def forward(self, sequences: Tensor) -> Tensor:
        """Return what each place of some sequences expects next: a causal mask is all the masking they need."""
        length = sequences.shape[1]
        embedded = self.items(sequences) * self.items.embedding_dim**0.5 + self.positions.weight[:length]
        mask = nn.Transformer.generate_square_subsequent_mask(length)
        expected: Tensor = self.blocks(self.dropout(embedded), mask=mask, is_causal=True)
        return expected


class SASRec(SequenceModel):
    """SASRec with the cross-entropy over all items.

    Parameters
    ----------
    n_components, n_blocks, n_heads, dropout, length : as in the paper
        Width, depth, heads, dropout and the number of newest items that are read.
    learning_rate, batch_size, max_iter, random_state : float, int
        As in :class:`SequenceModel`.
    """

    def __init__(
        self,
        n_components: int = 64,
        n_blocks: int = 2,
        n_heads: int = 2,
        dropout: float = 0.2,
        length: int = 200,
        learning_rate: float = 1e-3,
        batch_size: int = 32,
        max_iter: int = 200,
        random_state: int = 0,
        *,
        exclude_seen: bool = True,
    ) -> None:
        super().__init__(length, learning_rate, batch_size, max_iter, random_state, exclude_seen=exclude_seen)
        self.n_components, self.n_blocks, self.n_heads, self.dropout = n_components, n_blocks, n_heads, dropout

    def make_module(self) -> SASRecModule:
        """Return an untrained network."""
        shape = (self.n_components, self.n_blocks, self.n_heads, self.dropout)
        return SASRecModule(self.n_items, self.length, *shape)
