"""The events that arrived since the base, a column each, append-only, so that readers need no lock."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._counts.events import Events
from .._utils.ragged import GrowableArray
from .postings import Postings


class ArrivedEvents:
    """The events since the base, in order of arrival, and which of them are of each user.

    A reader passes the number of events it may see; later ones are appended behind its back without harm.

    Parameters
    ----------
    has_weights : bool
        Whether an event may count something else than 1.
    """

    def __init__(self, has_weights: bool) -> None:
        self._items, self._seconds = GrowableArray(np.zeros(0, int)), GrowableArray(np.zeros(0))
        self._joins = GrowableArray(np.zeros(0, dtype=bool))
        self._weights = GrowableArray(np.zeros(0, int)) if has_weights else None
        self._of_user = Postings()

    def __len__(self) -> int:
        """Return the number of events, published or not."""
        return len(self._items)

    def append(self, user: int, item: int, joins: bool, second: float, weight: int) -> None:
        """Append one event."""
        self._of_user.append(user, len(self))
        if self._weights is not None:
            self._weights.append(weight)
        self._seconds.append(second)
        self._joins.append(joins)
        self._items.append(item)

    def extend(self, events: Events) -> None:
        """Append many events."""
        joins, seconds, weights = events.beside()
        self._of_user.extend(events.users, len(self) + np.arange(len(events.items)))
        if self._weights is not None:
            self._weights.extend(weights)
        self._seconds.extend(seconds)
        self._joins.extend(joins)
        self._items.extend(events.items)

    def settle(self) -> None:
        """Keep the places of users in runs, which take less memory than lists."""
        self._of_user.settle()

    def of_user(self, user: int, n_events: int) -> NDArray[np.int64]:
        """Return which of the first ``n_events`` events are of one user."""
        return self._of_user.places_of(user, n_events)

    def of_users(self, users: NDArray[np.int64], n_events: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return how many of the first ``n_events`` events are of each user, and which, user after user."""
        return self._of_user.rows(users, n_events)

    def newest_of_user(self, user: int, n_newest: int) -> list[int]:
        """Return which events are a user's newest, so many at most, published or not; the newest stands last."""
        return self._of_user.newest(user, n_newest)

    def newest_of_users(self, users: NDArray[np.int64], n_newest: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return how many newest events each user has, so many at most, and which, user after user: for the writer."""
        return self._of_user.newest_rows(users, n_newest)

    def items(self, n_events: int) -> NDArray[np.int64]:
        """Return the item of each of the first ``n_events`` events."""
        return self._items.view(n_events)

    def items_at(self, events: NDArray[np.int64] | list[int]) -> NDArray[np.int64]:
        """Return the items of some events."""
        return self._items.view()[events]

    def joins_at(self, events: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which of some events join the moment of their user's event before."""
        return self._joins.view()[events]

    def seconds_at(self, events: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the times of some events, NaN where there is none."""
        return self._seconds.view()[events]

    def weights_at(self, events: NDArray[np.int64] | list[int] | slice) -> NDArray[np.int64] | None:
        """Return what some events count, in units; None where all count 1."""
        return None if self._weights is None else self._weights.view()[events]
