"""The vectors that products score: of each query and of each item, for every neural part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .._utils.devices import CPU
from .._utils.products import product_of

#: The neural parts by the array in which their vectors stand side by side. What fitted blends leave out stands apart: a
#: product takes a third of the time where nothing stands between the rows that it reads.
ARRAYS = (("one_hop",), ("collaborative", "two_hop"))
NEURAL_PARTS = tuple(chain(*ARRAYS))
#: The parts that have a bias per item, and the decoders it comes from.
BIASED_PARTS = {"one_hop": "source", "collaborative": "collaborative"}


class QueryVectors(NamedTuple):
    """What the items' vectors are multiplied with, one row a query: a field for each neural part."""

    one_hop: Tensor  # z_s (n_rows, d), from the transitions out of the last items
    collaborative: Tensor  # (n_rows, d), from the history
    two_hop: Tensor  # (n_rows, d), z_s * z_u

    def to(self, device: torch.device) -> QueryVectors:
        """Return the same on another device."""
        return QueryVectors(*(part.to(device) for part in self))


class ItemVectors(NamedTuple):
    """What is known of the items to be ranked: decoder rows (weights) beside what leads to them (state).

    Parameters
    ----------
    arrays : tuple of Tensor of shape (n_items, n_parts d)
        For each of ``ARRAYS`` the vectors of its parts: rows of the source decoder and, apart from them, those of the
        collaborative decoder beside the encoded transitions into each item.
    biases : mapping of decoder to Tensor of shape (n_items,)
        The decoders' biases.
    """

    arrays: tuple[Tensor, ...]
    biases: Mapping[str, Tensor]

    @property
    def n_items(self) -> int:
        """Number of rows."""
        return len(self.arrays[0])

    def map(self, change: Callable[[Tensor], Tensor]) -> ItemVectors:
        """Return the same with every array and every bias changed."""
        return ItemVectors(tuple(map(change, self.arrays)), {name: change(bias) for name, bias in self.biases.items()})

    def to(self, device: torch.device) -> ItemVectors:
        """Return the same on another device."""
        return self.map(lambda rows: rows.to(device))

    def first(self, n_items: int) -> ItemVectors:
        """Return the first items, or all where there are not so many: a view."""
        return self.map(lambda rows: rows[:n_items])

    @property
    def two_hop(self) -> Tensor:
        """The encoded transitions into each item, (n_items, d): a view, for events write to it."""
        return self.columns(("two_hop",))

    def columns(self, names: tuple[str, ...]) -> Tensor:
        """Return the vectors of some neural parts that stand side by side in one array: a view."""
        for array, parts in zip(self.arrays, ARRAYS, strict=True):
            if names[0] in parts:
                first, n_components = parts.index(names[0]), array.shape[1] // len(parts)
                return array[:, first * n_components : (first + len(names)) * n_components]
        raise KeyError(names[0])

    def zeros(self, *shape: int) -> Tensor:
        """Return an array of zeros of the same kind and on the same device."""
        return self.arrays[0].new_zeros(shape)


def used_ranges(blend: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return of each array the neural parts from the first that weighs anything to the last: one product scores all."""
    used = [[place for place, name in enumerate(parts) if blend[name]] for parts in ARRAYS]
    return [parts[places[0] : places[-1] + 1] for parts, places in zip(ARRAYS, used, strict=True) if places]


def weighted(queries: QueryVectors, blend: Mapping[str, Any], names: Sequence[str]) -> Tensor:
    """Return what the items' vectors of some neural parts are multiplied with, (n_rows, n_parts d)."""
    return torch.cat([blend[name] * getattr(queries, name) for name in names], 1)


def product(queries: Tensor, vectors: Tensor) -> Tensor:
    """Return ``queries @ vectors.T``."""
    if len(queries) == 1 and vectors.device == CPU:
        return torch.from_numpy(product_of(vectors.numpy(), queries[0].numpy()))[None]
    return torch.mm(queries, vectors.T)
