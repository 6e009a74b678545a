"""Events of an update that are known already, which count twice from then on, and the warning that says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
from numpy.typing import NDArray

from .._data.interactions import Columns
from .._data.vocabulary import Vocabulary
from .._utils.ragged import distinct, row_codes
from .._utils.warn import warn_caller
from .._utils.words import counted
from .events import Events, as_seconds

#: An update says nothing of fewer events that are known already, nor of a smaller share of its own: where times are
#: days, people may take an item twice at one time.
FEWEST_KNOWN, MANY_KNOWN = 10, 0.1


def warn_of_known(
    columns: Columns,
    users: Vocabulary,
    items: Vocabulary,
    newest: float,
    known_of: Callable[[NDArray[np.int64]], Events],
) -> None:
    """Warn if many events of an update are known already: an event of the same user and item, at the same time.

    Parameters
    ----------
    columns : Columns
        The update, its times of the same kind as the known ones.
    users, items : Vocabulary
        Ids of what is known.
    newest : float
        The newest known time as a number, NaN where no known event has one: what came later is new.
    known_of : callable
        Returns the known events of some users, with their times, given distinct codes.
    """
    if columns.times is None or len(columns.times) < FEWEST_KNOWN:
        return
    seconds = as_seconds(columns.times)
    late = np.flatnonzero(seconds <= newest)
    if len(late) < FEWEST_KNOWN:
        return
    of_users, of_items = users.find(columns.user_ids[late]), items.find(columns.item_ids[late])
    is_met = (of_users >= 0) & (of_items >= 0)
    arriving = Events(of_users[is_met], of_items[is_met], len(users), len(items), seconds=seconds[late[is_met]])
    n_rows, n_known = len(seconds), count_known(arriving, known_of(distinct(arriving.users)))
    if n_known >= max(FEWEST_KNOWN, MANY_KNOWN * n_rows):
        warn_caller(
            f"{n_known:,} of {counted(n_rows, 'event')} ({n_known / n_rows:.1%}) are known already: same user, item "
            "and time. They count twice from now on. Update with events that came after the fit and earlier updates."
        )


def count_known(arriving: Events, known: Events) -> int:
    """Return how many of some events are among those that are known, by user, item and time."""
    rows = [(events.users, events.items, cast("NDArray[np.float64]", events.seconds)) for events in (known, arriving)]
    codes, n_known = row_codes(*rows), len(known.items)
    return int(np.isin(codes[n_known:], codes[:n_known]).sum())
