"""The linear autoencoder without a diagonal, in closed form: linear algebra alone, without torch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg


def solve_linear_autoencoder(gram: NDArray[np.float64], penalty: float) -> NDArray[np.float64]:
    """Return the weights B with a zero diagonal that rebuild each column of a matrix best from the others.

    ``B = I - P / diag(P)`` with ``P = (gram + penalty I)^-1``, by a Cholesky factor.

    Parameters
    ----------
    gram : ndarray of shape (n_columns, n_columns)
        The matrix, transposed, times itself; it is overwritten.
    penalty : float
        Penalty of squared weights, above 0.

    Returns
    -------
    weights : ndarray of shape (n_columns, n_columns)
        What each column (row of B) adds to each other one (column of B).

    References
    ----------
    Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, arXiv 1905.03375.

    Examples
    --------
    >>> solve_linear_autoencoder(np.array([[2.0, 1.0], [1.0, 2.0]]), penalty=1.0).round(2)
    array([[0.  , 0.33],
           [0.33, 0.  ]])
    """
    gram[np.diag_indices(len(gram))] += penalty
    # The inverse out of its factor is a third of the work of solving for every column; LAPACK fills one half of it.
    factor, _ = linalg.cho_factor(gram, lower=True, overwrite_a=True, check_finite=False)
    half, failed = linalg.lapack.dpotri(factor, lower=True, overwrite_c=True)
    assert not failed, "a positive definite matrix has an inverse"
    inverse = np.tril(half) + np.tril(half, -1).T
    weights: NDArray[np.float64] = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights
