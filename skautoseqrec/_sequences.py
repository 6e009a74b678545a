"""Histories through the encoder that is their own, for answers: nothing is dropped, no gradient is wanted."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ._autograd import chunks, fading
from ._counts.histories import Histories
from ._module import AutoSeqRecModule, HistoryEncoder
from ._settings import LONGEST_SEQUENCE


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
