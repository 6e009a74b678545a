"""Seconds of calls, and of the bare matrix products that stand beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from skautoseqrec import AutoSeqRecRecommender


def three_products(arguments: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> None:
    """Form the products of a linear layer, forward and backward."""
    hidden, weights, logits = arguments
    torch.mm(hidden, weights.T, out=logits)
    logits @ weights
    logits.T @ hidden


def time_history_products(recommender: AutoSeqRecRecommender, n_rows: int) -> float:
    """Return the seconds of the bare products of the history encoder, 0 where there is none."""
    if recommender._serving.scorer.model.module.history is None:
        return 0.0
    d = recommender.n_components
    shapes = [(d, 2 * d), (2 * d, d)]
    pairs = [(torch.randn(n_rows, n_inputs), torch.randn(n_inputs, n_outputs)) for n_inputs, n_outputs in shapes]
    return sum(float(np.median(time_calls(lambda _, pair=pair: pair[0] @ pair[1], range(20)))) for pair in pairs)


def time_call(function: Callable[[Any], Any], argument: Any) -> float:
    """Return the seconds of one call of a function."""
    start = perf_counter()
    function(argument)
    return perf_counter() - start


def time_calls(function: Callable[[Any], Any], arguments: Iterable[Any]) -> NDArray[np.float64]:
    """Return the seconds of each call of a function."""
    return np.array([time_call(function, argument) for argument in arguments])
