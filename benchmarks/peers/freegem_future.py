"""FreeGEM, future-item form: a decomposition of decayed counts, asked with the user's decayed counts of now.

"Parameter-free Dynamic Graph Embedding for Link Prediction", NeurIPS 2022, arXiv 2210.08189.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from scipy.sparse import csr_array

from .freegem import LARGEST_EXPONENT, decomposed
from .replay import Floats, Replay

__all__ = ["FreeGEMFuture"]


class FreeGEMFuture(Replay):
    """FreeGEM as it predicts future items, where a user is read from the history in place of a row of factors.

    With ``W[u, i]`` the sum of ``exp(-(decay / T0) (T - t))`` over the events of u on i, T0 the time span of the fitted
    log, D_u and D_i the sums of rows and columns of W, and V the right singular vectors of
    ``D_u**-.5 W D_i**-.5``: the scores are ``(w D_i**-.5 / sqrt(sum w)) V V' D_i**.5``, with w the user's weights now.
    A user without history is shown D_i, decayed popularity, which the form with one component always shows.

    Parameters
    ----------
    decay, n_components : float, int
        beta and k of the paper.
    refit_every : int
        Events after which the factors are made anew.
    """

    def __init__(
        self, decay: float = 20.0, n_components: int = 64, refit_every: int = 500, *, exclude_seen: bool = True
    ) -> None:
        super().__init__(exclude_seen=exclude_seen)
        self.decay, self.n_components, self.refit_every = decay, n_components, refit_every

    def start(self) -> None:
        """Begin without events."""
        self.events: list[tuple[int, int, float]] = []
        self.times: dict[int, list[float]] = defaultdict(list)

    def let_in(self, user: int, item: int, time: float) -> None:
        """Remember an event."""
        self.events.append((user, item, time))
        self.times[user].append(time)

    def learn(self) -> None:
        """Decompose what was let in."""
        self.rate = self.decay / max(self.events[-1][2] - self.events[0][2], 1)
        self._refit()

    def scores(self, user: int, time: float) -> Floats:
        """Return the score of each item."""
        if self.n_events >= self.n_fitted + self.refit_every:
            self._refit()
        if not self.times[user]:
            return self.degrees
        weights = self._weights(np.array(self.times[user]))
        places = self.histories[user]
        shares = weights * self.inverse_roots[places] / weights.sum() ** 0.5
        return self.items @ (shares @ self.items[places]) * self.degrees**0.5

    def _weights(self, times: Floats) -> Floats:
        return np.exp(np.clip(self.rate * (times - self.fitted_time), -700, LARGEST_EXPONENT))

    def _refit(self) -> None:
        self.n_fitted, self.fitted_time = self.n_events, self.events[-1][2]
        users, items, times = (np.array(column) for column in zip(*self.events, strict=True))
        matrix = csr_array((self._weights(times), (users, items)), shape=(self.n_users, self.n_items))
        self.degrees = matrix.sum(axis=0)
        roots = [_inverse_roots(degrees) for degrees in (matrix.sum(axis=1), self.degrees)]
        self.inverse_roots = roots[1]
        normalized = matrix.multiply(roots[0][:, np.newaxis]).multiply(roots[1]).tocsr()
        self.items = decomposed(normalized, self.n_components).items


def _inverse_roots(degrees: Floats) -> Floats:
    return np.divide(1, np.sqrt(degrees), out=np.zeros_like(degrees), where=degrees > 0)
