"""What each past item of a user adds to scores, by itself: exact for the parts that are sums over past items."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._counts.histories import Context
from .._state.snapshot import Asked
from .._utils.ragged import SparseEntries
from .parts import Direct, Linear, Neighbours
from .scorer import Scorer, batches
from .view import View

#: The parts that are sums over past items.
ADDED_UP = (Direct.NAME, Neighbours.NAME, Linear.NAME)
#: Blocks of users are sized as if each had so many past items.
USUAL_LENGTH = 32


class PastItems:
    """What the past items of some users add to the scores of some items, by part.

    Parameters
    ----------
    scorer : Scorer
        The model.
    asked : Asked
        The snapshot and the histories.
    view : View
        What the rows are scored from, its gate applied.
    codes : ndarray of shape (n_items,)
        Whose scores.
    """

    def __init__(self, scorer: Scorer, asked: Asked, view: View, codes: NDArray[np.int64]) -> None:
        self._scorer, self._asked, self._view, self._codes = scorer, asked, view, codes

    def of_part(self, name: str) -> list[tuple[NDArray[np.integer], NDArray[np.float32]]]:
        """Return for each user the past items that a part reads, newest first, and what each adds, (n_past, n_items).

        An item that a history has twice stands there twice.
        """
        read: dict[str, Callable[[slice], tuple[SparseEntries, Tensor]]] = {
            Direct.NAME: self._direct,
            Neighbours.NAME: self._neighbours,
            Linear.NAME: self._linear,
        }
        factor, found = self._view.factor(name), []
        for batch in batches(len(self._asked.histories), self._asked.snapshot.n_items * USUAL_LENGTH):
            entries, values = read[name](batch)
            added = values.numpy()
            if factor is not None:
                added = added * np.repeat(factor[batch], entries.lengths)[:, None]
            rows = [slice(start, stop) for start, stop in pairwise(entries.bounds.tolist())]
            found += [(entries.items[row][::-1], added[row][::-1]) for row in rows]
        return found

    def _neighbours(self, batch: slice) -> tuple[SparseEntries, Tensor]:
        snapshot, histories, *_ = self._asked.rows(batch)
        entries = histories.neighbours(self._scorer.model.settings)
        if self._scorer.model.settings.neighbour_window == 0:  # then no pairs are counted
            return entries, torch.zeros(0, len(self._codes))
        cosines = snapshot.neighbourhood(_each(entries), self._scorer.mass(snapshot)).cosines()
        return entries, self._chosen(cosines) * (Neighbours.SCALE * self._scorer.blend[Neighbours.NAME])

    def _direct(self, batch: slice) -> tuple[SparseEntries, Tensor]:
        snapshot, histories, *_ = self._asked.rows(batch)
        entries, ages, shares = histories.context(self._scorer.model.settings)
        _, last = snapshot.transitions_from(Context(_each(entries), ages, shares))
        logs = torch.zeros(len(ages), snapshot.n_items, dtype=torch.float32)
        last.add_logs(logs, self._scorer.blend[Direct.NAME])
        return entries, self._chosen(logs)

    def _linear(self, batch: slice) -> tuple[SparseEntries, Tensor]:
        linear, rows = self._scorer.model.linear, self._view.queries.recent_rows
        entries = rows.rows(np.arange(len(rows.lengths))[batch])
        added = torch.zeros(len(entries.items), len(self._codes), dtype=torch.float32)
        if linear is not None:
            places = np.minimum(np.searchsorted(linear.items, self._codes), len(linear.items) - 1)
            has_weights = np.flatnonzero(linear.items[places] == self._codes)
            product = linear.project(_each(entries))[:, torch.from_numpy(places[has_weights])]
            added[:, torch.from_numpy(has_weights)] = product * (Linear.SCALE * self._scorer.blend[Linear.NAME])
        return entries, added

    def _chosen(self, scores: Tensor) -> Tensor:
        return scores[:, torch.from_numpy(self._codes)]


def _each(entries: SparseEntries) -> SparseEntries:
    """Return the same entries, each in a row of its own."""
    return entries._replace(lengths=np.ones(len(entries.items), dtype=np.int64))


def reasons(
    by_part: list[list[tuple[NDArray[np.integer], NDArray[np.float32]]]],
) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Return for each user the past items, each once and newest first, and what all parts add for each."""
    summed = []
    for parts in zip(*by_part, strict=True):
        items = np.concatenate([items for items, _ in parts])
        values = np.concatenate([values for _, values in parts])
        # The part that looks back furthest tells the order; an item of no other part comes after it.
        longest = max((items for items, _ in parts), key=len)
        order = list(dict.fromkeys([*longest.tolist(), *items.tolist()]))
        total = np.zeros((len(order), values.shape[1]), dtype=np.float32)
        place_of = {item: place for place, item in enumerate(order)}
        np.add.at(total, [place_of[item] for item in items.tolist()], values)
        summed.append((np.array(order, dtype=np.int64), total))
    return summed
