"""A Transformer encoder of the history, which the paper leaves to future work: causal self-attention, for a study only.

Two norm-first blocks read the newest items. In place of positions every head has a fixed linear penalty on distance
(Press et al., "Train short, test long", ICLR 2022). What comes out at the newest item is the encoded history. It is
trained on the same snapshots of histories as the residual encoder is.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from skautoseqrec._counts.histories import Histories
from skautoseqrec._network.functions import Dropout, chunks
from skautoseqrec._network.history_encoder import HistoryEncoder, HistoryReader
from skautoseqrec._network.inputs import ItemSequences
from skautoseqrec._network.residual_encoder import ResidualEncoder

N_BLOCKS = 2
#: What a step of distance takes from the logit of a head.
PENALTIES = (0.0, 0.01, 0.05, 0.2)
N_HEADS = len(PENALTIES)


class AttentionBlock(nn.Module):
    """Self-attention, then a feed-forward network; each reads normalised vectors and is added to what it read.

    Parameters
    ----------
    n_components : int
        Size d of the vectors, a multiple of the number of heads.
    dropout : float
        Share of values dropped inside the feed-forward network and before each addition.
    """

    def __init__(self, n_components: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(n_components)
        self.to_queries = nn.Linear(n_components, n_components)
        self.to_keys_and_values = nn.Linear(n_components, 2 * n_components)
        self.from_heads = nn.Linear(n_components, n_components)
        self.dropout = Dropout(dropout)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(n_components),
            nn.Linear(n_components, 2 * n_components),
            nn.GELU(),
            Dropout(dropout),
            nn.Linear(2 * n_components, n_components),
            Dropout(dropout),
        )

    def forward(self, hidden: Tensor, added: Tensor) -> Tensor:
        """Return the vectors of as many of the first places as ``added`` has rows, (n_rows, n_queries, d).

        ``added`` is added to the logits, shape (n_rows, n_heads, n_queries, n_places).
        """
        first = slice(added.shape[2])
        normed = self.norm(hidden)
        keys, values = self.to_keys_and_values(normed).chunk(2, -1)
        split = [  # (n_rows, n_heads, n_places, d / n_heads)
            vectors.unflatten(-1, (N_HEADS, -1)).transpose(1, 2)
            for vectors in (self.to_queries(normed[:, first]), keys, values)
        ]
        attended = functional.scaled_dot_product_attention(*split, attn_mask=added)
        hidden = hidden[:, first] + self.dropout(self.from_heads(attended.transpose(1, 2).flatten(2)))
        return hidden + cast(Tensor, self.feed_forward(hidden))


class AttentionEncoder(HistoryEncoder):
    """Reads the newest items of a history by causal self-attention.

    A place without an item, or whose item was dropped or has no weights, is seen by no other place. What an event
    counts is added to the logits of its key, as a logarithm.

    Parameters
    ----------
    n_components : int
        Size d of the hidden representation, a multiple of the number of heads.
    dropout : float
        Share of values dropped before the blocks and in them.
    """

    #: It is asked for by the name of the encoder in whose place it stands.
    NAME = ResidualEncoder.NAME
    #: As far back as the residual encoder reads.
    LENGTH = ResidualEncoder.LENGTH

    def __init__(self, n_components: int, dropout: float) -> None:
        super().__init__(n_components, dropout)
        self.dropout = Dropout(dropout)
        self.blocks = nn.ModuleList(AttentionBlock(n_components, dropout) for _ in range(N_BLOCKS))
        self.norm = nn.LayerNorm(n_components)

    @classmethod
    def floats_per_history(cls, n_components: int) -> int:
        """Return how many numbers training holds for each history of a batch: vectors of each layer, and logits."""
        return N_BLOCKS * cls.LENGTH * (12 * n_components + 2 * N_HEADS * cls.LENGTH)

    def forward(self, sequences: ItemSequences, weight: Tensor) -> Tensor:
        """Return the encoded histories of a training batch, given the encoder's weight of every item."""
        return self.encode_places(functional.embedding(sequences.items, weight), sequences.values)

    def encode_places(self, vectors: Tensor, values: Tensor) -> Tensor:
        """Return the encoded histories, (n_rows, d).

        Parameters
        ----------
        vectors : Tensor of shape (n_rows, n_places, d)
            The encoder's weight of the item at each place, newest first.
        values : Tensor of shape (n_rows, n_places)
            What the event at each place counts; 0 where there is none.
        """
        if values.shape[1] == 0:  # a place without an item is read as an empty history
            vectors, values = vectors.new_zeros(len(values), 1, self.n_components), values.new_zeros(len(values), 1)
        added = self.added_to_logits(values)
        hidden = self.dropout(vectors * (values > 0)[:, :, None])
        for block in self.blocks[:-1]:
            hidden = block(hidden, added)
        # Only the newest place is read in the end.
        return cast(Tensor, self.norm(self.blocks[-1](hidden, added[:, :, :1])[:, 0]))

    @staticmethod
    def added_to_logits(values: Tensor) -> Tensor:
        """Return what is added to the logit of each key for each query, (n_rows, n_heads, n_places, n_places)."""
        ages = torch.arange(values.shape[1], device=values.device)
        distances = ages - ages[:, None]  # of keys (across) from queries (down): keys are older
        penalties = values.new_tensor(PENALTIES)[:, None, None] * distances
        by_distance = penalties.neg().masked_fill_(distances < 0, -torch.inf)
        logs = values.log()
        # A query always sees its own place, so no softmax is over nothing.
        own = torch.diag_embed(torch.where(values > 0, logs, 0.0))
        of_keys = torch.where(distances == 0, own, logs[:, None, :])
        return by_distance + of_keys[:, None]

    def reader(self, weight: Tensor) -> AttentionReader:
        """Return the encoder for answers, given the encoder's weight of every trained item."""
        return AttentionReader(self, weight)


class AttentionReader(HistoryReader):
    """The attention encoder for answers.

    Parameters
    ----------
    encoder : AttentionEncoder
        Trained.
    weight : Tensor of shape (n_items, d)
        The encoder's weight of every trained item.
    """

    def __init__(self, encoder: AttentionEncoder, weight: Tensor) -> None:
        self._encoder, self._n_trained = encoder, len(weight)
        # The last row is for places without an item, and for items without weights.
        self._weight = functional.pad(weight, (0, 0, 0, 1))

    def encode(self, histories: Histories) -> Tensor:
        """Return the encoded histories, shape (n_rows, d)."""
        items = torch.from_numpy(histories.newest_items(self._encoder.LENGTH, nothing=self._n_trained))
        weights = histories.newest_weights(self._encoder.LENGTH)
        values = torch.ones(items.shape) if weights is None else torch.from_numpy(weights)
        parts = [self._encode(items[rows], values[rows]) for rows in chunks(items, self._weight.shape[1])]
        return torch.cat([self._weight.new_empty(0, self._weight.shape[1]), *parts])

    def encode_one(self, items: NDArray[np.integer], weights: NDArray[np.float32] | None) -> NDArray[np.float32]:
        """Return one encoded history, given as its items, oldest first, and what each counts; shape (d,)."""
        newest = items[-self._encoder.LENGTH :][::-1].astype(np.int64)
        values = np.ones(len(newest), dtype=np.float32) if weights is None else weights[-len(newest) :][::-1].copy()
        return self._encode(torch.from_numpy(newest)[None], torch.from_numpy(values)[None])[0].numpy()

    def _encode(self, items: Tensor, values: Tensor) -> Tensor:
        items = items.clamp_max(self._n_trained)
        values = torch.where(items < self._n_trained, values, 0.0)
        return self._encoder.encode_places(functional.embedding(items, self._weight), values)
