"""The events of a state as arrays of a file, and from those the events again, and what they add up to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._counts.events import Events, EventStore
from ._data.packing import Arrays, pack_times, unpack_times, vector
from .exceptions import ModelFileError

#: No log has as many events; sums of larger numbers might wrap around.
LATEST = 2**53


def event_arrays(events: EventStore, n_events: int) -> dict[str, NDArray[Any]]:
    """Return the first events of a store as arrays: all that it holds.

    ``events.arrivals`` is the sequence number of each event, ``events.clock`` the next one's.
    """
    users, items = events.between(0, n_events)
    times = None if events.times is None else events.times[:n_events]
    return {
        "events.users": users,
        "events.items": items,
        "events.arrivals": events.arrivals[:n_events],
        "events.clock": np.array([events.clock - len(events) + n_events]),
        **pack_times("events.times", times),
    }


def read_events(arrays: Arrays, n_users: int, n_items: int) -> tuple[EventStore, Events]:
    """Return a store of events, and its events to be counted.

    Raises
    ------
    ModelFileError
        If the arrays are not those of a store with so many users and items.
    """
    users, items = _codes("events.users", arrays, n_users), _codes("events.items", arrays, n_items)
    times = unpack_times("events.times", arrays)
    arrivals, clock = vector("events.arrivals", arrays, "i"), vector("events.clock", arrays, "i")
    lengths = {len(column) for column in (users, items, times, arrivals) if column is not None}
    if len(lengths) != 1 or len(clock) != 1:
        raise ModelFileError(f"the columns of the events are of different lengths: {sorted(lengths)}.")
    numbers = np.r_[-1, arrivals, clock]
    if numbers.min() < -1 or numbers.max() > LATEST or (np.diff(numbers) <= 0).any():
        raise ModelFileError("the sequence numbers of the events do not rise from 0 to below their clock.")
    return EventStore(users, items, times, arrivals, int(clock[0])), Events(users, items, n_users, n_items)


def _codes(name: str, arrays: Arrays, n_known: int) -> NDArray[np.int64]:
    codes = vector(name, arrays, "i")
    outside = (codes < 0) | (codes >= n_known)
    if outside.any():
        row = int(outside.argmax())
        raise ModelFileError(f"array {name!r} holds {codes[row]} in row {row}, and there are {n_known} ids.")
    return codes
