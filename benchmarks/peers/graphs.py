"""The graph of users and items, and products with it that gradients pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

__all__ = ["normalized_adjacency", "propagate"]


def normalized_adjacency(users: NDArray[np.int64], items: NDArray[np.int64], n_users: int, n_items: int) -> csr_array:
    """Return ``D**-.5 A D**-.5`` of distinct pairs; users are the first nodes, items the others."""
    places = np.concatenate([users, items + n_users]), np.concatenate([items + n_users, users])
    n_nodes = n_users + n_items
    degrees = np.bincount(places[0], minlength=n_nodes).astype(np.float32)
    roots = np.sqrt(degrees)
    weights = 1 / (roots[places[0]] * roots[places[1]])
    return csr_array((weights, places), shape=(n_nodes, n_nodes), dtype=np.float32)


class Propagation(torch.autograd.Function):
    """The product of a symmetric matrix with vectors of nodes."""

    @staticmethod
    def forward(ctx: Any, vectors: Tensor, graph: csr_array) -> Tensor:
        """Return the product."""
        ctx.graph = graph
        return torch.from_numpy(graph @ vectors.detach().numpy())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Return the gradient of the vectors: the same product, as the matrix is symmetric."""
        return torch.from_numpy(ctx.graph @ gradients[0].numpy()), None


def propagate(vectors: Tensor, graph: csr_array) -> Tensor:
    """Return the product of a symmetric matrix with vectors of nodes."""
    product: Tensor = Propagation.apply(vectors, graph)
    return product
