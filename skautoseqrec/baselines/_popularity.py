"""The popularity baselines: the number of events of each item, of all time or fading."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from .._counts.counted_log import CountedLog
from .._counts.counts import Counts
from .._counts.trend import TrendClock
from .._utils.ragged import with_room
from ._base import BaselineRecommender
from ._state import Rule


class PopularityRecommender(BaselineRecommender):
    """Recommend the items with the most events, the same to all users.

    If the log has weights, they add up. Updates and prequential evaluation count every event at once.

    Read more in the :ref:`user guide <baselines>`.

    Parameters
    ----------
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
    DecayedPopularityRecommender : Popularity that follows fashions.

    Examples
    --------
    >>> from skautoseqrec.baselines import PopularityRecommender
    >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3), ("cid", "jam", 4)]
    >>> recommender = PopularityRecommender().fit(log)
    >>> recommender.predict_topk(["cid"], k=2, return_scores=True)
    (array([['tea', 'milk']], dtype=object), array([[2., 1.]]))
    >>> recommender.partial_update([("dan", "milk", 5), ("eve", "milk", 6)]).predict_topk(["cid"], k=1)
    array([['milk']], dtype=object)
    """

    def __init__(self, *, exclude_seen: bool = True, columns: Mapping[str, str] | None = None) -> None:
        self.exclude_seen = exclude_seen
        self.columns = columns

    _counts_weights = True

    def _learn(self, log: CountedLog) -> Rule:
        return MostEvents()


class DecayedPopularityRecommender(BaselineRecommender):
    """Recommend the items with the most recent events, the same to all users.

    An event weighs half after ``half_life`` further events of anybody, a quarter after twice as many, and so on. The
    score is the logarithm of an item's weighted events, times their own weights if the log has some. Updates and
    prequential evaluation count every event at once.

    Read more in the :ref:`user guide <baselines>`.

    Parameters
    ----------
    half_life : float, default=300
        Number of events after which an event weighs half; above 0.
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
    PopularityRecommender : Popularity of all time.

    Examples
    --------
    >>> from skautoseqrec.baselines import DecayedPopularityRecommender
    >>> log = [("ann", "tea", 1), ("bob", "tea", 2), ("cid", "milk", 3), ("dan", "jam", 4)]
    >>> recommender = DecayedPopularityRecommender(half_life=1).fit(log)
    >>> ids, scores = recommender.predict_topk(["eve"], k=3, return_scores=True)
    >>> ids
    array([['jam', 'milk', 'tea']], dtype=object)
    >>> import numpy as np
    >>> np.exp(scores)
    array([[1.   , 0.5  , 0.375]])
    """

    _parameter_constraints: dict[str, Any] = {
        **BaselineRecommender._parameter_constraints,
        "half_life": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self, half_life: float = 300.0, *, exclude_seen: bool = True, columns: Mapping[str, str] | None = None
    ) -> None:
        self.half_life = half_life
        self.exclude_seen = exclude_seen
        self.columns = columns

    _counts_weights = True

    def _learn(self, log: CountedLog) -> Rule:
        return FadingEvents.of(float(self.half_life), log.counts)


class MostEvents:
    """The rule of popularity: the state counts it."""

    def add_event(self, item: int, history: NDArray[np.int64], n_events: int, weight: int) -> None:
        """Learn nothing: the state has counted it."""

    def score(self, user: int, history: NDArray[np.int64], popularity: NDArray[Any]) -> NDArray[np.float64]:
        """Return the number of events of every item."""
        return popularity.astype(np.float64)

    def copy(self) -> MostEvents:
        """Return the rule."""
        return self

    def recounted(self, counts: Counts) -> MostEvents:
        """Return the rule."""
        return self


class FadingEvents:
    """The rule of decayed popularity: levels, as the trend has them, of one half-life."""

    def __init__(self, clock: TrendClock, levels: NDArray[np.float64], n_events: int) -> None:
        self._clock, self._levels, self._n_events = clock, levels, n_events

    @classmethod
    def of(cls, half_life: float, counts: Counts) -> FadingEvents:
        """Count the events of a log."""
        clock = TrendClock((half_life,), counts.n_items)
        levels = clock.empty_levels(counts.n_items)
        order = np.argsort(counts.arrivals)
        weights = None if counts.weights is None else counts.weights[order]
        clock.add_events(levels, counts.history[order], counts.arrivals[order], weights)
        return cls(clock, levels, counts.clock)

    def add_event(self, item: int, history: NDArray[np.int64], n_events: int, weight: int) -> None:
        """Count an event."""
        self._levels = with_room(self._levels, item + 1, -np.inf)
        self._clock.add_events(self._levels, np.array([item]), np.array([n_events]), np.array([weight]))
        self._n_events = n_events + 1

    def score(self, user: int, history: NDArray[np.int64], popularity: NDArray[Any]) -> NDArray[np.float64]:
        """Return the logarithm of the decayed number of events of every item.

        Items whose events weigh nothing stand behind all others.
        """
        levels: NDArray[np.float64] = self._levels[0, : len(popularity)] + self._n_events * self._clock.log_decays[0]
        is_some = np.isfinite(levels)
        if is_some.all():
            return levels
        return np.where(is_some, levels, (levels[is_some].min() if is_some.any() else 0.0) - 1)

    def copy(self) -> FadingEvents:
        """Return an independent rule that has counted the same."""
        return FadingEvents(self._clock, self._levels.copy(), self._n_events)

    def recounted(self, counts: Counts) -> FadingEvents:
        """Return the rule after other events."""
        return FadingEvents.of(self._clock.half_lives[0], counts)
