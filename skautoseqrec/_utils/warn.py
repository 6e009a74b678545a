"""Warnings that point at the line that called the package."""

from __future__ import annotations

import sys
import warnings

#: What may stand between that line and a warning.
PACKAGES = ("skautoseqrec", "sklearn", "contextlib", "functools")


def warn_caller(message: str) -> None:
    """Warn the one who called the package, through however many of scikit-learn's wrappers."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] in PACKAGES:
        frame = frame.f_back
        level += 1
    warnings.warn(message, UserWarning, stacklevel=level)
