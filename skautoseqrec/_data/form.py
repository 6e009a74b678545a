"""What form a log came in: its kind of frame and the names of its columns, which answers take again."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from .interactions import Interactions
from .naming import COLUMN_NAMES, find_columns
from .reading import with_index
from .rows import names_of

#: The kinds of frame that an answer may be.
FRAMES = ("pandas", "polars", "pyarrow")
#: What frames are made in where the log was none.
USUAL_FRAME = "pandas"


class LogForm(NamedTuple):
    """How answers name and frame what a log said.

    Parameters
    ----------
    frame : {"pandas", "polars", "pyarrow"} or None
        What kind of frame the log was; None if it was none of these.
    user, item : str
        Names of its columns; the package's own if it had none.
    time : str or None
        Name of its column of times; None if it had none.
    """

    frame: str | None = None
    user: str = COLUMN_NAMES["user"]
    item: str = COLUMN_NAMES["item"]
    time: str | None = None

    @classmethod
    def of(cls, X: Any, columns: Mapping[str, str], asks_for_events: bool = False) -> LogForm:
        """Return the form of a log that was read, given the names of columns and whether kinds of events were."""
        frame, names = None, None
        if nw.dependencies.is_into_dataframe(X):
            read = nw.from_native(with_index(X, columns), eager_only=True)
            frame, names = read.implementation.value, read.columns
        elif isinstance(X, np.ndarray):
            names = X.dtype.names
        elif isinstance(X, Sequence) and not isinstance(X, Interactions) and len(X):
            names = names_of(X[0])
        if names is None:
            return cls()
        chosen = find_columns(list(names), columns, asks_for_events)._asdict()
        named = {key: chosen[key] for key in COLUMN_NAMES if isinstance(chosen[key], str)}
        return cls(frame if frame in FRAMES else None, **named)

    def __str__(self) -> str:
        """Return what was read from which column."""
        of_time = "row order is time" if self.time is None else f"times from {self.time!r}"
        return f"users are read from {self.user!r}, items from {self.item!r}, {of_time}"

    def make_frame(self, columns: Mapping[str, NDArray[Any] | list[str | None]]) -> Any:
        """Return a frame of columns by name: arrays of ids and numbers, lists of texts that may be missing.

        Raises
        ------
        ImportError
            If the package that makes such frames is not installed.
        """
        frame = self.frame or USUAL_FRAME
        if importlib.util.find_spec(frame) is None:
            was = "was fitted on a frame of" if self.frame else "was fitted on no frame, so the answer is one of"
            raise ImportError(
                f"The recommender {was} {frame}, which is not installed here. Install it with: pip install {frame}. "
                "Or ask for output='list'."
            )
        # Objects are handed over as lists, for an array of objects would become a column of objects.
        data = {name: list(values) if _is_text(values) else values for name, values in columns.items()}
        schema = {name: _dtype_of(values) for name, values in columns.items()}
        made = nw.from_dict(data, schema, backend=cast(Any, frame)).to_native()
        if frame == "pandas":  # before its version 3, a missing text becomes the text "None"
            for name, values in columns.items():
                if isinstance(values, list) and None in values:
                    made[name] = made[name].where([value is not None for value in values])
        return made


def check_names(names: Sequence[str]) -> None:
    """Raise ValueError if two columns of an answer have one name: one of them is then named as in the log."""
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        raise ValueError(
            f"The column {doubled!r} of the fitted log has the name of another column of the answer. Rename it in the "
            "log and fit again, or ask for another output."
        )


def _is_text(values: Any) -> bool:
    return isinstance(values, list) or values.dtype.kind == "O"


def _dtype_of(values: Any) -> Any:
    """Return the dtype of a column, which an empty one would not tell."""
    if _is_text(values):
        return nw.String()
    if values.dtype.kind == "b":
        return nw.Boolean()
    if values.dtype == np.float32:
        return nw.Float32()
    return nw.Int64() if values.dtype.kind == "i" else nw.Float64()
