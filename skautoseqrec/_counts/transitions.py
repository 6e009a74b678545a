"""What follows what in a log: the transitions and pairs that events complete, in whole units."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .._data.weights import WEIGHT_UNIT
from .._utils.ragged import are_first, stable_order
from .._utils.sparse import sum_entries
from .moments import Moments, find_steps, slices_of_steps

#: Transitions are counted in whole multiples of 1 / TRANSITION_UNIT, so that adding and removing is exact in any order.
TRANSITION_UNIT = 2**20


class Transitions(NamedTuple):
    """One row per pair (earlier item, later item) that an event completes."""

    event: NDArray[np.int64]
    source: NDArray[np.int64]
    target: NDArray[np.int64]
    weight: NDArray[np.int64]

    def sort_by_event(self) -> Transitions:
        """Return the same transitions in the order of their events, nearest step first."""
        order = stable_order(self.event)
        return Transitions(*(column[order] for column in self))


def step_weights(window: int, decay: float) -> NDArray[np.int64]:
    """Return the weight of each step 1..window, ``decay**(k - 1)``, in units.

    Examples
    --------
    >>> step_weights(3, 0.5) / TRANSITION_UNIT
    array([1.  , 0.5 , 0.25])
    """
    return np.rint(decay ** np.arange(window) * TRANSITION_UNIT).astype(np.int64)


class Rows(NamedTuple):
    """Events in time order, of which the first ``n_context`` are old: they are followed, but follow none.

    ``joins`` says whether each joins the moment of its user's event before; None if every event is one by itself.
    ``weights`` are what each counts, in units; None if all count 1.
    """

    users: NDArray[np.int64]
    items: NDArray[np.int64]
    n_context: int = 0
    joins: NDArray[np.bool_] | None = None
    weights: NDArray[np.int64] | None = None

    def by_user(self) -> HistoryRows:
        """Return the same rows, history after history."""
        order = stable_order(self.users)
        is_first = are_first(self.users[order])
        return HistoryRows(
            order - self.n_context,
            self.items[order],
            np.maximum.accumulate(np.where(is_first, np.arange(len(order)), 0)),
            None if self.joins is None else Moments.of(self.joins[order] & ~is_first),
            None if self.weights is None else self.weights[order],
        )


class HistoryRows(NamedTuple):
    """The events of :class:`Rows`, history after history.

    Parameters
    ----------
    events : ndarray of shape (n_rows,)
        Which event each row is, counted from the first one after the context, whose own numbers are negative.
    items : ndarray of shape (n_rows,)
        The items.
    histories : ndarray of shape (n_rows,)
        Where the history of each begins.
    moments : Moments or None
        The moments; None if every event is one by itself.
    weights : ndarray of shape (n_rows,) or None
        What each counts, in units; None if all count 1.
    """

    events: NDArray[np.int64]
    items: NDArray[np.int64]
    histories: NDArray[np.int64]
    moments: Moments | None
    weights: NDArray[np.int64] | None


def find_transitions(rows: HistoryRows, step_weights: NDArray[np.int64], within: bool = False) -> Iterator[Transitions]:
    """Yield every transition that the events of a log complete, in the order of users, some at a time.

    Parameters
    ----------
    rows : HistoryRows
        The events. What an event of no weight completes is left out.
    step_weights : ndarray of shape (window,)
        Weight of each step, from :func:`step_weights`.
    within : bool, default=False
        Whether pairs are looked for, of which neither item comes first: then an event also follows the earlier ones of
        its own moment, and if events have weights, the smaller one of both is that of the pair.
    """
    events, items, histories, moments, weights = rows
    later = np.flatnonzero(events >= 0)
    for part in slices_of_steps(later, histories[later], moments, len(step_weights), within):
        steps = find_steps(later[part], histories[later[part]], moments, len(step_weights), within)
        weight = step_weights[np.maximum(steps.n_moments, 1) - 1]
        found = Transitions(events[steps.later], items[steps.earlier], items[steps.later], weight)
        if weights is not None:
            found = _weighted(found, weights[steps.later], weights[steps.earlier], within)
        yield found


def _weighted(found: Transitions, later: NDArray[np.int64], earlier: NDArray[np.int64], are_pairs: bool) -> Transitions:
    """Return transitions as events with weights complete them, given the weights of both events of each, in units."""
    weight = np.minimum(later, earlier) if are_pairs else np.rint(found.weight * (later / WEIGHT_UNIT)).astype(np.int64)
    return Transitions(*(column[weight > 0] for column in found._replace(weight=weight)))


def find_all_transitions(rows: HistoryRows, step_weights: NDArray[np.int64], within: bool = False) -> Transitions:
    """Return what :func:`find_transitions` yields as a whole, in the order of the events, nearest step first."""
    return find_unordered_transitions(rows, step_weights, within).sort_by_event()


def find_unordered_transitions(rows: HistoryRows, step_weights: NDArray[np.int64], within: bool = False) -> Transitions:
    """Return the same in the order of the users."""
    columns = zip(*find_transitions(rows, step_weights, within), strict=True)
    return Transitions(*(np.concatenate(column) for column in columns))


def count_transitions(rows: HistoryRows, step_weights: NDArray[np.int64], n_items: int) -> sparse.csr_matrix:
    """Return what all transitions of a log add up to, an item by item matrix of whole units."""
    counted = sparse.csr_matrix((n_items, n_items), dtype=np.int64)
    for found in find_transitions(rows, step_weights):
        counted = counted + sum_entries(found.source, found.target, found.weight, (n_items, n_items))
    return counted
