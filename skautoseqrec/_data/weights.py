"""What events count: numbers of a column or an argument, or of the kind of each event, in whole units."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._utils.words import counted
from .checks import is_integer, is_number, refuse_missing, refuse_missing_objects, shown

#: Weights are whole multiples of 1 / WEIGHT_UNIT, so that adding and removing is exact in any order.
WEIGHT_UNIT = 2**10
#: Larger weights are refused: their sums might be more than 64 bits hold.
LARGEST_WEIGHT = 1e6
#: What a weight has to be, in messages.
RANGE = f"a weight is a number from 0 to {LARGEST_WEIGHT:,.0f}"


class Kinds(NamedTuple):
    """The kind of each event of a log.

    Parameters
    ----------
    values : ndarray of shape (n_rows,)
        int64 or object (str).
    name : str
        Name of the column that they come from, for messages.
    """

    values: NDArray[Any]
    name: str

    def take(self, rows: Any) -> Kinds:
        """Return the kinds of the chosen rows."""
        return Kinds(self.values[rows], self.name)

    def are(self, kind: Any) -> NDArray[np.bool_]:
        """Return which events are of a kind.

        Raises
        ------
        ValueError
            If none is.
        """
        known = self.values.tolist()
        found = np.array([value == kind for value in known], dtype=bool)
        if not found.any():
            raise ValueError(
                f"Column {self.name!r} has no event of the kind {shown(kind)}; it has {shown(sorted(set(known)))}."
            )
        return found


def weight_column(values: Any, name: str) -> NDArray[np.int64]:
    """Return the weights of one column in units; a positive one is at least one unit.

    Parameters
    ----------
    values : array-like of shape (n_rows,)
        The weights as they came.
    name : str
        Name of the column, for messages.

    Raises
    ------
    TypeError
        If they are no numbers.
    ValueError
        If one is missing, negative, infinite or larger than a million.
    """
    column = np.asarray(values)
    if column.dtype.kind == "O":
        objects = column.tolist()
        refuse_missing_objects(objects, set(map(type, objects)), name)
        for row, value in enumerate(objects):
            if not is_number(type(value)):
                raise TypeError(f"Column {name!r} holds {shown(value)} ({type(value).__name__}) in row {row}: {RANGE}.")
        # Integers may be of any size: what a float cannot hold is too large as well.
        column = np.array([float(min(value, 2**64) if is_integer(type(value)) else value) for value in objects])
    if column.dtype.kind not in "iuf":
        raise TypeError(f"Column {name!r} has dtype {column.dtype}: weights must be numbers from 0 to 1,000,000.")
    weights = column.astype(np.float64)
    refuse_missing(np.isnan(weights), name)
    is_wrong = (weights < 0) | (weights > LARGEST_WEIGHT)
    if is_wrong.any():
        row = int(is_wrong.argmax())
        raise ValueError(
            f"Column {name!r} holds the weight {weights[row]:g} in row {row}: {RANGE}. Divide all weights by one "
            "number if they are larger, and give 0 to events that only are context."
        )
    return to_units(weights)


def to_units(weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return weights as whole units, the nearest; a positive one never becomes 0.

    Examples
    --------
    >>> to_units(np.array([0.0, 1e-9, 1.0]))
    array([   0,    1, 1024])
    """
    units = np.rint(weights * WEIGHT_UNIT).astype(np.int64)
    return np.where(weights > 0, np.maximum(units, 1), 0)


def sample_weights(sample_weight: Any, n_events: int) -> NDArray[np.int64]:
    """Return weights that were given beside a log, in units.

    Raises
    ------
    ValueError, TypeError
        If there is not one for each event, or one is no weight.
    """
    if np.ma.is_masked(sample_weight):
        raise ValueError("sample_weight holds masked places: give each event a weight, 0 for none.")
    weights = np.asarray(sample_weight)
    if weights.ndim != 1:
        raise ValueError(f"sample_weight must be one-dimensional, one weight for each event, not of {weights.shape}.")
    if len(weights) != n_events:
        raise ValueError(
            f"sample_weight has {counted(len(weights), 'weight')} for {counted(n_events, 'event')}; give one for each."
        )
    return weight_column(weights.astype(np.float64) if weights.dtype == bool else weights, "sample_weight")


def check_event_weights(event_weights: Any) -> dict[Any, float] | None:
    """Return the weight of each kind of event, None as it is.

    Raises
    ------
    TypeError
        If it is no mapping.
    ValueError
        If it is empty, a kind is neither a string nor an integer, or a number is no weight.
    """
    if event_weights is None:
        return None
    if not isinstance(event_weights, Mapping):
        raise TypeError(f"event_weights must be a dict such as {{'view': 0.2, 'buy': 1}}, not {shown(event_weights)}.")
    if not event_weights:
        raise ValueError("event_weights is empty: give the weight of each kind of event, or None.")
    for kind, weight in event_weights.items():
        if not isinstance(kind, str) and not is_integer(type(kind)):
            raise ValueError(f"event_weights has the key {shown(kind)}: kinds are strings or integers.")
        if not isinstance(weight, Real) or isinstance(weight, bool) or not 0 <= float(weight) <= LARGEST_WEIGHT:
            raise ValueError(f"event_weights[{kind!r}] is {shown(weight)}: {RANGE}.")
    return dict(event_weights)


def weights_of_kinds(kinds: Kinds, event_weights: Mapping[Any, float]) -> NDArray[np.int64]:
    """Return the weight of each event's kind, in units.

    Raises
    ------
    ValueError
        If a kind has no weight; the message names the column and the row.
    """
    values = kinds.values.tolist()
    for row, kind in enumerate(values):
        if kind not in event_weights:
            raise ValueError(
                f"Column {kinds.name!r} holds the kind {shown(kind)} in row {row}, which has no weight: "
                f"event_weights has {list(event_weights)}. Add it, with 0 if such events are context, or drop the rows."
            )
    return to_units(np.array([float(event_weights[kind]) for kind in values]))
