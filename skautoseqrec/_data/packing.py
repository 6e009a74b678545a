"""Columns and ids of a log as arrays of numbers: strings as UTF-8 with their ends, datetimes with their unit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..exceptions import ModelFileError
from .interactions import Columns
from .vocabulary import Vocabulary
from .weights import LARGEST_WEIGHT, WEIGHT_UNIT

#: How the name of an array of datetimes ends; behind the name of the column.
DATETIME = re.compile(r"\.datetime64\[([1-9]\d{0,8})(Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)\]")
#: Half of a pair of UTF-16 is no text, but some logs have it, and ids come back as they went in.
HALF_PAIRS = "surrogatepass"
#: What arrays may be, by safetensors' names.
DTYPES = {"I64": np.dtype(np.int64), "F64": np.dtype(np.float64), "F32": np.dtype(np.float32), "U8": np.dtype(np.uint8)}
Arrays = Mapping[str, NDArray[Any]]


def pack_columns(columns: Columns) -> dict[str, NDArray[Any]]:
    """Return the columns of a log as arrays, from which :func:`unpack_columns` makes them again."""
    return {
        **pack_ids("users", columns.user_ids),
        **pack_ids("items", columns.item_ids),
        **pack_times("times", columns.times),
        **pack_weights("weights", columns.weights),
    }


def unpack_columns(arrays: Arrays) -> Columns:
    """Return the columns of a log.

    Raises
    ------
    ModelFileError
        If the arrays are not those of a log.
    """
    columns = Columns(
        unpack_ids("users", arrays),
        unpack_ids("items", arrays),
        unpack_times("times", arrays),
        unpack_weights("weights", arrays),
    )
    lengths = {len(column) for column in columns if column is not None}
    if len(lengths) != 1:
        raise ModelFileError(f"the columns of a log are of different lengths: {sorted(lengths)}.")
    return columns


def pack_vocabularies(user_ids: NDArray[Any], item_ids: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return the ids of users and items as arrays."""
    return {**pack_ids("user_ids", user_ids), **pack_ids("item_ids", item_ids)}


def unpack_vocabularies(arrays: Arrays) -> tuple[Vocabulary, Vocabulary]:
    """Return the vocabularies of users and items.

    Raises
    ------
    ModelFileError
        If the arrays are not those of two.
    """
    return _unpack_vocabulary("user_id", "user_ids", arrays), _unpack_vocabulary("item_id", "item_ids", arrays)


def _unpack_vocabulary(column: str, name: str, arrays: Arrays) -> Vocabulary:
    ids = unpack_ids(name, arrays)
    vocabulary = Vocabulary.of(column, ids)
    if len(vocabulary) < len(ids):
        raise ModelFileError(f"array {name!r} holds an id twice.")
    return vocabulary


def require_arrays(arrays: Any) -> Arrays:
    """Return arrays that came from elsewhere than a file of ours, or raise ModelFileError if it holds no such ones."""
    # joblib may have mapped them; no other subclass is an array like any other.
    kinds, dtypes = (np.ndarray, np.memmap), DTYPES.values()
    if not isinstance(arrays, dict) or not all(
        type(array) in kinds and array.dtype in dtypes for array in arrays.values()
    ):
        raise ModelFileError(f"what was saved is not a dict of arrays of {sorted(map(str, dtypes))}.")
    return arrays


def pack_ids(name: str, ids: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return ids (int64, float64 or str) as arrays."""
    if ids.dtype.kind != "O":
        return {name: ids}
    encoded = [text.encode(errors=HALF_PAIRS) for text in ids.tolist()]
    ends = np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)))
    return {f"{name}.text": np.frombuffer(b"".join(encoded), dtype=np.uint8), f"{name}.ends": ends}


def unpack_ids(name: str, arrays: Arrays) -> NDArray[Any]:
    """Return ids as int64, float64 or object (str)."""
    if name in arrays:
        ids = vector(name, arrays, "if")
        if ids.dtype.kind == "f" and not np.isfinite(ids).all():
            raise ModelFileError(f"array {name!r} holds an id that is no number.")
        return ids
    text, ends = vector(f"{name}.text", arrays, "u"), vector(f"{name}.ends", arrays, "i")
    bounds = np.r_[0, ends]
    if (np.diff(bounds) < 0).any() or bounds[-1] != len(text):
        raise ModelFileError(f"array '{name}.ends' does not divide the text beside it.")
    content, limits = text.tobytes(), bounds.tolist()
    ids = np.empty(len(ends), dtype=object)
    try:
        ids[:] = [content[start:end].decode(errors=HALF_PAIRS) for start, end in pairwise(limits)]
    except UnicodeDecodeError as error:
        raise ModelFileError(f"array '{name}.text' is not UTF-8 ({error}).") from error
    return ids


def pack_times(name: str, times: NDArray[Any] | None) -> dict[str, NDArray[Any]]:
    """Return times (int64, float64, datetime64 or None) as arrays."""
    if times is None:
        return {}
    if times.dtype.kind != "M":
        return {name: times}
    unit, count = np.datetime_data(times.dtype)
    native = times.astype(np.dtype(f"datetime64[{count}{unit}]"), copy=False)
    return {f"{name}.datetime64[{count}{unit}]": native.view(np.int64)}


def unpack_times(name: str, arrays: Arrays) -> NDArray[Any] | None:
    """Return times as int64, float64 or datetime64, None if there are none."""
    found = [key for key in arrays if key == name or key.startswith(f"{name}.")]
    if not found:
        return None
    key = found[0]
    if len(found) > 1 or (key != name and DATETIME.fullmatch(key[len(name) :]) is None):
        raise ModelFileError(f"arrays {sorted(found)} are no times.")
    if key == name:
        return vector(name, arrays, "if")
    return vector(key, arrays, "i").view(key[len(name) + 1 :])


def pack_weights(name: str, weights: NDArray[np.int64] | None) -> dict[str, NDArray[Any]]:
    """Return weights in units, or None, as arrays."""
    return {} if weights is None else {name: weights}


def unpack_weights(name: str, arrays: Arrays) -> NDArray[np.int64] | None:
    """Return weights in units, None if there are none."""
    if name not in arrays:
        return None
    weights = vector(name, arrays, "i")
    outside = (weights < 0) | (weights > LARGEST_WEIGHT * WEIGHT_UNIT)
    if outside.any():
        row = int(outside.argmax())
        raise ModelFileError(f"array {name!r} holds {weights[row]} in row {row}, which is no weight.")
    return weights


def vector(name: str, arrays: Arrays, kinds: str) -> NDArray[Any]:
    """Return a one-dimensional array of some kinds of numbers: ``i`` int64, ``f`` float64, ``u`` bytes.

    Raises
    ------
    ModelFileError
        If it is not there, or is something else.
    """
    if name not in arrays:
        raise ModelFileError(f"array {name!r} is missing.")
    array = arrays[name]
    if array.ndim != 1 or array.dtype.kind not in kinds or array.dtype == np.float32:
        raise ModelFileError(f"array {name!r} is {array.dtype} of shape {array.shape}, which it cannot be.")
    return array
