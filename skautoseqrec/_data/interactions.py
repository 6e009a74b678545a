"""The containers of a log: its columns, and what the transformers hand on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .._utils.words import counted
from .checks import shown
from .ids import id_column
from .times import time_column
from .weights import WEIGHT_UNIT, Kinds, sample_weights, weight_column, weights_of_kinds


class Columns(NamedTuple):
    """A log as validated columns of ids and times, rows as they came.

    ``weights`` are what the events count, in units, and ``kinds`` what kind each is; None where the log does not say.
    """

    user_ids: NDArray[Any]
    item_ids: NDArray[Any]
    times: NDArray[Any] | None
    weights: NDArray[np.int64] | None = None
    kinds: Kinds | None = None

    @property
    def users(self) -> NDArray[Any]:
        """The ids of the users, by the name that a decoded log has for them."""
        return self.user_ids

    @property
    def items(self) -> NDArray[Any]:
        """The ids of the items, likewise."""
        return self.item_ids

    def time_order(self, by_moment: bool = False) -> NDArray[np.int64]:
        """Return the stable sort of the rows by time; row order where there is no time.

        ``by_moment`` sorts rows of one time by their ids, so that their order in the log means nothing.
        """
        if self.times is None or len(self.times) < 2:
            return np.arange(len(self.user_ids))
        if not by_moment:
            return np.argsort(self.times, kind="stable")
        users, items = (np.unique(ids, return_inverse=True)[1] for ids in (self.user_ids, self.item_ids))
        return np.lexsort((*(() if self.weights is None else (self.weights,)), items, users, self.times))

    def judged(self, kind: Any) -> NDArray[np.bool_] | None:
        """Return which events are of a kind; None for all.

        Raises
        ------
        ValueError
            If none is.
        """
        return None if kind is None or self.kinds is None else self.kinds.are(kind)

    def only(self, keys: Collection[str]) -> Columns:
        """Return the log without what is not among the keys of ``columns``: times, weights or kinds."""
        said_by = {"time": "times", "weight": "weights", "event": "kinds"}
        left_out: dict[str, Any] = {name: None for key, name in said_by.items() if key not in keys}
        return self._replace(**left_out)

    def take(self, rows: Any) -> Columns:
        """Return the log of the chosen rows."""
        times = None if self.times is None else self.times[rows]
        weights = None if self.weights is None else self.weights[rows]
        kinds = None if self.kinds is None else self.kinds.take(rows)
        return Columns(self.user_ids[rows], self.item_ids[rows], times, weights, kinds)


def weighed(columns: Columns, event_weights: Mapping[Any, float] | None, sample_weight: Any) -> Columns:
    """Return a log with what its events count, from the one place that says so: it, its kinds, or beside it.

    Raises
    ------
    ValueError
        If more than one place says so, a kind has no weight, or the weights are not those of the log.
    TypeError
        If they are no numbers.
    """
    if event_weights is None and sample_weight is None:
        return columns
    given = {
        "a column of weights": columns.weights is not None,
        "event_weights": event_weights is not None,
        "sample_weight": sample_weight is not None,
    }
    said = [name for name, is_given in given.items() if is_given]
    if len(said) > 1:
        raise ValueError(
            f"The weights of events are given by {' and by '.join(said)}: give one of them. A column named 'weight' "
            "that holds something else has to be renamed or dropped."
        )
    if event_weights is not None and columns.kinds is not None:
        return columns._replace(weights=weights_of_kinds(columns.kinds, event_weights))
    if sample_weight is not None:
        return columns._replace(weights=sample_weights(sample_weight, len(columns.user_ids)))
    return columns


def alike(columns: Columns, who: str) -> Columns:
    """Return a log without weights, or raise ValueError, for somebody, if an event counts anything but 1."""
    weights = columns.weights
    if weights is not None and (is_other := weights != WEIGHT_UNIT).any():
        row = int(is_other.argmax())
        raise ValueError(
            f"{who} counts all events alike, and that in row {row} has the weight {weights[row] / WEIGHT_UNIT:g}. Drop "
            "the column of weights, or keep only the rows that shall count."
        )
    return columns._replace(weights=None)


def _codes(codes: Any, name: str) -> NDArray[np.int64]:
    """Return codes as int64, or refuse what are none."""
    codes = np.asarray(codes)
    if codes.ndim != 1 or (codes.dtype.kind not in "iu" and len(codes)):
        raise TypeError(
            f"{name} must be codes, a one-dimensional array of integers; it has shape {codes.shape} and dtype "
            f"{codes.dtype}."
        )
    return codes.astype(np.int64, copy=False)


def _distinct_ids(ids: Any, name: str) -> NDArray[Any]:
    """Return a vocabulary's ids as those of a log, or refuse one that stands there twice."""
    if np.ndim(ids) != 1:
        raise TypeError(f"{name} must be a one-dimensional array of ids; it has shape {np.shape(ids)}.")
    column = id_column(ids, name, allow_fractions=True)
    codes: dict[Any, int] = {}
    for code, key in enumerate(column.tolist()):
        if codes.setdefault(key, code) != code:
            raise ValueError(f"{name} holds {shown(key)} twice, as codes {codes[key]} and {code}.")
    return column


def stacked(columns: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return columns side by side as one array, without loss."""
    kinds = {column.dtype for column in columns}
    # Only numbers of one kind share an array without loss.
    common = kinds.pop() if len(kinds) == 1 else np.dtype(object)
    return np.column_stack([column.astype(common) for column in columns])


@dataclass(frozen=True, eq=False, repr=False)
class Interactions:
    """A log as integer codes with the vocabularies that decode them.

    It is what :class:`~skautoseqrec.preprocessing.InteractionEncoder` returns: the same log, row for row.
    Cross-validation can slice it.

    Parameters
    ----------
    users : ndarray of shape (n_rows,), int64
        Codes of the users, ``0 <= users < len(user_ids)``.
    items : ndarray of shape (n_rows,), int64
        Codes of the items, ``0 <= items < len(item_ids)``.
    times : ndarray of shape (n_rows,) or None
        Times (int64, float64 or datetime64); None means that row order is time.
    user_ids : ndarray of shape (n_users,)
        The id of each user code: int64, object (str), or float64 if a plain array held fractions.
    item_ids : ndarray of shape (n_items,)
        The id of each item code.
    weights : ndarray of shape (n_rows,), float64, or None, default=None
        What each event counts, from 0 to 1,000,000, as whole multiples of 1/1024; None if all count 1.
    events : ndarray of shape (n_rows,) or None, default=None
        The kind of each event: int64 or object (str); None where the log does not say.

    Examples
    --------
    >>> from skautoseqrec.preprocessing import InteractionEncoder
    >>> log = InteractionEncoder().fit_transform([("ann", "tea", 1), ("bob", "milk", 2), ("ann", "milk", 3)])
    >>> log
    Interactions(3 events, 2 users, 2 items)
    >>> log.items
    array([0, 1, 1])
    >>> log[1:].shape
    (2, 3)
    """

    users: NDArray[np.int64]
    items: NDArray[np.int64]
    times: NDArray[Any] | None
    user_ids: NDArray[Any]
    item_ids: NDArray[Any]
    weights: NDArray[np.float64] | None = field(default=None, kw_only=True)
    events: NDArray[Any] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        for name in ("users", "items"):
            object.__setattr__(self, name, _codes(getattr(self, name), name))
        for name in ("user_ids", "item_ids"):
            object.__setattr__(self, name, _distinct_ids(getattr(self, name), name))
        n_rows = len(self.users)
        columns = [column for column in (self.times, self.weights, self.events) if column is not None]
        if len(self.items) != n_rows or any(np.shape(column) != (n_rows,) for column in columns):
            raise ValueError("users, items, times, weights and events must have one entry per row.")
        if self.times is not None:
            object.__setattr__(self, "times", time_column(self.times, "times"))
        if self.weights is not None:
            object.__setattr__(self, "weights", weight_column(self.weights, "weights") / WEIGHT_UNIT)
        if self.events is not None:
            object.__setattr__(self, "events", id_column(self.events, "events"))
        for codes, ids, name in ((self.users, self.user_ids, "users"), (self.items, self.item_ids, "items")):
            if n_rows and not (codes.min() >= 0 and codes.max() < len(ids)):
                raise ValueError(f"{name} holds codes outside its vocabulary of {counted(len(ids), 'id')}.")

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.users)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, as of an array: 3 columns with times, 2 without."""
        return len(self), 2 if self.times is None else 3

    def __getitem__(self, key: Any) -> Interactions:
        """Return the events of a slice, a mask or an array of row numbers, with the same vocabularies."""
        rows = key[0] if isinstance(key, tuple) else key
        if isinstance(rows, str):
            raise TypeError(
                f"Interactions are indexed by row numbers, not by the name {rows!r} of a column. np.asarray(log) has "
                "user, item and time as columns."
            )
        if isinstance(rows, int | np.integer):
            rows = [rows]
        part = object.__new__(Interactions)  # what stands in a checked log needs no second look
        vars(part).update(user_ids=self.user_ids, item_ids=self.item_ids)
        for name in ("users", "items", "times", "weights", "events"):
            column = getattr(self, name)
            vars(part)[name] = None if column is None else column[rows]
        return part

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return the decoded log as an array with one column each for user, item and (if known) time, no weights."""
        table = stacked([column for column in self.to_columns()[:3] if column is not None])
        return table if dtype is None else table.astype(dtype)

    def __repr__(self) -> str:
        """Return the container's name and sizes."""
        users, items = counted(len(self.user_ids), "user"), counted(len(self.item_ids), "item")
        return f"{type(self).__name__}({counted(len(self), 'event')}, {users}, {items})"

    def to_columns(self) -> Columns:
        """Return the decoded log as its columns."""
        weights = None if self.weights is None else np.rint(self.weights * WEIGHT_UNIT).astype(np.int64)
        kinds = None if self.events is None else Kinds(self.events, "events")
        return Columns(self.user_ids[self.users], self.item_ids[self.items], self.times, weights, kinds)


@dataclass(frozen=True, eq=False, repr=False)
class SequenceMatrices(Interactions):
    """A log together with its user-item counts and item transitions.

    It is what :class:`~skautoseqrec.preprocessing.SequenceMatrixTransformer` returns. A slice of it is a plain
    :class:`Interactions`, since the matrices describe the whole log.

    Parameters
    ----------
    users, items, times, user_ids, item_ids, weights, events
        As in :class:`Interactions`.
    user_item : csr_matrix of shape (n_users, n_items)
        ``R``: how often each user met each item; with weights, what that adds up to.
    transitions : csr_matrix of shape (n_items, n_items)
        ``T``: decayed counts of which item followed which; with weights, the later event counts as much as it weighs.
    transition_window : int
        The window that ``transitions`` was counted with.
    transition_decay : float
        The decay that ``transitions`` was counted with.
    """

    user_item: sparse.csr_matrix
    transitions: sparse.csr_matrix
    transition_window: int
    transition_decay: float
