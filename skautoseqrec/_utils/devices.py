"""Where is computed: on the CPU, or on a GPU where there is one."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

CPU = torch.device("cpu")


def training_device(device: str) -> torch.device:
    """Return the device to train on; "auto" takes cuda where there is one.

    Raises
    ------
    ValueError
        If cuda is asked for and there is none.
    """
    if device != "cpu" and torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    if device == "cuda":
        raise ValueError("device='cuda', but torch sees no GPU here: take 'auto' or 'cpu'.")
    return CPU


def scoring_device(device: str) -> torch.device:
    """Return the device to score on: cuda where there is one, if the parameter allows it.

    Not an error where there is none: what was trained on a GPU may be asked on a machine without.
    """
    return training_device("auto") if device != "cpu" else CPU


def beside(values: Tensor, array: NDArray[Any]) -> Tensor:
    """Return an array as a tensor on the device where some values are."""
    return torch.from_numpy(array).to(values.device)
