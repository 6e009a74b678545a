"""Scores to lists and ranks: the best items of some users, and prequential evaluation (walking forward)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._counts.evaluation_warnings import find_ineligible, warn_of_past, warn_of_zeros
from .._counts.events import Events, as_seconds
from .._counts.moments import visible_events
from .._data.filters import Filter
from .._data.interactions import Columns
from .._utils.arguments import check_ties
from ._state import BaselineState

#: Scores this close, relative to the largest of their row, are tied: float64 sums in another order differ by less.
TIE_TOLERANCE = 1e-9
#: Code of a user without an event: one whose first event is being ranked, too.
UNKNOWN_USER = -1


def top_k(
    state: BaselineState, users: list[int], k: int, eligible: Filter
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return codes and scores of the best k items of each user.

    Parameters
    ----------
    state : BaselineState
        What is known.
    users : list of int
        Codes, -1 for an unknown user.
    k : int
        How many items; places beyond the eligible ones hold code -1 and score minus infinity.
    eligible : Filter
        What may be recommended.

    Returns
    -------
    codes : ndarray of shape (n_users, k), int64
        Best first; equal scores in order of code.
    scores : ndarray of shape (n_users, k), float64
        Their scores.
    """
    codes = np.full((len(users), k), -1, dtype=np.int64)
    best = np.full((len(users), k), -np.inf)
    for row, user in enumerate(users):
        history = state.history(user)
        scores = state.scores(user, history).copy()
        scores[~_eligible_items(state.n_items, history, eligible.rows(slice(row, row + 1)))] = -np.inf
        chosen = _best(scores, k)
        codes[row, : len(chosen)], best[row, : len(chosen)] = chosen, scores[chosen]
    return codes, best


def _eligible_items(n_items: int, history: NDArray[np.int64], eligible: Filter) -> NDArray[np.bool_]:
    """Return which items may be recommended to a user, given the user's row of a filter."""
    mask = np.ones(n_items, dtype=bool)
    if eligible.candidates is not None:
        mask[:] = False
        mask[eligible.candidates[0]] = True
    if eligible.exclude is not None:
        mask[eligible.exclude[0]] = False
    if eligible.exclude_seen:
        mask[history] = False
    return mask


def _best(scores: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """Return the places of the k largest scores that are finite, equal ones in their order."""
    places = np.flatnonzero(scores >= np.partition(scores, -k)[-k]) if k < len(scores) else np.arange(len(scores))
    order = places[np.argsort(-scores[places], kind="stable")][:k]
    return order[np.isfinite(scores[order])]


def walk_forward(state: BaselineState, columns: Columns, ties: str, exclude_seen: bool) -> NDArray[np.float64]:
    """Return 1 / rank of each row's item for its user as of its own moment, in row order; the state does not change.

    Parameters
    ----------
    state : BaselineState
        What is known before the log.
    columns : Columns
        The log, rows in any order.
    ties : {"row", "together"}
        Whether events of one timestamp see those of earlier rows, or none of each other.
    exclude_seen : bool
        Whether items that the user has seen are left out.

    Raises
    ------
    ValueError
        If ``ties`` is neither.
    """
    check_ties(ties)
    state.check(columns)
    order = columns.time_order(by_moment=ties == "together")
    columns, ahead = columns.take(order), state.ahead()
    users, items = ahead.encode(columns)
    events, weights = list(zip(users, items, strict=True)), state.weights(columns)
    in_order, n_let_in = np.empty(len(events)), 0
    visible = visible_events(columns.times, len(events), ties)
    for row, n_visible in enumerate(visible.tolist()):
        for place in range(n_let_in, n_visible):
            ahead.add_event(*events[place], weights[place])
        n_let_in = n_visible
        in_order[row] = _reciprocal_rank(ahead, *events[row], exclude_seen)
    seconds = None if columns.times is None else as_seconds(columns.times)
    walked = Events(np.array(users), np.array(items), len(ahead.users), len(ahead.items), seconds=seconds)
    is_seen, is_new = find_ineligible(in_order, walked, visible, state.n_items)
    if not warn_of_zeros(is_seen, is_new):
        warn_of_past(seconds, state.events.seconds(0, len(state.events)))
    values = np.empty(len(events))
    values[order] = in_order
    return values


def _reciprocal_rank(state: BaselineState, user: int, item: int, exclude_seen: bool) -> float:
    """Return 1 / rank of an item among what is eligible: those of higher score, and half of those tied, are before it.

    0 if it is not eligible itself.
    """
    eligible = state.popularity > 0
    history = state.history(user)
    if exclude_seen:
        eligible[history] = False
    if item >= len(eligible) or not eligible[item]:
        return 0.0
    scores = state.scores(user if len(history) else UNKNOWN_USER, history)
    target, competing = scores[item], scores[eligible]
    tolerance = TIE_TOLERANCE * max(competing.max(), -competing.min())
    n_higher = np.count_nonzero(competing > target + tolerance)
    n_tied = np.count_nonzero(competing >= target - tolerance) - n_higher - 1
    return 1 / (1 + n_higher + n_tied / 2)
