"""Products of arrays that wake no second pool of threads beside torch's.

numpy multiplies with threads of its own. Where its products stand between those of torch, the threads of each pool spin
on the cores that the other one needs: a walk forward on two threads took 2.5 times as long as on one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

#: Numpy shares out products of more numbers than these among threads of its own.
MOST_UNSHARED = 9216
#: Numpy's product of a vector with a matrix of more numbers than these takes longer than one with each of its rows.
MOST_TOGETHER = 2**20
#: A vector's product with a matrix of more numbers than these is shared out among torch's threads, if there are so many
#: of them: each takes three times as long as numpy does row by row, and waking it longer than reading a small matrix.
MOST_BY_ONE, FEWEST_SHARING = 2**24, 6


def multiply(left: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    """Return ``left @ right`` for two matrices of one dtype."""
    product: NDArray[Any] = (torch.from_numpy(left) @ torch.from_numpy(right)).numpy()
    return product


def is_unshared(n_numbers: int) -> bool:
    """Tell whether numpy multiplies so many numbers in this very thread."""
    return n_numbers <= MOST_UNSHARED or torch.get_num_threads() == 1


def product_of(matrix: NDArray[np.float32], vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the product of a matrix and a vector.

    Examples
    --------
    >>> product_of(np.array([[1, 2], [3, 4]], dtype=np.float32), np.array([1, 0.5], dtype=np.float32))
    array([2., 5.], dtype=float32)
    """
    if matrix.size <= MOST_TOGETHER and is_unshared(matrix.size):
        product: NDArray[np.float32] = matrix @ vector
        return product
    if matrix.size > MOST_BY_ONE and torch.get_num_threads() >= FEWEST_SHARING:
        return _shared_product(torch.from_numpy(matrix), torch.from_numpy(vector))
    # One product of two vectors for each row: numpy leaves each to this thread.
    return np.matmul(matrix[:, None], vector[:, None])[:, 0, 0]


def _shared_product(matrix: Tensor, vector: Tensor) -> NDArray[np.float32]:
    """Return the product of a matrix and a vector, shared out: torch leaves it to one thread by itself."""
    n_threads = torch.get_num_threads()
    n_each = len(matrix) // n_threads
    shares = matrix[: n_threads * n_each].unflatten(0, (n_threads, n_each))
    products = torch.bmm(shares, vector.expand(n_threads, -1)[:, :, None]).view(-1)
    return torch.cat([products, torch.mv(matrix[n_threads * n_each :], vector)]).numpy()


def sum_of_rows(
    matrix: NDArray[np.float32], rows: NDArray[np.integer], weights: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the weighted sum of some rows of a matrix, shape (n_columns,).

    Examples
    --------
    >>> matrix = np.array([[1, 2], [3, 4], [5, 6]], dtype=np.float32)
    >>> sum_of_rows(matrix, np.array([2, 0]), np.array([1, 0.5], dtype=np.float32))
    array([5.5, 7. ], dtype=float32)
    """
    taken = matrix.take(rows, 0)
    if is_unshared(taken.size):
        total: NDArray[np.float32] = weights @ taken
        return total
    summed: NDArray[np.float32] = np.einsum("i,ij->j", weights, taken)
    return summed
