"""Lists and reasons as they are printed, with the titles of items."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np

from ..datasets import load_titles
from ..recommender import AutoSeqRecRecommender

k_option = click.option("-k", type=click.IntRange(1), default=10, show_default=True, help="Length of a list.")


class Titles:
    """The titles of items, if there is a file of them.

    Parameters
    ----------
    path : str or None
        The file.
    """

    def __init__(self, path: str | None) -> None:
        titles = {} if path is None else load_titles(Path(path))
        self._titles = {str(item): title for item, title in titles.items()}
        self.are_given = path is not None

    def of(self, item: Any) -> str:
        """Return the title of an item; empty where it has none."""
        return self._titles.get(str(item), "")

    def by_id(self, recommender: AutoSeqRecRecommender) -> dict[Any, str] | None:
        """Return the titles of a recommender's items by its own ids; None if there is no file of them."""
        known = {item: self.of(item) for item in recommender.item_ids_.tolist()} if self.are_given else {}
        return {item: title for item, title in known.items() if title} or None


def answers_of(users: list[Any], items: Any, scores: Any, named: Titles, known: set[Any]) -> Iterator[dict[str, Any]]:
    """Yield the list of each user; places without an item, which are masked, are left out."""
    for user, row, row_scores in zip(users, items.tolist(), scores.tolist(), strict=True):
        listed = [
            {"item": item, **({"title": named.of(item)} if named.are_given else {}), "score": score}
            for item, score in zip(row, row_scores, strict=True)
            if item is not None
        ]
        yield {"user": user, "is_known": user in known, "items": listed}


def reason_for(told: Any, place: int, item: Any, named: Titles) -> dict[str, Any]:
    """Return what the score of one explained item is made of, the past items that speak most for it first."""
    added: dict[str, float] = {}  # an item that was met twice stands there twice
    for name, value in zip(told.past_items[0].tolist(), told.neighbours[0][:, place].tolist(), strict=True):
        added[str(name)] = added.get(str(name), 0.0) + value
    return {
        "item": item,
        "title": named.of(item),
        "sentence": str(told.sentences[0, place]),
        "status": str(told.status[0, place]),
        "place": None if np.ma.is_masked(told.ranks[0, place]) else int(told.ranks[0, place]),
        "score": float(told.scores[0, place]),
        "parts": {part: float(values[0, place]) for part, values in told.centered.items()},
        "past_items": {name: value for name, value in sorted(added.items(), key=lambda pair: -pair[1]) if value > 0},
    }


def rows_of(answer: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Yield a row for each item of a list."""
    for rank, listed in enumerate(answer["items"], start=1):
        yield answer["user"], rank, *listed.values()
