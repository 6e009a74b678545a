"""ALS and BPR of the library implicit: factors of users and items, made anew every so many events.

Hu, Koren and Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008; Rendle et al., "BPR:
Bayesian Personalized Ranking from Implicit Feedback", UAI 2009, arXiv 1205.2618.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from .replay import Floats, Replay

__all__ = ["ImplicitALS", "ImplicitBPR"]


class Factorised(Replay):
    """What both share: the pairs so far, and the refit. A subclass has ``make_model`` and ``fold_in``.

    A user without history, and an item that was not fitted, have no factors: the one is shown what is popular, the
    other scores 0.
    """

    def __init__(
        self,
        n_components: int,
        regularization: float,
        n_iterations: int,
        refit_every: int | None,
        random_state: int,
        *,
        exclude_seen: bool = True,
    ) -> None:
        super().__init__(exclude_seen=exclude_seen)
        self.n_components, self.regularization, self.n_iterations = n_components, regularization, n_iterations
        self.refit_every, self.random_state = refit_every, random_state

    def start(self) -> None:
        """Begin without events."""
        self.counts = np.zeros(self.n_items)
        self.pairs: dict[tuple[int, int], None] = {}

    def let_in(self, user: int, item: int, time: float) -> None:
        """Remember who has what."""
        self.counts[item] += 1
        self.pairs[user, item] = None

    def learn(self) -> None:
        """Make the factors."""
        self.n_fitted = self.n_events
        users, items = np.array(list(self.pairs), dtype=np.int64).T
        ones = np.ones(len(self.pairs), dtype=np.float32)
        self.model = self.make_model()
        self.model.fit(csr_matrix((ones, (users, items)), shape=(self.n_users, self.n_items)), show_progress=False)

    def scores(self, user: int, time: float) -> Floats:
        """Return the score of each item."""
        if self.refit_every is not None and self.n_events >= self.n_fitted + self.refit_every:
            self.learn()
        history = self.histories[user]
        if not history:
            return self.counts
        return np.asarray(self.model.item_factors @ self.fold_in(history), dtype=np.float32)

    def make_model(self) -> Any:
        """Return an untrained model of implicit."""
        raise NotImplementedError

    def fold_in(self, history: list[int]) -> Floats:
        """Return the factors of a user with a history."""
        raise NotImplementedError


class ImplicitALS(Factorised):
    """Alternating least squares; the factors of a user are the solution for the decayed history of now.

    Parameters
    ----------
    n_components, regularization, alpha, n_iterations : int, float
        Of the library; alpha is the confidence of a pair.
    decay : float
        Weight of each older item of the history that is asked with.
    refit_every : int or None
        Events after which all is fitted anew; None: as fitted.
    """

    def __init__(
        self,
        n_components: int = 64,
        regularization: float = 0.01,
        alpha: float = 10.0,
        decay: float = 1.0,
        n_iterations: int = 15,
        refit_every: int | None = None,
        random_state: int = 0,
        *,
        exclude_seen: bool = True,
    ) -> None:
        super().__init__(
            n_components, regularization, n_iterations, refit_every, random_state, exclude_seen=exclude_seen
        )
        self.alpha, self.decay = alpha, decay

    def make_model(self) -> Any:
        """Return an untrained model of implicit."""
        from implicit.cpu.als import AlternatingLeastSquares

        return AlternatingLeastSquares(
            factors=self.n_components,
            regularization=self.regularization,
            alpha=self.alpha,
            iterations=self.n_iterations,
            random_state=self.random_state,
        )

    def fold_in(self, history: list[int]) -> Floats:
        """Return the factors of a user with a history, decayed from its newest item on."""
        newest_first = np.array(list(dict.fromkeys(reversed(history))))
        weights = (self.decay ** np.arange(len(newest_first))).astype(np.float32)
        row = csr_matrix((weights, (np.zeros_like(newest_first), newest_first)), shape=(1, self.n_items))
        return np.asarray(self.model.recalculate_user(0, row)).ravel()


class ImplicitBPR(Factorised):
    """Bayesian personalised ranking; the library folds nobody in, so a user is the decayed mean of the items' factors.

    Parameters
    ----------
    n_components, learning_rate, regularization, n_iterations : int, float
        Of the library.
    decay : float
        Weight of each older item of the history that is asked with.
    refit_every : int or None
        Events after which all is fitted anew; None: as fitted.
    """

    def __init__(
        self,
        n_components: int = 64,
        learning_rate: float = 0.05,
        regularization: float = 0.01,
        decay: float = 1.0,
        n_iterations: int = 100,
        refit_every: int | None = None,
        random_state: int = 0,
        *,
        exclude_seen: bool = True,
    ) -> None:
        super().__init__(
            n_components, regularization, n_iterations, refit_every, random_state, exclude_seen=exclude_seen
        )
        self.learning_rate, self.decay = learning_rate, decay

    def make_model(self) -> Any:
        """Return an untrained model of implicit."""
        from implicit.cpu.bpr import BayesianPersonalizedRanking

        return BayesianPersonalizedRanking(
            factors=self.n_components,
            learning_rate=self.learning_rate,
            regularization=self.regularization,
            iterations=self.n_iterations,
            random_state=self.random_state,
        )

    def fold_in(self, history: list[int]) -> Floats:
        """Return the factors of a user with a history; the last of them is the weight of the items' biases."""
        weights = self.decay ** np.arange(len(history))[::-1]
        factors = weights @ self.model.item_factors[history] / weights.sum()
        factors[-1] = 1
        return np.asarray(factors)
