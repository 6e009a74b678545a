"""What a question is asked of: ids of users and times, read from one snapshot, and what is said of unknown ones."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._data.reading import read_ids
from .._state.snapshot import Asked
from .._state.state import State
from .keys import check_on_unknown, handle_unknown_users, read_keys


class Rows(NamedTuple):
    """For whom something is asked: their ids, or the places of histories, and what the state has of them."""

    keys: NDArray[Any]
    asked: Asked

    @property
    def is_known(self) -> NDArray[np.bool_]:
        """Whether each has a history: a user is known from the first event on."""
        return self.asked.histories.lengths > 0


def ask_users(state: State, users: Any, at: Any, on_unknown: str | None) -> Rows:
    """Return some users as one snapshot knows them; unknown ones have an empty history.

    Raises
    ------
    ValueError, TypeError
        If ids or times cannot be read, are of another kind than the known ones, or a user is not known and that is to
        be an error.
    """
    check_on_unknown(on_unknown)
    keys = read_keys(users, "users", state.user_vocabulary)
    rows = Rows(keys, state.asked(keys, at))
    handle_unknown_users(keys, rows.is_known, on_unknown)
    return rows


def known_users(state: State, users: Any, n_users: int) -> NDArray[np.int64]:
    """Return the codes of users that must be known."""
    return state.user_vocabulary.known_codes(read_ids(users, "users"), "users", n_users)
