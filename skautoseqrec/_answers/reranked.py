"""Pages of candidates handed to a caller's function, and the order that it returns, checked before it is used."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._data.checks import shown
from .._data.reading import read_ids
from .._data.vocabulary import Vocabulary
from .._scoring.alike import cosines_between
from .._scoring.scorer import Scorer
from .._state.snapshot import Snapshot
from .._utils.arguments import check_choice
from .._utils.words import counted

#: How many times as long as the lists a page is, if nothing is said.
TIMES_AS_LONG = 10
#: What a function may return, and the attributes by which it says so and what else it needs.
IDS, POSITIONS = "ids", "positions"
RETURNS, SIZE, NEEDS_SIMILARITIES = "returns", "rerank_size", "needs_similarities"


class Reranking(NamedTuple):
    """How pages are reranked.

    Parameters
    ----------
    function : callable
        Takes users, ids and scores, and returns an order for each user.
    size : int or None
        Number of candidates of a page; None takes ten times the length of a list.
    """

    function: Any
    size: int | None

    @classmethod
    def read(cls, function: Any, size: Any) -> Reranking | None:
        """Return how a caller wants pages reranked; None if not at all.

        Raises
        ------
        TypeError
            If the function is none.
        ValueError
            If it has no size, or returns something else than ids or positions.
        """
        if function is None:
            if size is not None:
                raise ValueError("rerank_size is the size of the page that rerank is given; give rerank too.")
            return None
        if not callable(function) or isinstance(function, type):
            raise TypeError(f"rerank must be a function of (users, ids, scores), or None, not {shown(function)}.")
        check_choice(getattr(function, RETURNS, IDS), f"rerank.{RETURNS}", (IDS, POSITIONS))
        size = getattr(function, SIZE, None) if size is None else size
        if size is not None and (not isinstance(size, Integral) or isinstance(size, bool) or size < 1):
            raise ValueError(f"rerank_size must be a whole number of at least 1, or None, not {size!r}.")
        return cls(function, None if size is None else int(size))

    def page_size(self, k: int, n_items: int) -> int:
        """Return how many candidates a page has: those of a list at least, all items at most."""
        return min(max(k, TIMES_AS_LONG * k if self.size is None else self.size), n_items)


class Pages(NamedTuple):
    """The best candidates of some users, as codes and scores, -1 where there are no more."""

    codes: NDArray[np.int64]
    scores: NDArray[np.float32]

    def cut(self, k: int) -> Pages:
        """Return the first k places; what a page is too short for is empty."""
        missing = max(0, k - self.codes.shape[1])
        return Pages(
            np.pad(self.codes[:, :k], ((0, 0), (0, missing)), constant_values=-1),
            np.pad(self.scores[:, :k], ((0, 0), (0, missing)), constant_values=-np.inf),
        )


def rerank(
    pages: Pages, reranking: Reranking, keys: NDArray[Any], scorer: Scorer, snapshot: Snapshot, items: Vocabulary
) -> Pages:
    """Return pages in the order that the function returns, each place with its score.

    Parameters
    ----------
    pages : Pages
        In order of score.
    reranking : Reranking
        The function.
    keys : ndarray of shape (n_users,)
        Ids of the users.
    scorer : Scorer
        What says how alike items are, if the function needs that.
    snapshot : Snapshot
        What the pages were answered from.
    items : Vocabulary
        Ids of the items.

    Raises
    ------
    TypeError
        If the function returns no orders.
    ValueError
        If an order has an item that is not on the page, an item twice, or none at all. The message names the user.
    """
    known, function = items.ids(snapshot.n_items), reranking.function
    rows = [row[row >= 0] for row in pages.codes]
    scores = [row[: len(codes)] for row, codes in zip(pages.scores.copy(), rows, strict=True)]
    options: dict[str, Any] = {}
    if getattr(function, NEEDS_SIMILARITIES, False):
        options["similarities"] = [cosines_between(scorer, snapshot, codes) for codes in rows]
    returned = function(keys, [known[codes] for codes in rows], scores, **options)
    if isinstance(returned, str) or not isinstance(returned, Iterable):
        raise TypeError(f"rerank must return a list with an order for each user, not {shown(returned)}.")
    orders = list(returned)
    if len(orders) != len(keys):
        raise ValueError(
            f"rerank returned {counted(len(orders), 'order')} for {counted(len(keys), 'user')}; return one for each."
        )
    read = _positions if getattr(function, RETURNS, IDS) == POSITIONS else _positions_of_ids
    codes, best = np.full_like(pages.codes, -1), np.full_like(pages.scores, -np.inf)
    for row, (key, order) in enumerate(zip(keys.tolist(), orders, strict=True)):
        where = f"rerank returned for the user {shown(key)}"
        places = read(order, known[rows[row]], where)
        _check_order(places, len(rows[row]), where)
        codes[row, : len(places)], best[row, : len(places)] = rows[row][places], pages.scores[row, places]
    return Pages(codes, best)


def _positions_of_ids(order: Any, page: NDArray[Any], where: str) -> NDArray[np.int64]:
    """Return the places of ids on a page."""
    ids = read_ids(order, where)
    if len(ids) and len(page) and (ids.dtype.kind == "O") != (page.dtype.kind == "O"):
        raise TypeError(
            f"{where} {shown(ids.tolist()[0])}, and the ids of the items are of another kind. A function that returns "
            f"positions says so: rerank.{RETURNS} = {POSITIONS!r}."
        )
    place_of = {key: place for place, key in enumerate(page.tolist())}
    unknown = next((key for key in ids.tolist() if key not in place_of), None)
    if unknown is not None:
        raise ValueError(
            f"{where} the item {shown(unknown)}, which is not on the page of {counted(len(page), 'candidate')}. Return "
            f"ids of the page only, or have a longer one with rerank_size. (A function that returns positions says so: "
            f"rerank.{RETURNS} = {POSITIONS!r}.)"
        )
    return np.array([place_of[key] for key in ids.tolist()], dtype=np.int64)


def _positions(order: Any, page: NDArray[Any], where: str) -> NDArray[np.int64]:
    """Return positions as they are, if they are some."""
    if isinstance(order, str) or not isinstance(order, Iterable):
        raise TypeError(f"{where} {shown(order)}, which is no list of positions.")
    places = np.asarray(list(order))
    if places.ndim != 1 or (len(places) and places.dtype.kind not in "iu"):
        raise TypeError(f"{where} what are no positions: whole numbers from 0 on, in one list.")
    outside = (places < 0) | (places >= len(page))
    if outside.any():
        raise ValueError(
            f"{where} the position {places[outside.argmax()]}, and the page has the positions 0 to {len(page) - 1}."
        )
    return places.astype(np.int64)


def _check_order(places: NDArray[np.int64], n_candidates: int, where: str) -> None:
    """Raise ValueError if a place stands twice in an order, or none does though there are candidates."""
    if len(np.unique(places)) < len(places):
        counts = np.bincount(places)
        raise ValueError(
            f"{where} {len(places)} items, one of them {counts.max()} times (position {counts.argmax()} of the page). "
            "Return each once."
        )
    if n_candidates and not len(places):
        raise ValueError(
            f"{where} nothing, though the page has {counted(n_candidates, 'candidate')}. Return the ids of the page to "
            "keep its order. Items are left out with exclude=."
        )
