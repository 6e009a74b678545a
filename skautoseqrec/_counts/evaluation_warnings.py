"""What makes the figures of an evaluation mean something else than they seem to, and the warnings that say so."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._utils.warn import warn_caller
from .._utils.words import counted
from .counted_log import MANY_REPEATS
from .events import Events

#: From this share of rows on, a whole log seems to have been fitted before, or to be of other items.
MOST_ROWS = 0.5
#: An evaluation is not in time if more than this share of its rows is older than more than that share of the fitted
#: events. A few rows that came late, and a few fitted events with a wrong clock, do not make it so.
MANY_LATE_ROWS, MANY_LATER_EVENTS = 0.1, 0.05
#: From this share of rows that share user and time with another on, the order of tied rows is tried on so many rows,
#: if there are enough, and matters from this relative change of the MRR on.
MANY_TIED, TRIED_EVENTS, FEWEST_TRIED, LARGE_CHANGE = 0.2, 1000, 100, 0.1


def find_ineligible(
    values: NDArray[np.float64], events: Events, visible: NDArray[np.int64], n_known_items: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which events of a walk count 0 because their user had seen the item, and which because it was new.

    Parameters
    ----------
    values : ndarray of shape (n_events,)
        Reciprocal ranks, in time order.
    events : Events
        The log in time order.
    visible : ndarray of shape (n_events,)
        How many events each event sees.
    n_known_items : int
        How many items were known when the walk began.
    """
    _, first, codes = np.unique(events.items, return_index=True, return_inverse=True)
    is_new = (events.items >= n_known_items) & (first[codes] >= visible)
    return (values == 0) & ~is_new, (values == 0) & is_new


def warn_of_zeros(is_seen: NDArray[np.bool_], is_new: NDArray[np.bool_]) -> bool:
    """Warn if many rows count 0; returns whether it seems that the log itself was fitted before."""
    n_rows, n_seen, n_new = len(is_seen), int(is_seen.sum()), int(is_new.sum())
    if n_seen > MANY_REPEATS * n_rows:
        was_fitted = n_seen > MOST_ROWS * n_rows
        question = " Was this log fitted before?" if was_fitted else ""
        others = f" (Not known yet: {n_new:,} more.)" if n_new else ""
        warn_caller(
            f"The items of {n_seen:,} of {counted(n_rows, 'row')} ({n_seen / n_rows:.1%}) had been seen by their user "
            f"and count as 0, for exclude_seen=True never recommends them.{others}{question} If people come back to "
            "items, fit with exclude_seen=False: it ranks these rows too, among all known items."
        )
        return was_fitted
    if n_new > MOST_ROWS * n_rows:
        warn_caller(
            f"The items of {n_new:,} of {counted(n_rows, 'row')} ({n_new / n_rows:.1%}) were not known yet and count "
            "as 0: no event with them had been fitted or updated. Are these items those of the fitted log?"
        )
    return False


def warn_of_past(seconds: NDArray[np.float64] | None, fitted: NDArray[np.float64] | None) -> None:
    """Warn if many events of an evaluation are older than many of those that are known: the fold is not in time.

    Parameters
    ----------
    seconds : ndarray of shape (n_events,) or None
        Times of the evaluated events, rising.
    fitted : ndarray of shape (n_known,) or None
        Times of the known events, NaN where there is none.
    """
    if seconds is None or fitted is None:
        return
    # Later than this time is later than so many rows.
    latest = seconds[int(MANY_LATE_ROWS * len(seconds))]
    if np.mean(fitted > latest) > MANY_LATER_EVENTS:
        warn_caller(
            f"More than {MANY_LATE_ROWS:.0%} of these events are older than {MANY_LATER_EVENTS:.0%} of those known: "
            "they are ranked by a model that knows their future. Split in time: cv=TemporalSplit(3) or "
            "temporal_train_test_split, of skautoseqrec.model_selection, instead of cv=3, KFold or train_test_split."
        )


def share_a_moment(events: Events) -> bool:
    """Return whether many events of a log share user and time with another one, and they are enough to judge by."""
    if events.seconds is None or len(events.users) < FEWEST_TRIED:
        return False
    order = np.lexsort((events.seconds, events.users))
    users, seconds = events.users[order], events.seconds[order]
    is_same = (users[1:] == users[:-1]) & (seconds[1:] == seconds[:-1])
    is_tied = np.r_[False, is_same] | np.r_[is_same, False]
    return bool(is_tied.mean() > MANY_TIED)


def warn_of_ties(by_row: NDArray[np.float64], together: NDArray[np.float64]) -> None:
    """Warn if the same events are ranked quite differently once the order of tied rows means nothing."""
    as_rows, as_moments = by_row.mean(), together.mean()
    if abs(as_rows - as_moments) > LARGE_CHANGE * max(as_rows, as_moments):
        warn_caller(
            f"With ties='row' the order of tied rows changes the figure: the first {len(by_row):,} events have an MRR "
            f"of {as_rows:.3f}, and of {as_moments:.3f} with ties='together', which no order can flatter. If rows "
            "of one time stand in no order of their own, take ties='together'."
        )
