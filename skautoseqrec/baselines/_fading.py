"""Histories that fade: shared by the rules that read a user's whole history, so that they cut it alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._counts.settings import SequenceSettings


class Fading:
    """How much each item of a history counts: the k-th newest weighs ``decay**(k - 1)``, and 0 once that is under .002.

    Parameters
    ----------
    decay : float
        In (0, 1]. 1 cuts nothing.

    Examples
    --------
    >>> Fading(0.5).newest_first(np.array([7, 3, 3]))
    (array([3, 3, 7]), array([1.  , 0.5 , 0.25]))
    """

    def __init__(self, decay: float) -> None:
        self._decay = decay
        self._length = SequenceSettings(0, 1.0, decay, 1, 1.0, ()).history_length

    def newest_first(self, history: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the items that count, the newest first, and their weights."""
        items = history[::-1][: self._length]
        return items, self._decay ** np.arange(len(items), dtype=np.float64)
