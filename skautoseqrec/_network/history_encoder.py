"""What every history encoder has to say: how the newest items of a history become a vector, in training and in answers.

Each encoder stands in one file with both forms, and in one row of ``HISTORY_ENCODERS`` (``_network/module.py``).
"Shared" is no such encoder: it encodes a history as a decayed row of items, like any other row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from .._counts.histories import Histories
from .inputs import ItemSequences


class HistoryReader(ABC):
    """A trained history encoder as answers use it: nothing is dropped, no gradient is wanted."""

    @abstractmethod
    def encode(self, histories: Histories) -> Tensor:
        """Return the encoded histories, shape (n_rows, d)."""

    @abstractmethod
    def encode_one(self, items: NDArray[np.integer], weights: NDArray[np.float32] | None) -> NDArray[np.float32]:
        """Return one encoded history, given as its items, oldest first, and what each counts; shape (d,).

        Weights of None are all 1.
        """


class HistoryEncoder(nn.Module, ABC):
    """Encodes histories for the collaborative decoder.

    Parameters
    ----------
    n_components : int
        Size d of the hidden representation.
    dropout : float
        Share of values dropped in training.
    """

    #: The name by which the estimator's ``history_encoder`` asks for it.
    NAME: ClassVar[str]
    #: How many of the newest items are read at most.
    LENGTH: ClassVar[int]

    def __init__(self, n_components: int, dropout: float) -> None:
        super().__init__()
        self.n_components = n_components
        self.dropout_probability = dropout

    @classmethod
    def floats_per_history(cls, n_components: int) -> int:
        """Return how many numbers training holds for each history of a batch."""
        return cls.LENGTH * n_components

    @abstractmethod
    def forward(self, sequences: ItemSequences, weight: Tensor) -> Tensor:
        """Return the encoded histories of a training batch, given the encoder's weight of every item."""

    @abstractmethod
    def reader(self, weight: Tensor) -> HistoryReader:
        """Return the same for answers, given the encoder's weight of every trained item, (n_items, d)."""
