"""Columns of events that not all of them have, laid out in one, and what weights in units add up to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._data.weights import WEIGHT_UNIT

#: What an event is of which nothing is said, by the kind of a column: no time, in no moment, of weight 1.
NOTHING_SAID = {"b": False, "f": np.nan, "i": WEIGHT_UNIT}


def filled(column: NDArray[Any] | None, kind: str, length: int) -> NDArray[Any]:
    """Return a column, or one of a kind in which nothing is said of any event if it is None."""
    return np.full(length, NOTHING_SAID[kind]) if column is None else column


def laid_out(length: int, *pieces: tuple[NDArray[np.int64], NDArray[Any] | None]) -> NDArray[Any] | None:
    """Return pieces of a column at their places, filled up where a piece is None; None if all of them are."""
    known = [piece for _, piece in pieces if piece is not None]
    if not known:
        return None
    column = np.full(length, NOTHING_SAID[known[0].dtype.kind])
    for places, piece in pieces:
        if piece is not None:
            column[places] = piece
    return column


def appended(old: NDArray[Any] | None, new: NDArray[Any] | None, n_old: int, n_new: int) -> NDArray[Any] | None:
    """Return two pieces of a column one behind the other, one of them filled up if it is None; None if both are."""
    known = old if new is None else new
    if known is None:
        return None
    kind = known.dtype.kind
    return np.concatenate([filled(old, kind, n_old), filled(new, kind, n_new)])


def of_places(weights: NDArray[np.int64] | None, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the weights at some places, in units; 1 where there are none."""
    return np.full(len(places), WEIGHT_UNIT) if weights is None else weights[places]


def weight_sums(items: NDArray[np.int64], weights: NDArray[np.int64], n_items: int) -> NDArray[np.float64]:
    """Return what the events of each item weigh together, given their weights in units."""
    sums: NDArray[np.float64] = np.bincount(items, weights / WEIGHT_UNIT, minlength=n_items).astype(np.float64)
    return sums


def largest_of_each(keys: NDArray[np.int64], weights: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the largest weight of each key, in the order of the keys; keys of no weight are left out.

    Examples
    --------
    >>> largest_of_each(np.array([7, 2, 7, 4]), np.array([1024, 2048, 512, 0]))
    array([2., 1.])
    """
    order = np.lexsort((weights, keys))
    keys, weights = keys[order][weights[order] > 0], weights[order][weights[order] > 0]
    return weights[np.r_[keys[1:] != keys[:-1], True][: len(keys)]] / WEIGHT_UNIT
