"""Reading a log from frames, arrays and rows, one column at a time: the one place that does."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .._utils.warn import warn_caller
from .checks import TEXT_LIKE, refuse_missing, shown
from .ids import id_column, plain_ids
from .interactions import Columns, Interactions
from .naming import COLUMN_NAMES, EVENT, KEYS, WEIGHT, Chosen, Wanted, holds, is_usual, width_of
from .rows import is_frame, is_row, listed, names_of, no_rows
from .times import time_column, warn_of_mixed_units
from .weights import Kinds, weight_column

#: Names of the columns that are read by position, for messages.
BY_POSITION = tuple(COLUMN_NAMES.values())
#: What a thing that is no frame, but carries column names, has of these.
CARRIES_NAMES = ("columns", "column_names", "schema", "data_vars")
#: What is read of some columns whose names are known, by the name of a column and how its values are read.
Read = Callable[[str, Callable[[Any, str], NDArray[Any]]], NDArray[Any]]
NEITHER_IDS_NOR_TIMES = (nw.Array, nw.Binary, nw.Boolean, nw.Decimal, nw.Duration, nw.List, nw.Struct, nw.Time)


def read_columns(
    X: Any,
    names: Mapping[str, str] | None = None,
    asks_for_events: bool = False,
    *,
    keys: Collection[str] = KEYS,
    may_be_empty: bool = False,
) -> Columns:
    """Read a log in any of the accepted forms, one column at a time.

    Parameters
    ----------
    X : Interactions, dataframe, array-like of shape (n_rows, n_columns >= 2) or list of tuples
        The log.
    names : mapping or None, default=None
        The names of its columns, by what they hold ("user", "item", "time", "weight", "event"); None, or what is not
        given, takes the usual ones. What has no column names is read by position.
    asks_for_events : bool, default=False
        Whether the kinds of events must be there, under a usual name if none is given.
    keys : collection of str, default=KEYS
        What is read, users and items in any case. Columns of the rest are left alone, whatever they hold.
    may_be_empty : bool, default=False
        Whether a log without a row is one.

    Returns
    -------
    columns : Columns
        Ids as int64 or object (str) arrays, times as int64, float64, datetime64 or None.

    Raises
    ------
    TypeError
        If X is of no accepted form, or a column's type is no id or time.
    ValueError
        If columns are missing, doubled or too few, the log is empty, or an id, time, weight or kind is missing.
    """
    columns = _read(X, Wanted(names, asks_for_events, keys))
    if len(columns.user_ids) == 0 and not may_be_empty:
        raise ValueError("The log is empty: it has 0 rows, and at least one event is needed.")
    if asks_for_events and EVENT in keys and columns.kinds is None:
        raise ValueError(
            "event_weights or judge asks for the kind of each event, and the log has none. Name its column, "
            "columns={'event': ...}; load_interactions(path, events=True) reads it from a file. A log without names of "
            "columns (an array, tuples) has to become a dataframe, or dicts."
        )
    if not isinstance(X, Interactions):
        warn_of_mixed_units(columns.times, "timestamp")
    return columns


def _read(X: Any, wanted: Wanted) -> Columns:
    if sparse.issparse(X):
        raise TypeError("A sparse matrix is not supported as a log: pass one row (user, item[, time]) per event.")
    if isinstance(X, Interactions):
        return X.to_columns().only(wanted.keys)
    if is_array(X):
        return _read_array(X if isinstance(X, np.ma.MaskedArray) else np.asarray(X), wanted)
    if is_frame(X):
        return _read_frame(X, wanted)
    if isinstance(X, Sequence) and not isinstance(X, str):
        return _read_rows(X, wanted)
    raise TypeError(
        f"Cannot read a log from {type(X).__name__}: pass a pandas, polars or pyarrow dataframe (collected, if lazy), "
        "an array or list of (user, item, time) rows, or Interactions."
    )


def is_array(X: Any) -> bool:
    """Tell whether X is read as one array: neither a container, nor a frame, nor rows of mixed types.

    Raises
    ------
    TypeError
        If it carries column names that an array would lose.
    """
    if isinstance(X, np.ndarray):
        return True
    if not hasattr(X, "__array__") or isinstance(X, Interactions) or is_frame(X):
        return False
    if any(hasattr(X, name) for name in CARRIES_NAMES):
        way = next((f"X.{name}()" for name in ("compute", "collect", "to_pandas") if hasattr(X, name)), "a dataframe")
        raise TypeError(
            f"A {type(X).__module__.split('.')[0]} {type(X).__name__} carries column names that would be lost: pass a "
            f"pandas, polars or pyarrow dataframe, made by {way}."
        )
    return True


def refuse_masked(X: Any, keys: Collection[str] = KEYS) -> None:
    """Raise ValueError if a place of an array that would be read is masked."""
    if not isinstance(X, np.ma.MaskedArray) or X.ndim != 2 or X.dtype.names is not None:
        return
    read = X[:, : width_of(X.shape[1], keys)]
    if np.ma.is_masked(read):
        position = int(np.ma.getmaskarray(read).any(axis=0).argmax())
        refuse_missing(np.ma.getmaskarray(X)[:, position], BY_POSITION[position])


def _read_array(X: NDArray[Any], wanted: Wanted) -> Columns:
    if X.dtype.names is not None and X.ndim == 1 and not isinstance(X, np.ma.MaskedArray):
        chosen = wanted.chosen(X.dtype.names)
        return _read_values(chosen, X)
    if X.ndim != 2 or X.shape[1] < 2 or X.dtype.names is not None:
        raise ValueError(
            f"A log needs at least 2 columns (user, item[, time]); this array has shape {X.shape}"
            f"{' of records' if X.dtype.names is not None else ''}. Reshape your data."
        )
    _warn_if_wide(X.shape[1])
    refuse_masked(X, wanted.keys)
    columns = [np.asarray(X[:, position]) for position in range(width_of(X.shape[1], wanted.keys))]
    return _read_positions(columns, wanted, allow_text=X.dtype.kind in "UT")


def _read_rows(rows: Sequence[Any], wanted: Wanted) -> Columns:
    kinds = set(map(type, rows))
    first = next(iter(rows), None)
    keys = names_of(first)
    if keys is not None or any(issubclass(kind, Mapping) for kind in kinds):
        return _read_named_rows(rows, keys or (), wanted)
    if any(hasattr(kind, "__array__") for kind in kinds):
        rows = [listed(row) if hasattr(row, "__array__") else row for row in rows]
        kinds = set(map(type, rows))
    widths = set(map(len, rows)) if all(map(is_row, kinds)) else set()
    if rows and (len(widths) != 1 or min(widths) < 2):
        raise no_rows(rows)
    width = max(widths, default=2)
    _warn_if_wide(width)
    columns = [
        np.fromiter((row[position] for row in rows), dtype=object, count=len(rows))
        for position in range(width_of(width, wanted.keys))
    ]
    return _read_positions(columns, wanted, allow_text=False)


def _read_named_rows(rows: Sequence[Any], keys: tuple[Any, ...], wanted: Wanted) -> Columns:
    """Read rows that carry names: mappings, named tuples, rows of a database. All must have those of the first."""
    for place, row in enumerate(rows):
        found = names_of(row)
        if found is None or set(found) != set(keys):
            raise ValueError(
                f"Row 0 has the columns {list(keys)}, and row {place}, which is {shown(row)}, has "
                f"{'no names' if found is None else list(found)}: all rows of a log have the same columns."
            )
    is_tuple = all(issubclass(kind, tuple) for kind in set(map(type, rows)))
    values = {
        key: np.fromiter((row[place] if is_tuple else row[key] for row in rows), dtype=object, count=len(rows))
        for place, key in enumerate(keys)
    }
    # What itertuples puts in front of the columns is none of them.
    chosen = wanted.chosen([key for key in keys if key != "Index"])
    return _read_values(chosen, values)


def _read_values(chosen: Chosen, values: Mapping[Any, NDArray[Any]] | NDArray[Any]) -> Columns:
    """Read columns that have names, each an array."""
    ids = partial(id_column, allow_fractions=True)
    return _read_chosen(chosen, lambda name, read: read(values[name], str(name)), ids)


def _read_chosen(chosen: Chosen, read: Read, ids: Callable[[Any, str], NDArray[Any]] = id_column) -> Columns:
    """Read columns that have names, given how one is read."""
    user, item, time, weight, event = chosen
    return Columns(
        read(user, ids),
        read(item, ids),
        None if time is None else read(time, time_column),
        None if weight is None else read(weight, weight_column),
        None if event is None else Kinds(read(event, id_column), str(event)),
    )


def _read_positions(columns: list[NDArray[Any]], wanted: Wanted, *, allow_text: bool) -> Columns:
    if wanted.names and WEIGHT in wanted.names and WEIGHT in wanted.keys:
        raise ValueError(
            f"columns names the weights {wanted.names[WEIGHT]!r}, and this log has no names of columns. Pass a "
            "dataframe, or give the weights as sample_weight."
        )
    users = id_column(columns[0], BY_POSITION[0], allow_fractions=True)
    items = id_column(columns[1], BY_POSITION[1], allow_fractions=True)
    times = time_column(columns[2], BY_POSITION[2], allow_text=allow_text) if len(columns) == 3 else None
    return Columns(users, items, times)


def _warn_if_wide(width: int) -> None:
    if width > 3:
        warn_caller(
            f"The log has {width} columns; the first three are read as user, item and time. (In MovieLens files "
            "the third is a rating.)"
        )


def _read_frame(native: Any, wanted: Wanted) -> Columns:
    native = with_index(native, wanted.names)
    try:
        frame = nw.from_native(native, eager_only=True)
    except nw.exceptions.DuplicateError as error:
        raise ValueError(f"A column stands more than once in the frame; keep one of each. {error}") from error
    chosen = wanted.chosen(frame.columns)
    return _read_chosen(chosen, lambda name, read: read_series(frame.get_column(name), read, name))


def with_index(native: Any, names: Mapping[str, str] | None) -> Any:
    """Return a pandas frame with those levels of its index as columns that hold an id or a time."""
    if not nw.dependencies.is_pandas_dataframe(native):
        return native
    given = set((names or {}).values())
    levels = [
        name
        for name in native.index.names
        if name is not None and name not in native.columns and (name in given or is_usual(name))
    ]
    has_times = "time" in (names or {}) or any(holds(name, "time") for name in native.columns)
    if not levels and native.index.dtype.kind == "M" and native.index.name is None and not has_times:
        return native.rename_axis(index=COLUMN_NAMES["time"]).pipe(with_index, names)
    return native.reset_index(levels) if levels else native


def read_series(series: nw.Series[Any], read: Callable[[Any, str], NDArray[Any]], name: str) -> NDArray[Any]:
    """Return a series of a frame as ``read`` reads its values, naming it in messages."""
    name = str(name)
    refuse_missing(np.asarray(series.is_null().to_numpy(), dtype=bool), name)
    if isinstance(series.dtype, NEITHER_IDS_NOR_TIMES):
        raise TypeError(f"Column {name!r} has dtype {series.dtype}, which is read neither as ids nor as times.")
    if isinstance(series.dtype, nw.Datetime) and series.dtype.time_zone is not None:
        series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    elif series.dtype == nw.Date:
        series = series.cast(nw.Datetime("us"))
    if series.dtype in (nw.String, nw.Categorical, nw.Enum, nw.Int128, nw.UInt128):
        return read(np.fromiter(series.to_list(), dtype=object, count=len(series)), name)
    return read(series.to_numpy(), name)


def read_ids(ids: Any, name: str) -> NDArray[Any]:
    """Return a user's list, array or series of ids as int64, float64 or object (str)."""
    plain = plain_ids(ids, name) if type(ids) is list else None
    if plain is not None:
        return plain
    if isinstance(ids, np.ma.MaskedArray) and ids.dtype.names is None and np.ma.is_masked(ids):
        raise ValueError(f"{name} holds masked places. Drop them, with .compressed() for instance.")
    # Asked of arrays and lists, it would be the longest part of reading a single id.
    if type(ids) not in (np.ndarray, list) and nw.dependencies.is_into_series(ids):
        return read_series(nw.from_native(ids, series_only=True), partial(id_column, allow_fractions=True), name)
    if not hasattr(ids, "__array__"):
        if isinstance(ids, TEXT_LIKE) or not isinstance(ids, Iterable):
            raise TypeError(f"{name} must be a list or array of ids, not {shown(ids)}. Wrap a single id in a list.")
        values = list(ids)
        ids = np.fromiter(values, dtype=object, count=len(values))
    if np.ndim(ids) != 1:
        raise ValueError(f"{name} must be one-dimensional; it has shape {np.shape(ids)}.")
    if len(ids) == 0:
        return np.empty(0, dtype=np.int64)
    return id_column(ids, name, allow_fractions=True)


def read_sequences(sequences: Any) -> list[NDArray[Any]]:
    """Return a list of lists of item ids as one array of ids each.

    Raises
    ------
    TypeError
        If it is no list of lists, or holds what is no id.
    """
    is_one = isinstance(sequences, (*TEXT_LIKE, Mapping)) or (isinstance(sequences, np.ndarray) and not sequences.ndim)
    if is_one or is_frame(sequences) or not isinstance(sequences, Iterable):
        raise TypeError(f"sequences must be a list of lists of item ids, not {shown(sequences)}.")
    return [read_ids(row, f"sequences[{place}]") for place, row in enumerate(sequences)]
