"""Checks of arguments that several methods take: lengths of lists, flags, choices, ties, and ``sample_weight``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import InvalidParameterError

from .._utils.words import counted

#: How events of one time are ranked: each with the earlier rows known, or none with any other known.
TIES = ("row", "together")


def check_k(k: Any) -> int:
    """Return the length of a list, or raise ValueError if it is not a whole number of at least 1."""
    if not isinstance(k, Integral) or isinstance(k, bool) or k < 1:
        raise ValueError(f"k must be a whole number of at least 1, not {k!r}.")
    return int(k)


def check_choice(value: Any, name: str, choices: Sequence[str | None]) -> None:
    """Raise ValueError if an argument is none of its choices."""
    if not (value is None or isinstance(value, str)) or value not in choices:
        raise ValueError(f"{name} must be {' or '.join(map(repr, choices))}, not {value!r}.")


def check_flag(flag: Any, name: str, *, may_be_none: bool = True) -> bool | None:
    """Return a flag that may be left open as bool or None.

    Raises
    ------
    InvalidParameterError
        If it is neither True nor False nor None; scikit-learn's own, a ValueError and a TypeError.
    """
    if flag is None and may_be_none:
        return None
    if not isinstance(flag, bool | np.bool_):
        choices = "True, False or None" if may_be_none else "True or False"
        raise InvalidParameterError(f"{name} must be {choices}, not {flag!r}.")
    return bool(flag)


def check_ties(ties: Any) -> str | None:
    """Return how ties are ranked, None where it is left open, or raise ValueError if it is neither."""
    if ties is None or (isinstance(ties, str) and ties in TIES):
        return ties
    raise ValueError(f"ties must be 'row' or 'together', not {ties!r}.")


def check_count(value: Any, name: str, smallest: int) -> int:
    """Return a whole number, or raise ValueError if it is none, or too small."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < smallest:
        raise ValueError(f"{name} must be a whole number of at least {smallest}, not {value!r}.")
    return int(value)


def check_path(path: Any, name: str) -> Path:
    """Return a path, or raise TypeError or ValueError if it is none."""
    if not isinstance(path, str | PathLike) or not isinstance(os.fspath(path), str):
        raise TypeError(f"{name} must be a path, not {path!r:.80}.")
    try:
        os.fsencode(path)
    except UnicodeEncodeError as error:
        raise ValueError(f"{name} must be a path, and no file can be called {path!r:.80}.") from error
    if "\0" in os.fspath(path):
        raise ValueError(f"{name} must be a path, and no file can be called {path!r:.80}.")
    return Path(path)


def as_floats(values: Any, name: str) -> NDArray[np.float64]:
    """Return numbers as float64.

    Raises
    ------
    ValueError, TypeError
        If one is masked, or they are no numbers; text that spells them is none.
    """
    if np.ma.is_masked(values):
        raise ValueError(f"{name} holds masked places: give a number in each place.")
    try:
        numbers = np.asarray(values)
        if numbers.dtype.kind not in "biufO":
            raise TypeError(f"they are {numbers.dtype}")
        return numbers.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be numbers, one for each event ({error}).") from error


def check_weights(sample_weight: Any, n_events: int | None = None) -> NDArray[np.float64] | None:
    """Return weights as float64, None as it is.

    Parameters
    ----------
    sample_weight : array-like or None
        The weights.
    n_events : int or None, default=None
        How many there must be; None if that is not known.

    Raises
    ------
    ValueError, TypeError
        If they are no list of finite numbers of at least 0, one of them above, or not so many; the message names the
        row.
    """
    if sample_weight is None:
        return None
    if np.ma.is_masked(sample_weight):
        raise ValueError("sample_weight holds masked places: give each event a weight, 0 for none.")
    weights = as_floats(sample_weight, "sample_weight")
    if weights.ndim != 1:
        raise ValueError(f"sample_weight must be one-dimensional, one weight for each event, not of {weights.shape}.")
    if n_events is not None and len(weights) != n_events:
        raise ValueError(
            f"sample_weight has {counted(len(weights), 'weight')} for {counted(n_events, 'event')}; give one for each."
        )
    is_wrong = ~(np.isfinite(weights) & (weights >= 0))
    if is_wrong.any():
        row = int(is_wrong.argmax())
        raise ValueError(f"sample_weight must be finite numbers of at least 0; row {row} holds {weights[row]}.")
    if len(weights) and not weights.any():
        raise ValueError("sample_weight is 0 for every event: there is nothing to average.")
    return weights


def count_events(X: Any) -> int | None:
    """Return how many events a log has, None if it does not say before it is read."""
    if hasattr(X, "shape"):
        return int(X.shape[0]) if len(X.shape) else None
    return len(X) if hasattr(X, "__len__") else None


def only(values: NDArray[np.float64], is_judged: NDArray[np.bool_] | None) -> NDArray[np.float64]:
    """Return the values of events that are judged, NaN for the others; None for all."""
    return values if is_judged is None else np.where(is_judged, values, np.nan)


def weighted_mean(values: NDArray[Any], sample_weight: Any) -> float:
    """Return the mean of one value per event, given one weight for each or None; NaN values are left out.

    Raises
    ------
    ValueError, TypeError
        If the weights are none, or not as many as the events.
    """
    weights = check_weights(sample_weight, len(values))
    is_there = ~np.isnan(values)
    if not is_there.all():
        values = values[is_there]
        weights = None if weights is None else check_weights(weights[is_there])
    if weights is None:
        return float(values.mean())
    # Only their ratios matter, and their sum might be more than a float can hold.
    return float(np.average(values, weights=weights / weights.max()))
