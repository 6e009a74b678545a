"""History encoders: how the newest items of a history become a vector, in training and in answers."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .._counts.histories import Histories
from .functions import chunks, fading
from .inputs import LONGEST_SEQUENCE
from .module import AutoSeqRecModule, HistoryEncoder


class SequenceReader:
    """What is the same for all histories, computed once.

    Parameters
    ----------
    module : AutoSeqRecModule
        Trained, with a history encoder.
    encoder : HistoryEncoder
        That encoder.
    """

    def __init__(self, module: AutoSeqRecModule, encoder: HistoryEncoder) -> None:
        self._encoder = encoder
        self._n_trained = module.n_items
        # The last row is for places without an item, and for items without weights.
        self._weight = functional.pad(module.encoder_weight, (0, 0, 0, 1))
        self._fading = fading(encoder.decays, LONGEST_SEQUENCE)

    def encode(self, histories: Histories) -> Tensor:
        """Return the encoded histories, shape (n_rows, d)."""
        newest = histories.newest_items(LONGEST_SEQUENCE, nothing=self._n_trained)
        items = torch.from_numpy(newest).clamp_max_(self._n_trained)
        faded = self._fading[: items.shape[1]]
        sums = self._weight.new_empty(len(items), self._weight.shape[1])
        for rows in chunks(items, self._weight.shape[1]):
            torch.sum(functional.embedding(items[rows], self._weight).mul_(faded), 1, out=sums[rows])
        return self._encoder.encode(sums)
