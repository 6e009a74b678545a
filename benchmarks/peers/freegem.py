"""FreeGEM, next-interaction form: a singular value decomposition that follows the log one event at a time.

"Parameter-free Dynamic Graph Embedding for Link Prediction", NeurIPS 2022, arXiv 2210.08189. Nothing is trained by
gradients: a decomposition of the decayed counts is updated with each event (Brand, 2006), and made anew once the
updates have moved it too far.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, svd
from scipy.sparse import csr_array
from scipy.sparse.linalg import ArpackError, svds

from .replay import Replay

__all__ = ["FreeGEM"]

Floats = NDArray[np.float64]

#: Exponents above this are cut, so that a long silence with a strong decay overflows nothing.
LARGEST_EXPONENT = 50.0


class Factors(NamedTuple):
    """Orthonormal columns of users and items, and the singular value of each pair."""

    users: Floats
    values: Floats
    items: Floats


class Step(NamedTuple):
    """One update of one side: columns ``[U, p / length]`` times ``turn``, with ``p = root e_row - U U[row]``."""

    turn: Floats
    root: float
    length: float


class FreeGEM(Replay):
    """FreeGEM as it predicts the next interaction.

    **Decomposition.** At time T, the newest event's, ``R[u, i]`` is the sum of ``exp(-(decay / T0) (T - t))`` over the
    events of user u on item i, with times t counted from the first event and T0 the time of the last fitted one. U, S
    and V are the largest ``n_components`` singular triples of R.

    **Update.** An event (u, i, t) weighs ``v = exp(-(decay / T0) (T - t))``, at least 1 as it is newer than T. With
    ``r = sqrt(v)``, ``a = U[u]``, ``b = V[i]``, ``p = r e_u - U a`` and ``q = r e_i - V b``,
    ``K = diag(S, 0) + [a; |p|] [b; |q|]'`` is decomposed as ``A diag(S') B'``, and U becomes ``[U, p / |p|] A``, V
    becomes ``[V, q / |q|] B``, both without the smallest value. Once ``U S V'`` is farther than ``refit_distance``
    (Frobenius) from what the last decomposition gave, R is decomposed anew.

    **Scores.** With ``EU = U S**(1/alpha)`` and ``EI = V S**(1/alpha)``:

    - long term: g is the sum of ``EU_j[u] / j`` over the ``n_states`` newest states of the factors, j = 1 the newest;
    - short term: B holds the rows of EI of the user's last ``n_recent`` items, each times
      ``exp(-(decay / T0) (T - t))`` of its event; ``Z = softmax(B B' / sqrt(k)) B`` and
      ``z = softmax(EU[u] Z' / sqrt(k)) B``;
    - the scores are ``EI (short_share z / |z| + (1 - short_share) g / |g|)``, where a zero vector stays zero.

    Parameters
    ----------
    decay, n_components, refit_distance, short_share, n_recent, n_states, alpha : float, int
        beta, k, theta, lambda, p, g and alpha of the paper.
    remember_fitted : bool
        Whether the last items of a user are known from the fitted log; False: from what is let in later only.
    """

    def __init__(
        self,
        decay: float = 30.0,
        n_components: int = 32,
        refit_distance: float = 5.0,
        short_share: float = 0.9,
        n_recent: int = 5,
        n_states: int = 3,
        alpha: float = 3.0,
        remember_fitted: bool = True,
        *,
        exclude_seen: bool = True,
    ) -> None:
        super().__init__(exclude_seen=exclude_seen)
        self.decay, self.n_components, self.refit_distance = decay, n_components, refit_distance
        self.short_share, self.n_recent, self.n_states, self.alpha = short_share, n_recent, n_states, alpha
        self.remember_fitted = remember_fitted

    def start(self) -> None:
        """Begin without events."""
        self.factors: Factors | None = None
        self.event_users: list[int] = []
        self.event_items: list[int] = []
        self.event_times: list[float] = []
        self.recent: dict[int, deque[tuple[int, float]]] = defaultdict(lambda: deque(maxlen=self.n_recent))

    def let_in(self, user: int, item: int, time: float) -> None:
        """Update the factors, or make them anew."""
        self.event_users.append(user)
        self.event_items.append(item)
        self.event_times.append(time)
        self.recent[user].append((item, time))
        if self.factors is None:
            return  # the fit decomposes once, at its end
        self._update(user, item, float(self._weights(time)))
        if self._distance() > self.refit_distance:
            self._refit()

    def learn(self) -> None:
        """Decompose what was let in."""
        if not self.remember_fitted:
            self.recent.clear()
        self.rate = self.decay / max(self.event_times[-1] - self.event_times[0], 1)
        self._refit()

    def scores(self, user: int, time: float) -> Floats:
        """Return the score of each item."""
        users, values, items = self.factors
        scales = values ** (1 / self.alpha)
        long = sum(state.users[user] * state.values ** (1 / self.alpha) / j for j, state in enumerate(self.states, 1))
        wanted = (1 - self.short_share) * _unit(long)
        if recent := self.recent.get(user):
            places, times = (np.array(column) for column in zip(*recent, strict=True))
            shown = items[places] * scales * self._weights(times)[:, np.newaxis]
            root = self.n_components**0.5
            attended = _softmax(shown @ shown.T / root) @ shown
            wanted = wanted + self.short_share * _unit(_softmax(attended @ (users[user] * scales) / root) @ shown)
        return items @ (scales * wanted)

    def _weights(self, times: float | NDArray) -> Floats:
        return np.exp(np.minimum(self.rate * (np.asarray(times) - self.fitted_time), LARGEST_EXPONENT))

    def _refit(self) -> None:
        self.fitted_time = self.event_times[-1]
        weights = self._weights(np.array(self.event_times))
        places = np.array(self.event_users), np.array(self.event_items)
        matrix = csr_array((weights, places), shape=(self.n_users, self.n_items))
        self.factors = self.fitted_factors = decomposed(matrix, self.n_components)
        # Factors of another decomposition have other axes: states from before cannot be added to those from now on.
        self.states = deque([self.factors], maxlen=self.n_states)
        identity = np.eye(len(self.factors.values))
        self.products = identity, identity

    def _update(self, user: int, item: int, weight: float) -> None:
        before, fitted = self.factors, self.fitted_factors
        self.factors, (of_users, of_items) = updated(before, user, item, weight)
        self.states.appendleft(self.factors)
        self.products = (
            _turned(self.products[0], of_users, before.users[user], fitted.users[user]),
            _turned(self.products[1], of_items, before.items[item], fitted.items[item]),
        )

    def _distance(self) -> float:
        """Return the distance of ``U S V'`` from the last decomposition, from products of factors only."""
        new, old = self.factors.values, self.fitted_factors.values
        users, items = self.products
        return max(new @ new + old @ old - 2 * new @ (users * items) @ old, 0.0) ** 0.5


def decomposed(matrix: csr_array, n_components: int) -> Factors:
    """Return the largest singular triples of a matrix (users, items), the largest first."""
    n_components = min(n_components, min(matrix.shape) - 1)
    start = np.random.default_rng(0).standard_normal(min(matrix.shape))
    try:
        users, values, items = svds(matrix, n_components, v0=start)
        order = np.argsort(-values)
        factors = Factors(users[:, order], values[order], items[order].T)
    except (ArpackError, np.linalg.LinAlgError):
        # A strong decay leaves little but rounding errors in most of the matrix; this way of computing always ends.
        n_items = matrix.shape[1]
        squares, items = eigh((matrix.T @ matrix).toarray(), subset_by_index=[n_items - n_components, n_items - 1])
        values, items = np.sqrt(np.maximum(squares[::-1], 0)), items[:, ::-1]
        factors = Factors(matrix @ items / np.maximum(values, 1e-12), values, items)
    return Factors(*map(np.ascontiguousarray, factors))


def updated(factors: Factors, user: int, item: int, weight: float) -> tuple[Factors, list[Step]]:
    """Return the factors after one more event, and the step of each side that led there."""
    root = weight**0.5
    sides = (factors.users, user), (factors.items, item)
    # As published: p and q are orthogonal to U and V where the event weighs 1, and nearly so otherwise.
    within = [columns[row] for columns, row in sides]
    beyond = [-columns @ inside for (columns, _), inside in zip(sides, within, strict=True)]
    for column, (_, row) in zip(beyond, sides, strict=True):
        column[row] += root
    lengths = [float(np.linalg.norm(column)) for column in beyond]
    a, b = (np.append(inside, length) for inside, length in zip(within, lengths, strict=True))
    left, values, right = svd(np.diag(np.append(factors.values, 0)) + np.outer(a, b))
    # Of two equal decompositions the one that turns no axis round: states of the factors are added up.
    signs = np.where(left.diagonal() < 0, -1.0, 1.0)[:-1]
    turns = left[:, :-1] * signs, right.T[:, :-1] * signs
    steps = [Step(turn, root, length or 1.0) for turn, length in zip(turns, lengths, strict=True)]
    users, items = (
        columns @ step.turn[:-1] + np.outer(column / step.length, step.turn[-1])
        for (columns, _), column, step in zip(sides, beyond, steps, strict=True)
    )
    return Factors(users, values[:-1], items), steps


def _turned(product: Floats, step: Step, row: Floats, fitted_row: Floats) -> Floats:
    """Return ``U'U0`` after a step of U: ``turn' [U'U0; p'U0 / length]``, without a pass over all rows."""
    beyond = (step.root * fitted_row - row @ product) / step.length
    return step.turn.T @ np.vstack([product, beyond])


def _unit(vector: Floats) -> Floats:
    length = np.linalg.norm(vector)
    return vector / length if length > 0 else vector


def _softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
