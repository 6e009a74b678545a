"""Torch's state around us: what a caller has switched stays outside, and a forked child works.

Other packages and services switch gradients off, round products or move new tensors to another device, for a thread or
for the whole process. What this package fits and answers must not depend on it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

#: Devices whose products a caller may have rounded.
ROUNDED = ("cpu", "cuda")


@contextmanager
def usual_torch_state() -> Iterator[None]:
    """Run under torch's usual state, and leave the caller's as it was; as a decorator, run a function so.

    Gradients are recorded, products are not rounded, and new tensors are made on the CPU. The default dtype is one of
    the whole process: no tensor here is made with it.
    """
    with ExitStack() as stack:
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        if not torch.is_grad_enabled():
            stack.enter_context(torch.enable_grad())
        for device in ROUNDED:
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        yield


def _work_alone() -> None:
    """Have a forked child use one thread: those of the pool of its parent are not there, and would be waited for."""
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_work_alone)
