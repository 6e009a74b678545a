"""Columns as a dataframe of the first library that is installed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import narwhals as nw
import numpy as np

#: What is looked for, in this order.
LIBRARIES = ("pandas", "polars", "pyarrow")


def as_frame(columns: Mapping[str, Any]) -> Any:
    """Return columns of equal length as a frame; as an array of records where no library of frames is installed.

    Parameters
    ----------
    columns : mapping of str to array or list of str
        The columns, by their names.
    """
    library: Any = next((name for name in LIBRARIES if find_spec(name) is not None), None)
    if library is not None:
        return nw.from_dict(dict(columns), backend=library).to_native()
    arrays = {
        name: np.array(values, dtype=object if isinstance(values, list) else None) for name, values in columns.items()
    }
    kinds: Any = [(name, array.dtype) for name, array in arrays.items()]
    return np.rec.fromarrays([*arrays.values()], dtype=kinds)
