"""Logs to try things on: synthetic ones with a known best ranking, and files."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from importlib.util import find_spec
from numbers import Integral
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch, check_random_state

from ._data.interactions import Columns, Interactions
from ._data.reading import COLUMN_NAMES, choose_names, read_columns
from ._data.times import spells_a_number, time_column
from ._data.vocabulary import encode, learn_ids

__all__ = ["load_interactions", "make_interactions"]


def make_interactions(
    n_users: int = 200,
    n_items: int = 100,
    n_events: int = 6000,
    *,
    n_successors: int = 5,
    n_tastes: int = 4,
    noise: float = 0.1,
    random_state: Any = None,
    return_oracle: bool = False,
) -> Any:
    """Make a synthetic log of users who walk a hidden transition graph by personal taste.

    Every item has a few successors and a taste; every user has a taste. A user's next item is an unseen successor of
    the last item. Successors of the user's own taste are three times as likely. With probability ``noise``, or if no
    successor is unseen, the next item is any unseen item. First items follow a power law. No user sees an item twice.

    Parameters
    ----------
    n_users : int, default=200
        Number of users; at least 1.
    n_items : int, default=100
        Number of items; at least 2.
    n_events : int, default=6000
        Number of events; at most ``n_users * n_items / 2``.
    n_successors : int, default=5
        Number of successors of each item; in [1, n_items - 1].
    n_tastes : int, default=4
        Number of tastes; at least 1.
    noise : float, default=0.1
        Probability of a step to any unseen item; in [0, 1].
    random_state : int, RandomState instance or None, default=None
        Seed of the graph, the tastes and the walks.
    return_oracle : bool, default=False
        Whether to return the predictions of an oracle that knows the graph and the tastes.

    Returns
    -------
    X : ndarray of shape (n_events, 3), int64
        Columns user, item, time; times increase by one.
    oracle : Bunch
        Only with ``return_oracle``. ``best_items`` (n_events,): the most probable item of each event. ``ranks``
        (n_events,): the rank of the true item, ties at half. ``mean_reciprocal_rank(oracle.ranks)`` is the best
        that can be expected of any recommender.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> from skautoseqrec.datasets import make_interactions
    >>> X, oracle = make_interactions(n_events=500, random_state=0, return_oracle=True)
    >>> X.shape, oracle.ranks.shape
    ((500, 3), (500,))
    """
    _check_world(n_users, n_items, n_events, n_successors, n_tastes, noise)
    rng = np.random.default_rng(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    world = _World(rng, n_users, n_items, n_successors, n_tastes, noise)
    users = rng.permutation(np.tile(np.arange(n_users), -(-n_events // n_users)))[:n_events]
    items, best_items, ranks = (np.empty(n_events, dtype) for dtype in (np.int64, np.int64, np.float64))
    last = np.full(n_users, -1)
    seen = np.zeros((n_users, n_items), dtype=bool)
    for event, user in enumerate(users.tolist()):
        probabilities = world.probabilities(user, last[user], seen[user])
        item = int(rng.choice(n_items, p=probabilities))
        higher, tied = (probabilities > probabilities[item]).sum(), (probabilities == probabilities[item]).sum()
        items[event], best_items[event], ranks[event] = item, probabilities.argmax(), higher + (tied + 1) / 2
        last[user], seen[user, item] = item, True
    X = np.column_stack([users, items, np.arange(n_events)])
    return (X, Bunch(best_items=best_items, ranks=ranks)) if return_oracle else X


def load_interactions(path: Any) -> Interactions:
    """Read a log from a file.

    Ids are read without loss: a column is read as integers only if each id is spelled as an integer ("007" stays a
    string). Times are whole numbers, decimals or ISO dates.

    Parameters
    ----------
    path : str or path-like
        A ``.csv``, ``.csv.gz`` or ``.parquet`` file with columns user_id, item_id and optionally timestamp, or with
        exactly 2 or 3 columns in that order. A csv file begins with a header line. Parquet needs pyarrow, polars or
        pandas to be installed.

    Returns
    -------
    interactions : Interactions
        The log, rows as in the file.

    Raises
    ------
    ValueError
        If the file's type is unknown, or the file holds no log. The message names the line, or the column and row.
    FileNotFoundError
        If the file does not exist.
    ImportError
        If no package that reads parquet is installed.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skautoseqrec.datasets import load_interactions
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "log.csv"
    ...     with path.open("w") as file:
    ...         print("user_id,item_id,timestamp", "ann,007,5", "bob,008,6", sep=chr(10), file=file)
    ...     load_interactions(path).item_ids
    array(['007', '008'], dtype=object)
    """
    path = Path(path)
    if path.name.endswith((".csv", ".csv.gz")):
        columns = _read_csv(path)
    elif path.suffix == ".parquet":
        columns = read_columns(nw.read_parquet(str(path), backend=_parquet_backend()).to_native())
    else:
        raise ValueError(f"{path.name!r} is of no known type: use a .csv, .csv.gz or .parquet file.")
    return encode(columns, *learn_ids(columns))


class _World:
    """The hidden graph and tastes, and the probability of each next item."""

    def __init__(
        self, rng: np.random.Generator, n_users: int, n_items: int, n_successors: int, n_tastes: int, noise: float
    ) -> None:
        self.noise = noise
        self.user_taste = rng.integers(n_tastes, size=n_users)
        self.item_taste = rng.integers(n_tastes, size=n_items)
        self.start = 1 / rng.permutation(np.arange(1, n_items + 1))
        self.graph = np.zeros((n_items, n_items))
        for item in range(n_items):
            others = np.delete(np.arange(n_items), item)
            self.graph[item, rng.choice(others, n_successors, replace=False)] = rng.dirichlet(np.ones(n_successors))

    def probabilities(self, user: int, last: int, seen: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the probability of each item to be the user's next one."""
        if last < 0:
            return self.start / self.start.sum()
        anywhere = ~seen / (~seen).sum()
        step = self.graph[last] * np.where(self.item_taste == self.user_taste[user], 3.0, 1.0) * ~seen
        if step.sum() == 0:
            return anywhere
        return (1 - self.noise) * step / step.sum() + self.noise * anywhere


def _check_world(n_users: int, n_items: int, n_events: int, n_successors: int, n_tastes: int, noise: float) -> None:
    lowest = {"n_users": 1, "n_items": 2, "n_events": 1, "n_successors": 1, "n_tastes": 1}
    values = {
        "n_users": n_users,
        "n_items": n_items,
        "n_events": n_events,
        "n_successors": n_successors,
        "n_tastes": n_tastes,
    }
    for name, value in values.items():
        if not isinstance(value, Integral) or value < lowest[name]:
            raise ValueError(f"{name} must be a whole number of at least {lowest[name]}, not {value!r}.")
    if n_successors >= n_items:
        raise ValueError(f"n_successors must be below n_items={n_items}, not {n_successors}.")
    if n_events > n_users * n_items / 2:
        raise ValueError(f"n_events={n_events} is above n_users * n_items / 2 = {n_users * n_items / 2:g}.")
    if not 0 <= noise <= 1:
        raise ValueError(f"noise must lie in [0, 1], not {noise!r}.")


def _read_csv(path: Path) -> Columns:
    open_text: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
    with open_text(path, "rt", encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        header = next(reader, None)
        if header is None:
            raise ValueError(f"{path.name!r} is empty: a header line and at least one event are needed.")
        if not set(header) & set(COLUMN_NAMES) and any(spells_a_number(name) for name in header):
            raise ValueError(f"{path.name!r} begins with data, {header}: a header line with column names is needed.")
        places = [header.index(name) for name in choose_names(header) if name is not None]
        rows = [_check_fields(row, len(header), reader.line_num) for row in reader if row]
    if not rows:
        raise ValueError(f"{path.name!r} holds a header and no event.")
    texts = [np.array([row[place] for row in rows], dtype=object) for place in places]
    for text, place in zip(texts, places, strict=True):
        if (text == "").any():
            raise ValueError(
                f"Column {header[place]!r} has a missing value in row {int((text == '').argmax())} of {path.name!r}."
            )
    times = _parse_times(texts[2], header[places[2]]) if len(texts) == 3 else None
    return Columns(_parse_ids(texts[0]), _parse_ids(texts[1]), times)


def _check_fields(row: list[str], n_fields: int, line: int) -> list[str]:
    if len(row) != n_fields:
        raise ValueError(f"Line {line} has {len(row)} fields where the header has {n_fields}.")
    return row


def _parse_ids(text: NDArray[Any]) -> NDArray[Any]:
    """Return integers if every id is spelled as its integer, otherwise the text unchanged."""
    try:
        numbers = text.astype(np.int64)
    except (ValueError, OverflowError):
        return text
    return numbers if (numbers.astype(str).astype(object) == text).all() else text


def _parse_times(text: NDArray[Any], name: str) -> NDArray[Any]:
    """Return the times as numbers if they are spelled as numbers, otherwise as dates."""
    try:
        return time_column(text.astype(str), name, allow_text=True)
    except TypeError as not_numbers:
        try:
            return time_column(text.astype(str).astype("datetime64[us]"), name)
        except ValueError as not_dates:
            raise ValueError(f"{not_numbers} ISO dates are read too, but: {not_dates}") from not_dates


def _parquet_backend() -> Any:
    for backend in ("pyarrow", "polars", "pandas"):
        if find_spec(backend) is not None:
            return backend
    raise ImportError("Reading parquet needs pyarrow, polars or pandas: pip install pyarrow.")
