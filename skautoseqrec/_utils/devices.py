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


def training_precision(precision: str, device: torch.device) -> torch.dtype:
    """Return what training multiplies in on a device; "auto" takes bfloat16 where it is multiplied natively.

    Raises
    ------
    ValueError
        If bfloat16 is asked for and would only be emulated.
    """
    if device.type == "cuda":
        is_native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        is_native = multiplies_bfloat16()
    if precision == "bfloat16" and not is_native:
        raise ValueError(
            f"precision='bfloat16', but the {device.type} here does not multiply it natively, and would be many times "
            "slower: take 'auto' or 'float32'."
        )
    return torch.bfloat16 if is_native and precision != "float32" else torch.float32


def rounds_answers(precision: str, device: torch.device) -> bool:
    """Return whether answers take their candidates from products of bfloat16.

    Only on the CPU: how a GPU adds up rounded products, and so how far they may be off, is not known.
    """
    return precision != "float32" and device == CPU and multiplies_bfloat16()


def multiplies_bfloat16() -> bool:
    """Tell whether the processor multiplies bfloat16 natively; one that only converts it is no faster."""
    return bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())


def beside(values: Tensor, array: NDArray[Any]) -> Tensor:
    """Return an array as a tensor on the device where some values are."""
    return torch.from_numpy(array).to(values.device)
