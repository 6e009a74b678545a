"""The log as fit counts it: ids as codes, events in time order, and what they add up to."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .._data.interactions import Columns, SequenceMatrices
from .._data.vocabulary import Vocabulary
from .._utils.warn import warn_caller
from .counts import Counts
from .events import EventStore
from .moments import events_per_moment
from .settings import SequenceSettings
from .transitions import TRANSITION_UNIT

#: Above this share of repeated (user, item) pairs, leaving out what was seen hides much of the truth.
MANY_REPEATS = 0.02


class CountedLog(NamedTuple):
    """A log as the state keeps it."""

    user_vocabulary: Vocabulary
    item_vocabulary: Vocabulary
    events: EventStore
    counts: Counts


def count_log(columns: Columns, X: Any, settings: SequenceSettings, verbose: int) -> CountedLog:
    """Give codes in order of first appearance in time and count the log.

    Parameters
    ----------
    columns : Columns
        The log, validated.
    X : object
        What it was read from. Transitions of a ``SequenceMatrices`` with the same settings are not counted again.
    settings : SequenceSettings
        Window and decay of the transitions.
    verbose : int
        From 1 on, a line is printed if they are counted again.

    Returns
    -------
    counted : CountedLog
        Vocabularies, events and counts.
    """
    given = columns.weights
    columns = columns.take(columns.time_order(settings.by_moment))
    users, items = Vocabulary("user_id"), Vocabulary("item_id")
    user_codes, item_codes = users.add(columns.user_ids), items.add(columns.item_ids)
    weights = columns.weights
    if weights is not None and not weights.any():
        raise ValueError("The weights of all events are zero: there is nothing to learn. Give some of them more.")
    store = EventStore(user_codes, item_codes, columns.times, by_moment=settings.by_moment, weights=weights)
    events = store.log(len(users), len(items))
    transitions = None
    if isinstance(X, SequenceMatrices):
        transitions = _reusable_transitions(X, given, items, settings, verbose)
    if transitions is None:
        counts, _ = Counts.empty().add_events(events, settings.step_weights)
    else:
        counts = Counts.empty().add_counted(events, transitions)
    return CountedLog(users, items, store, counts)


def log_per_moment(columns: Columns) -> float:
    """Return the mean number of events that share a user and a time in a log; 1 where it has no times."""
    if columns.times is None:
        return 1.0
    return events_per_moment(Vocabulary("user_id").add(columns.user_ids), columns.times)


def warn_of_repeats(counts: Counts) -> None:
    """Warn if many events repeat an earlier (user, item) pair, which ``exclude_seen`` never recommends."""
    n_events = len(counts.history)
    users = np.repeat(np.arange(counts.n_users), np.diff(counts.indptr))
    n_repeats = n_events - len(np.unique(users * counts.n_items + counts.history))
    if n_repeats > MANY_REPEATS * n_events:
        warn_caller(
            f"{n_repeats:,} of {n_events:,} events ({n_repeats / n_events:.1%}) repeat an earlier (user, item) pair. "
            "exclude_seen=True never recommends such items, and an evaluation counts them as 0. If people come back to "
            "items in this log, set exclude_seen=False: it recommends and ranks what they have seen too, and fits the "
            "part repeat to it."
        )


def _reusable_transitions(
    X: SequenceMatrices,
    weights: NDArray[np.int64] | None,
    items: Vocabulary,
    settings: SequenceSettings,
    verbose: int,
) -> sparse.csr_matrix | None:
    """Return the transitions of X in units and in the codes of ``items``; None if X has none with these settings.

    ``weights`` are what its events are counted with, in units.
    """
    own = X.to_columns().weights
    is_alike = own is weights if own is None or weights is None else np.array_equal(own, weights)
    if not is_alike:
        if verbose >= 1:
            print("The matrices were counted with other weights of events; recounting with those of the fit.")
        return None
    if settings.by_moment and X.times is not None:
        if verbose >= 1:
            print("The matrices were counted row by row; recounting with ties='together'.")
        return None
    wanted = (settings.transition_window, settings.transition_decay)
    if (X.transition_window, X.transition_decay) != wanted:
        if verbose >= 1:
            print(
                f"The matrices were counted with (window, decay) {(X.transition_window, X.transition_decay)}; "
                f"recounting with {wanted}."
            )
        return None
    codes: NDArray[np.int64] = items.find(X.item_ids)
    entries = X.transitions.tocoo()
    units = np.rint(entries.data * TRANSITION_UNIT).astype(np.int64)
    transitions = sparse.csr_matrix((units, (codes[entries.row], codes[entries.col])), shape=(len(items), len(items)))
    transitions.sort_indices()
    return transitions
