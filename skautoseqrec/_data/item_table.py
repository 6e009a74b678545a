"""What a caller says of items, in a dict, a series, a frame or records: a value, or several, for each id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from .checks import shown
from .naming import plain, usual_column
from .reading import read_ids

#: Names of a column of titles, in lower case and without separators.
USUAL_TITLES = ("title", "name", "itemname", "itemtitle", "description")


class ItemTable(NamedTuple):
    """Ids of items, each once, and by name what is said of them.

    Parameters
    ----------
    ids : ndarray of shape (n_rows,)
        int64, float64 or object (str).
    columns : dict of str to list of length n_rows
        Values as they came; None where one is missing.
    """

    ids: NDArray[Any]
    columns: dict[str, list[Any]]

    def column(self, argument: str, usual: tuple[str, ...]) -> list[Any]:
        """Return the one column, or the one with a usual name.

        Raises
        ------
        ValueError
            If it is not clear which column is meant.
        """
        named = [name for name in self.columns if plain(name) in usual]
        chosen = named if len(self.columns) > 1 else list(self.columns)
        if len(chosen) != 1:
            raise ValueError(
                f"{argument} has the columns {list(self.columns)} beside the ids of items, and which one is meant is "
                f"not clear. Keep one of them, or name one of them {usual[0]!r}."
            )
        return self.columns[chosen[0]]


def read_item_table(table: Any, argument: str, item_name: str | None = None) -> ItemTable:
    """Read what is said of items.

    Parameters
    ----------
    table : dict, series with an index, dataframe or array of records
        Values by id, or a column of ids and columns of values.
    argument : str
        What it was handed in as, for messages.
    item_name : str or None, default=None
        The name of the column of ids, if the frame has it; otherwise it has a usual name.

    Raises
    ------
    TypeError
        If it is of another form, or an id is none.
    ValueError
        If no column of a frame holds ids or values, or an id stands there twice.
    """
    if isinstance(table, Mapping):
        ids, columns = read_ids(list(table), argument), {"": [_present(value) for value in table.values()]}
    elif nw.dependencies.is_pandas_series(table):
        ids, columns = read_ids(table.index.to_numpy(), argument), {"": _values(table)}
    elif nw.dependencies.is_into_dataframe(table):
        frame = nw.from_native(table, eager_only=True)
        ids, columns = _read_columns({name: frame[name].to_native() for name in frame.columns}, argument, item_name)
    elif isinstance(table, np.ndarray) and table.dtype.names is not None and table.ndim == 1:
        ids, columns = _read_columns({name: table[name] for name in table.dtype.names}, argument, item_name)
    else:
        raise TypeError(
            f"{argument} must be a dict from item ids, a pandas series whose index is item ids, or a dataframe or an "
            f"array of records with a column of item ids, not {shown(table)}."
        )
    first: dict[Any, int] = {}
    for row, key in enumerate(ids.tolist()):
        if first.setdefault(key, row) != row:
            raise ValueError(f"{argument} holds the item {shown(key)} twice, in rows {first[key]} and {row}. Keep one.")
    return ItemTable(ids, columns)


def _read_columns(
    named: Mapping[str, Any], argument: str, item_name: str | None
) -> tuple[NDArray[Any], dict[str, list[Any]]]:
    names = list(named)
    item = item_name if item_name in names else usual_column("item", names, names)
    if item is None or len(names) < 2:
        raise ValueError(
            f"{argument} has the columns {names}: it needs one of item ids, named {item_name or 'item_id'!r}, and one "
            "of what is said of them."
        )
    return read_ids(named[item], argument), {str(name): _values(named[name]) for name in names if name != item}


def _values(column: Any) -> list[Any]:
    is_array = isinstance(column, np.ndarray)
    return [*map(_present, column.tolist() if is_array else nw.from_native(column, series_only=True).to_list())]


def _present(value: Any) -> Any:
    """Return a value, None for what stands for a missing one."""
    is_missing = type(value).__name__ in ("NAType", "NaTType") or (
        isinstance(value, float | np.floating) and value != value
    )
    return None if is_missing else value
