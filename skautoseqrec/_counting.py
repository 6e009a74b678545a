"""Counting a log: who met what (R), and what followed what (T), exactly."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ._utils.sparse import sum_entries

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
        order = np.argsort(self.event, kind="stable")
        return Transitions(*(column[order] for column in self))

    def to_csr(self, n_items: int) -> sparse.csr_matrix:
        """Return the transitions summed into an item by item matrix of whole units."""
        return sum_entries(self.source, self.target, self.weight, (n_items, n_items))


def step_weights(window: int, decay: float) -> NDArray[np.int64]:
    """Return the weight of each step 1..window, ``decay**(k - 1)``, in units.

    Examples
    --------
    >>> step_weights(3, 0.5) / TRANSITION_UNIT
    array([1.  , 0.5 , 0.25])
    """
    return np.rint(decay ** np.arange(window) * TRANSITION_UNIT).astype(np.int64)


def find_transitions(
    users: NDArray[np.int64], items: NDArray[np.int64], weights: NDArray[np.int64], n_context: int = 0
) -> Transitions:
    """Return every transition that the events of a log complete.

    Parameters
    ----------
    users, items : ndarray of shape (n_rows,)
        Codes of the events in time order.
    weights : ndarray of shape (window,)
        Weight of each step, from :func:`step_weights`.
    n_context : int, default=0
        How many leading rows are old events: they are the source of transitions but complete none.

    Returns
    -------
    transitions : Transitions
        ``event`` counts from the first row after the context.
    """
    order = np.argsort(users, kind="stable")
    users, items = users[order], items[order]
    pieces = []
    for step, weight in enumerate(weights, start=1):
        completes = (users[step:] == users[:-step]) & (order[step:] >= n_context)
        later = np.flatnonzero(completes) + step
        pieces.append((order[later] - n_context, items[later - step], items[later], np.full(len(later), weight)))
    return Transitions(*(np.concatenate(columns) for columns in zip(*pieces, strict=True)))


def count_user_item(users: NDArray[np.int64], items: NDArray[np.int64], shape: tuple[int, int]) -> sparse.csr_matrix:
    """Return R: how often each user met each item, int64."""
    return sum_entries(users, items, np.ones(len(users), dtype=np.int64), shape)
