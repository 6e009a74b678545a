"""EASE, the linear autoencoder in closed form.

Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, arXiv 1905.03375.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_array

from .item_to_item import ItemToItem

__all__ = ["EASE"]


class EASE(ItemToItem):
    """The linear map that rebuilds each column of the user-item matrix R best from the other columns.

    With ``G = R'R + regularization * I`` and ``P`` the inverse of G, ``weights[k, i] = -P[k, i] / P[i, i]``, and 0 on
    the diagonal.
    """

    def __init__(
        self,
        regularization: float = 100.0,
        decay: float = 1.0,
        refit_every: int | None = None,
        *,
        exclude_seen: bool = True,
    ) -> None:
        super().__init__(decay, refit_every, exclude_seen=exclude_seen)
        self.regularization = regularization

    def weigh(self, matrix: csr_array) -> NDArray[np.float64]:
        """Return the weights in closed form."""
        gram = (matrix.T @ matrix).toarray()
        identity = np.eye(self.n_items)
        gram += self.regularization * identity
        inverse = cho_solve(cho_factor(gram, overwrite_a=True), identity, overwrite_b=True)
        weights = inverse / -inverse.diagonal()
        np.fill_diagonal(weights, 0)
        return weights
