"""Products of arrays, computed by torch.

numpy multiplies with threads of its own. Where its products stand between those of torch, the threads of each pool spin
on the cores that the other one needs: a walk forward on two threads took 2.5 times as long as on one.
"""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray


def multiply(left: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    """Return ``left @ right`` for two matrices of one dtype."""
    product: NDArray[Any] = (torch.from_numpy(left) @ torch.from_numpy(right)).numpy()
    return product
