"""Torch's state around us: what a caller has switched stays outside, and a forked child works.

Other packages and services switch gradients off, round products or move new tensors to another device, for a thread or
for the whole process. What this package fits and answers must not depend on it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from typing import ParamSpec, TypeVar

import torch

P = ParamSpec("P")
R = TypeVar("R")
#: Devices whose products a caller may have rounded.
ROUNDED = ("cpu", "cuda")


def in_usual_torch_state(function: Callable[P, R]) -> Callable[P, R]:
    """Have a function run under torch's usual state, whatever its caller's is.

    Gradients are recorded, products are not rounded, and new tensors are made on the CPU. The default dtype is one of
    the whole process: no tensor here is made with it.
    """

    @wraps(function)
    def run(*arguments: P.args, **options: P.kwargs) -> R:
        if _is_usual():  # an update takes microseconds, and entering contexts would be a part of them
            return function(*arguments, **options)
        with ExitStack() as stack:
            stack.enter_context(torch.inference_mode(False))
            stack.enter_context(torch.enable_grad())
            for device in ROUNDED:
                stack.enter_context(torch.autocast(device, enabled=False))
            stack.enter_context(torch.device("cpu"))
            return function(*arguments, **options)

    return run


def _is_usual() -> bool:
    return (
        torch.is_grad_enabled()
        and not torch.is_inference_mode_enabled()
        and not any(map(torch.is_autocast_enabled, ROUNDED))
        and torch.empty(0).device.type == "cpu"
    )


def _work_alone() -> None:
    """Have a forked child use one thread: those of the pool of its parent are not there, and would be waited for."""
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_work_alone)
