"""The containers of a log: its columns, and what the transformers hand on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .checks import shown
from .ids import id_column
from .times import time_column


class Columns(NamedTuple):
    """A log as validated columns of ids and times, rows as they came."""

    user_ids: NDArray[Any]
    item_ids: NDArray[Any]
    times: NDArray[Any] | None

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
        return np.lexsort((items, users, self.times))

    def take(self, rows: Any) -> Columns:
        """Return the log of the chosen rows."""
        return Columns(self.user_ids[rows], self.item_ids[rows], None if self.times is None else self.times[rows])


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

    def __post_init__(self) -> None:
        for name in ("users", "items"):
            object.__setattr__(self, name, _codes(getattr(self, name), name))
        for name in ("user_ids", "item_ids"):
            object.__setattr__(self, name, _distinct_ids(getattr(self, name), name))
        n_rows = len(self.users)
        if len(self.items) != n_rows or (self.times is not None and np.shape(self.times) != (n_rows,)):
            raise ValueError("users, items and times must have one entry per row.")
        if self.times is not None:
            object.__setattr__(self, "times", time_column(self.times, "times"))
        for codes, ids, name in ((self.users, self.user_ids, "users"), (self.items, self.item_ids, "items")):
            if n_rows and not (codes.min() >= 0 and codes.max() < len(ids)):
                raise ValueError(f"{name} holds codes outside its vocabulary of {len(ids)} ids.")

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
        if isinstance(rows, int | np.integer):
            rows = [rows]
        users, items, times = Columns(self.users, self.items, self.times).take(rows)
        part = object.__new__(Interactions)  # what stands in a checked log needs no second look
        vars(part).update(users=users, items=items, times=times, user_ids=self.user_ids, item_ids=self.item_ids)
        return part

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return the decoded log as an array with one column each for user, item and (if known) time."""
        table = stacked([column for column in self.to_columns() if column is not None])
        return table if dtype is None else table.astype(dtype)

    def __repr__(self) -> str:
        """Return the container's name and sizes."""
        return f"{type(self).__name__}({len(self)} events, {len(self.user_ids)} users, {len(self.item_ids)} items)"

    def to_columns(self) -> Columns:
        """Return the decoded log as its columns."""
        return Columns(self.user_ids[self.users], self.item_ids[self.items], self.times)


@dataclass(frozen=True, eq=False, repr=False)
class SequenceMatrices(Interactions):
    """A log together with its user-item counts and item transitions.

    It is what :class:`~skautoseqrec.preprocessing.SequenceMatrixTransformer` returns. A slice of it is a plain
    :class:`Interactions`, since the matrices describe the whole log.

    Parameters
    ----------
    users, items, times, user_ids, item_ids
        As in :class:`Interactions`.
    user_item : csr_matrix of shape (n_users, n_items)
        ``R``: how often each user met each item.
    transitions : csr_matrix of shape (n_items, n_items)
        ``T``: decayed counts of which item followed which.
    transition_window : int
        The window that ``transitions`` was counted with.
    transition_decay : float
        The decay that ``transitions`` was counted with.
    """

    user_item: sparse.csr_matrix
    transitions: sparse.csr_matrix
    transition_window: int
    transition_decay: float
