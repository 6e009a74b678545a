"""Warnings that point at the line that called the package, and are not repeated for each fold of a search."""

from __future__ import annotations

import sys
import warnings
from types import FrameType

#: What may stand between that line and a warning.
PACKAGES = ("skautoseqrec", "sklearn", "joblib", "contextlib", "functools")
#: Whose call is a search or a cross-validation.
SEARCHES = "sklearn.model_selection"
#: The warnings that searches have shown: where in the package, and for which line.
_shown_in_searches: set[tuple[str, int, str, int]] = set()


def warn_caller(message: str) -> None:
    """Warn the one who called the package, through however many of scikit-learn's wrappers.

    Each fold and candidate of a search would say the same: of one line that searches, the first one is heard.
    """
    level, frame, is_search = 1, sys._getframe(), False
    origin = sys._getframe(1)
    while frame.f_back is not None and _module_of(frame).split(".")[0] in PACKAGES:
        is_search |= _module_of(frame).startswith(SEARCHES)
        frame = frame.f_back
        level += 1
    place = origin.f_code.co_filename, origin.f_lineno, frame.f_code.co_filename, frame.f_lineno
    if is_search and place in _shown_in_searches:
        return
    warnings.warn(message, UserWarning, stacklevel=level)
    if is_search:  # and the warning was no error
        _shown_in_searches.add(place)


def _module_of(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))
