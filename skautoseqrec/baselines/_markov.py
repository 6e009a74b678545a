"""The Markov chain: what followed a user's last item before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._counts.counted_log import CountedLog
from .._counts.counts import Counts
from .._counts.transitions import TRANSITION_UNIT, step_weights
from .._data.weights import WEIGHT_UNIT
from .._parameters import DECAY, POSITIVE_INTEGER
from ._base import BaselineRecommender
from ._pair_weights import PairWeights, pair_weights
from ._state import Rule


class MarkovRecommender(BaselineRecommender):
    """Recommend what followed a user's last items most often, in anybody's history (a Markov chain).

    ``T[j, i]`` grows by ``transition_decay**(k - 1)`` whenever i follows j by k steps, up to ``transition_window``, in
    one history. The score of i is the sum of ``context_decay**(c - 1) * T[l_c, i]`` over a user's last
    ``context_size`` items, the newest at c = 1. If the log has weights, that of the event of i multiplies. Updates
    and prequential evaluation count every event at once.

    Read more in the :ref:`user guide <baselines>`.

    Parameters
    ----------
    transition_window : int, default=5
        Maximum number of steps from an item to a later one that counts as its transition; at least 1.
    transition_decay : float, default=0.7
        A transition of k steps weighs ``transition_decay**(k - 1)``; in (0, 1].
    context_size : int, default=1
        Number of a user's last items whose transitions are added up; at least 1.
    context_decay : float, default=0.5
        The k-th last of these items weighs ``context_decay**(k - 1)``; in (0, 1].
    exclude_seen : bool, default=True
        Whether to leave out a user's seen items, in recommendations and in evaluation.
    columns : dict or None, default=None
        Names of the columns of a log, by what they hold: ``{"user": ..., "item": ..., "time": ...}``, some or all of
        them. What is not given is found by the usual names (see the user guide).

    Attributes
    ----------
    user_ids_ : ndarray of shape (n_users,)
        Ids of the known users, in order of first appearance in time. Updates append to it.
    item_ids_ : ndarray of shape (n_items,)
        Ids of the known items, likewise.
    ties_ : str
        How events of one timestamp are taken unless it is said: "row".
    n_features_in_ : int
        Number of columns of the fitted log.

    See Also
    --------
    skautoseqrec.preprocessing.ItemTransitionTransformer : The matrix T itself.

    Notes
    -----
    Users without history are ranked by popularity.

    Examples
    --------
    >>> from skautoseqrec.baselines import MarkovRecommender
    >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("ann", "jam", 3), ("bob", "tea", 4)]
    >>> recommender = MarkovRecommender().fit(log)
    >>> ids, scores = recommender.predict_topk(["bob"], k=2, return_scores=True)
    >>> ids, scores.round(3)
    (array([['milk', 'jam']], dtype=object), array([[1. , 0.7]]))
    """

    _parameter_constraints: dict[str, Any] = {
        **BaselineRecommender._parameter_constraints,
        "transition_window": [POSITIVE_INTEGER],
        "transition_decay": [DECAY],
        "context_size": [POSITIVE_INTEGER],
        "context_decay": [DECAY],
    }

    def __init__(
        self,
        transition_window: int = 5,
        transition_decay: float = 0.7,
        *,
        context_size: int = 1,
        context_decay: float = 0.5,
        exclude_seen: bool = True,
        columns: Mapping[str, str] | None = None,
    ) -> None:
        self.transition_window = transition_window
        self.transition_decay = transition_decay
        self.context_size = context_size
        self.context_decay = context_decay
        self.exclude_seen = exclude_seen
        self.columns = columns

    _counts_weights = True

    @property
    def _transitions(self) -> tuple[int, float]:
        return self.transition_window, self.transition_decay

    def _learn(self, log: CountedLog) -> Rule:
        steps = step_weights(self.transition_window, self.transition_decay)
        context = self.context_decay ** np.arange(self.context_size, dtype=np.float64)
        return Followers(pair_weights(log.counts.transitions), steps, context)


class Followers:
    """The rule of the chain: transitions in whole units, which add up to the same in any order."""

    def __init__(self, transitions: PairWeights, steps: NDArray[np.int64], context: NDArray[np.float64]) -> None:
        self._transitions, self._steps, self._context = transitions, steps, context

    def add_event(self, item: int, history: NDArray[np.int64], n_events: int, weight: int) -> None:
        """Count the transitions that an event completes."""
        sources = history[: -len(self._steps) - 1 : -1]
        units = np.rint(self._steps[: len(sources)] * (weight / WEIGHT_UNIT))
        self._transitions = self._transitions.add(sources, np.full(len(sources), item), units)

    def score(self, user: int, history: NDArray[np.int64], popularity: NDArray[Any]) -> NDArray[np.float64]:
        """Return the transitions from the last items to every item."""
        if not len(history):
            return popularity.astype(np.float64)
        last = history[: -len(self._context) - 1 : -1]
        scales = np.full(len(popularity), 1 / TRANSITION_UNIT)
        return self._transitions.weigh(last, self._context[: len(last)], scales)

    def copy(self) -> Followers:
        """Return an independent rule that has counted the same."""
        return Followers(self._transitions.copy(), self._steps, self._context)

    def recounted(self, counts: Counts) -> Followers:
        """Return the rule after other events."""
        return Followers(pair_weights(counts.transitions), self._steps, self._context)
