"""What a question is asked of: ids of users and times, read from one snapshot, and what is said of unknown ones."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._data.filters import handle_unknown
from .._data.reading import read_ids
from .._data.vocabulary import Vocabulary
from .._state.snapshot import Asked
from .._state.state import State
from .._utils.arguments import check_choice

#: What may be done about unknown ids; None is the default of each argument.
ON_UNKNOWN = ("ignore", "warn", "raise", None)
POPULAR = "Such users get the popularity baseline."


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
    check_choice(on_unknown, "on_unknown", ON_UNKNOWN)
    keys = read_keys(users, "users", state.user_vocabulary)
    rows = Rows(keys, state.asked(keys, at))
    codes = np.where(rows.is_known, 0, -1)
    handle_unknown([keys], [codes], "users", "user_ids_", on_unknown or "ignore", POPULAR)
    return rows


def read_keys(ids: Any, name: str, vocabulary: Vocabulary) -> NDArray[Any]:
    """Return a list of ids; an empty one, which has no kind, is of that of the known ids."""
    keys = read_ids(ids, name)
    return keys if len(keys) else keys.astype(vocabulary.ids().dtype)


def known_users(state: State, users: Any, n_users: int) -> NDArray[np.int64]:
    """Return the codes of users that must be known."""
    return state.user_vocabulary.known_codes(read_ids(users, "users"), "users", n_users)
