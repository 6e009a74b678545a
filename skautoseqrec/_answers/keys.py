"""Ids that something is asked for, and what is said of unknown ones: apart, for baselines answer without torch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._data.filters import handle_unknown
from .._data.reading import read_ids
from .._data.vocabulary import Vocabulary
from .._utils.arguments import check_choice

#: What may be done about unknown ids; None is the default of each argument.
ON_UNKNOWN = ("ignore", "warn", "raise", None)
POPULAR = "Such users get the popularity baseline."


def read_keys(ids: Any, name: str, vocabulary: Vocabulary) -> NDArray[Any]:
    """Return a list of ids; an empty one, which has no kind, is of that of the known ids."""
    keys = read_ids(ids, name)
    return keys if len(keys) else keys.astype(vocabulary.ids().dtype)


def check_on_unknown(on_unknown: Any) -> None:
    """Raise ValueError if it is nothing that may be done about unknown ids."""
    check_choice(on_unknown, "on_unknown", ON_UNKNOWN)


def handle_unknown_users(keys: NDArray[Any], is_known: NDArray[np.bool_], on_unknown: str | None) -> None:
    """Warn once, or raise ValueError, if a user is not known, as ``on_unknown`` says; None ignores it."""
    codes = np.where(is_known, 0, -1)
    handle_unknown([keys], [codes], "users", "user_ids_", on_unknown or "ignore", POPULAR)
