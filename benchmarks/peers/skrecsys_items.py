"""EASE and RP3beta of the library skrecsys, which its ``partial_fit`` brings up to date every so many events.

Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, arXiv 1905.03375; Christoffel et al.,
"Blockbusters and Wallflowers: Accurate, Diverse and Scalable Recommendations with Random Walks", RecSys 2015. The
library answers for the history that it was fitted with. So its weights, ``similarity_``, are asked with the decayed
history of now, as those of the other item-to-item rivals are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from .item_to_item import ItemToItem

__all__ = ["SkrecsysEASE", "SkrecsysRP3Beta"]


class SkrecsysItems(ItemToItem):
    """What both share: a fit, then an exact ``partial_fit`` with the pairs since. A subclass has ``make_model``."""

    def start(self) -> None:
        """Begin without events."""
        super().start()
        self.model: Any = None
        self.n_pairs = 0

    def make_model(self) -> Any:
        """Return an unfitted model of skrecsys."""
        raise NotImplementedError

    def weigh(self, matrix: csr_array) -> NDArray[np.float64]:
        """Return the weights of the model, and zeros for items that it does not know."""
        if self.model is None:
            self.model = self.make_model()
        pairs = np.array(list(self.pairs)[self.n_pairs :], dtype=np.int64).reshape(-1, 2)
        if len(pairs):
            self.model.partial_fit(pairs)
        self.n_pairs = len(self.pairs)
        weights = np.zeros((self.n_items, self.n_items))
        similarity, items = self.model.similarity_, self.model.item_ids_
        weights[np.ix_(items, items)] = similarity.toarray() if issparse(similarity) else similarity
        return weights


class SkrecsysEASE(SkrecsysItems):
    """The linear map that rebuilds each column of the user-item matrix best from the other columns.

    Parameters
    ----------
    regularization : float
        Of the library: ``l2_reg``.
    decay, refit_every : float, int or None
        As in :class:`ItemToItem`.
    """

    def __init__(
        self,
        regularization: float = 500.0,
        decay: float = 1.0,
        refit_every: int | None = None,
        *,
        exclude_seen: bool = True,
    ) -> None:
        super().__init__(decay, refit_every, exclude_seen=exclude_seen)
        self.regularization = regularization

    def make_model(self) -> Any:
        """Return an unfitted model of skrecsys."""
        from skrecsys.recommendation import EASE

        return EASE(l2_reg=self.regularization, n_jobs=1)


class SkrecsysRP3Beta(SkrecsysItems):
    """A walk from item to user to item, whose popular ends are damped.

    Parameters
    ----------
    n_neighbours, alpha, beta : int, float
        Of the library: items kept for each item, power of the steps of the walk, and of the damping.
    decay, refit_every : float, int or None
        As in :class:`ItemToItem`.
    """

    def __init__(
        self,
        n_neighbours: int = 100,
        alpha: float = 1.0,
        beta: float = 0.6,
        decay: float = 1.0,
        refit_every: int | None = None,
        *,
        exclude_seen: bool = True,
    ) -> None:
        super().__init__(decay, refit_every, exclude_seen=exclude_seen)
        self.n_neighbours, self.alpha, self.beta = n_neighbours, alpha, beta

    def make_model(self) -> Any:
        """Return an unfitted model of skrecsys."""
        from skrecsys.recommendation import RP3Beta

        return RP3Beta(n_neighbors=self.n_neighbours, alpha=self.alpha, beta=self.beta, n_jobs=1)
