"""A device that is not the CPU, for machines without a GPU: it computes as the CPU does, but refuses to mix the two.

Tensors on it hold a tensor of the CPU. Every operation on them comes here: each tensor it is given, but for single
numbers, must be on this device, as a GPU demands it; the CPU does the work, and what comes out is on this device again.
"""

from contextlib import contextmanager
from functools import partial

import pytest
import torch
from torch.utils._pytree import tree_map

NAME = "standin"
#: What moves tensors between devices.
MOVES = {"aten::copy_", "aten::to", "aten::_to_copy"}


class OnStandIn(torch.Tensor):
    """A tensor of the device; ``held`` is the tensor of the CPU that it stands for."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held):
        layout = {"strides": held.stride(), "storage_offset": held.storage_offset()}
        return torch.Tensor._make_wrapper_subclass(cls, held.shape, dtype=held.dtype, device=NAME, **layout)

    def __init__(self, held):
        self.held = held

    def __repr__(self):
        return f"OnStandIn({self.held!r})"

    @classmethod
    def __torch_dispatch__(cls, operation, types, arguments=(), options=None):
        return run_on_cpu(operation, *arguments, **(options or {}))


def run_on_cpu(operation, *arguments, **options):
    """Run one operation on what its tensors hold."""
    name, known, devices = operation._schema.name, [], set()

    def held(value):
        if isinstance(value, OnStandIn):
            known.append(value)
            return value.held
        if isinstance(value, torch.Tensor) and value.ndim and name not in MOVES:
            raise RuntimeError(f"{operation}: expected all tensors to be on {NAME}, found one on {value.device}")
        if not isinstance(value, torch.device):
            return value
        devices.add(value.type)
        return torch.device("cpu")

    def on_stand_in(value):
        if not isinstance(value, torch.Tensor):
            return value
        # What was changed in place stays the tensor that it was.
        unchanged = [tensor for tensor in known if tensor.held is value]
        return unchanged[0] if unchanged else OnStandIn(value)

    result = operation(*tree_map(held, arguments), **tree_map(held, options))
    if name == "aten::copy_":
        return arguments[0]
    return result if devices == {"cpu"} else tree_map(on_stand_in, result)


@contextmanager
def stand_in_device():
    """Have such a device; torch can be told of one once."""
    registration = pytest.importorskip("torch.utils.backend_registration")
    if not hasattr(registration, "_setup_privateuseone_for_python_backend"):
        pytest.skip("this torch takes no device written in Python")
    if torch._C._get_privateuse1_backend_name() != NAME:
        registration._setup_privateuseone_for_python_backend(NAME)
    library = torch.library.Library("_", "IMPL")
    library.fallback(run_on_cpu, "PrivateUse1")  # what makes tensors: none is given from which it would be known
    ranges = torch.library.Library("aten", "IMPL")
    # Otherwise made by filling an empty tensor that grows, which those of this device cannot.
    ranges.impl("arange", partial(run_on_cpu, torch.ops.aten.arange.default), "PrivateUse1")
    try:
        yield torch.device(NAME)
    finally:
        library._destroy()
        ranges._destroy()
