"""The residual history encoder: decays learned for each component, then a residual block."""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from .._counts.histories import Histories
from .functions import DecayedSum, Dropout, chunks, fading
from .history_encoder import HistoryEncoder, HistoryReader
from .inputs import ItemSequences


class ResidualEncoder(HistoryEncoder):
    """Sums the encoder's weights of the newest items, fading by learned decays, and adds a small network to the sum.

    ``z = h + block(h)`` with ``h = LayerNorm(sum_k decays**(k - 1) * W[k-th newest item])``.

    Parameters
    ----------
    n_components : int
        Size d of the hidden representation.
    dropout : float
        Share of values dropped before the block, inside it and after it.
    """

    NAME = "residual"
    #: A decay of .995 would reach back without end.
    LENGTH = 60
    #: Decays start between these, evenly in the logarithm of how far they reach back.
    FIRST_DECAY, LAST_DECAY = 0.1, 0.995

    def __init__(self, n_components: int, dropout: float) -> None:
        super().__init__(n_components, dropout)
        ends = math.log10(1 - self.FIRST_DECAY), math.log10(1 - self.LAST_DECAY)
        # On the CPU, wherever the module is made: torch computes without numbers (on "meta") by importing its compiler.
        reach = torch.logspace(*ends, n_components, dtype=torch.float32, device="cpu")
        self.decay_logits = nn.Parameter(torch.logit(1 - reach))
        self.norm = nn.LayerNorm(n_components, dtype=torch.float32)
        self.block = nn.Sequential(
            nn.Linear(n_components, 2 * n_components, dtype=torch.float32),
            nn.GELU(),
            Dropout(dropout),
            nn.Linear(2 * n_components, n_components, dtype=torch.float32),
            Dropout(dropout),
        )
        self.dropout = Dropout(dropout)

    @property
    def decays(self) -> Tensor:
        """What a step back leaves of each component, in (0, 1), shape (d,)."""
        return torch.sigmoid(self.decay_logits)

    def forward(self, sequences: ItemSequences, weight: Tensor) -> Tensor:
        """Return the encoded histories of a training batch, given the encoder's weight of every item."""
        sums = cast(Tensor, DecayedSum.apply(weight, self.decays, sequences.items, sequences.values))
        return self.encode_sums(sums)

    def encode_sums(self, sums: Tensor) -> Tensor:
        """Return the encoded histories, given their decayed sums, (n_rows, d)."""
        hidden = self.dropout(self.norm(sums))
        return cast(Tensor, self.block(hidden).add_(hidden))

    def encode_sum(self, sums: Tensor) -> Tensor:
        """Return what :meth:`encode_sums` does for one history, shape (d,): the calls of modules take as long again."""
        to_wide, *_, from_wide, _ = cast("list[nn.Linear]", self.block)
        norm = self.norm
        hidden = functional.layer_norm(sums, norm.normalized_shape, norm.weight, norm.bias, norm.eps)
        wide = functional.gelu(torch.addmv(to_wide.bias, to_wide.weight, hidden))
        return torch.addmv(from_wide.bias, from_wide.weight, wide).add_(hidden)

    def reader(self, weight: Tensor) -> ResidualReader:
        """Return the encoder for answers, given the encoder's weight of every trained item."""
        return ResidualReader(self, weight)


class ResidualReader(HistoryReader):
    """The residual encoder for answers: what is the same for all histories is computed once.

    Parameters
    ----------
    encoder : ResidualEncoder
        Trained.
    weight : Tensor of shape (n_items, d)
        The encoder's weight of every trained item.
    """

    def __init__(self, encoder: ResidualEncoder, weight: Tensor) -> None:
        self._encoder = encoder
        self._n_trained = len(weight)
        # The last row is for places without an item, and for items without weights.
        self._weight = functional.pad(weight, (0, 0, 0, 1))
        self._fading = fading(encoder.decays, encoder.LENGTH)
        self._weight_array, self._rising = self._weight.numpy(), self._fading.flip(0).numpy()

    def encode(self, histories: Histories) -> Tensor:
        """Return the encoded histories, shape (n_rows, d)."""
        newest = histories.newest_items(self._encoder.LENGTH, nothing=self._n_trained)
        items = torch.from_numpy(newest).clamp_max_(self._n_trained)
        weights = histories.newest_weights(self._encoder.LENGTH)
        faded = self._fading[: items.shape[1]]
        sums = self._weight.new_empty(len(items), self._weight.shape[1])
        for rows in chunks(items, self._weight.shape[1]):
            vectors = functional.embedding(items[rows], self._weight).mul_(faded)
            if weights is not None:
                vectors.mul_(torch.from_numpy(weights[rows])[:, :, None])
            torch.sum(vectors, 1, out=sums[rows])
        return self._encoder.encode_sums(sums)

    def encode_one(self, items: NDArray[np.integer], weights: NDArray[np.float32] | None) -> NDArray[np.float32]:
        """Return one encoded history, given as its items, oldest first, and what each counts; shape (d,)."""
        items = items[-self._encoder.LENGTH :]
        # Clipped, an item without weights takes the last row.
        vectors = self._weight_array.take(items, 0, mode="clip")
        vectors *= self._rising[len(self._rising) - len(items) :]
        if weights is not None:
            vectors *= weights[-len(items) :, None]
        encoded: NDArray[np.float32] = self._encoder.encode_sum(torch.from_numpy(np.add.reduce(vectors, 0))).numpy()
        return encoded
