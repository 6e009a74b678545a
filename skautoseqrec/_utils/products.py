"""Products of arrays that wake no second pool of threads beside torch's.

numpy multiplies with threads of its own. Where its products stand between those of torch, the threads of each pool spin
on the cores that the other one needs: a walk forward on two threads took 2.5 times as long as on one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

#: Numpy shares out products of more numbers than these among threads of its own.
MOST_UNSHARED = 9216
#: Where the only bag of a sum begins.
START = torch.zeros(1, dtype=torch.int64)


def multiply(left: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    """Return ``left @ right`` for two matrices of one dtype."""
    product: NDArray[Any] = (torch.from_numpy(left) @ torch.from_numpy(right)).numpy()
    return product


def is_for_numpy(n_numbers: int) -> bool:
    """Tell whether numpy may multiply so many numbers: it is faster, but must not wake threads beside torch's."""
    return n_numbers <= MOST_UNSHARED or torch.get_num_threads() == 1


def product_of(matrix: NDArray[np.float32], vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the product of a matrix and a vector.

    Examples
    --------
    >>> product_of(np.array([[1, 2], [3, 4]], dtype=np.float32), np.array([1, 0.5], dtype=np.float32))
    array([2., 5.], dtype=float32)
    """
    if is_for_numpy(matrix.size):
        product: NDArray[np.float32] = matrix @ vector
        return product
    return torch.mv(torch.from_numpy(matrix), torch.from_numpy(vector)).numpy()


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
    if is_for_numpy(len(rows) * matrix.shape[1]):
        total: NDArray[np.float32] = weights @ matrix.take(rows, 0)
        return total
    # A bag copies no rows, and one bag is one thread's. Copies of the others may be written to, as torch wants.
    bag = torch.from_numpy(rows.astype(np.int64)), START
    sums = torch.embedding_bag(torch.from_numpy(matrix), *bag, False, 0, False, torch.from_numpy(weights.copy()))[0]
    return sums[0].numpy()
