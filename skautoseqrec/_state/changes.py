"""What the events of an overlay changed in the numbers that every user's score reads: item vectors and the trend."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._counts.transitions import TRANSITION_UNIT
from .._network.model import Model
from .._network.vectors import ItemVectors
from .._utils.ragged import distinct
from .._utils.sparse import entries_at
from .additions import Additions
from .arrived import ArrivedEvents
from .base import Base, padded_levels, spread_items
from .runs import added_up, in_ones

#: So many changed items are corrected one by one, or one in so many of all; for more, vectors are written anew.
MOST_CORRECTED, CORRECTED_SHARE = 64, 8


class Changes(NamedTuple):
    """What the first events of an overlay changed.

    Parameters
    ----------
    n_events : int
        How many events.
    item_vectors : ItemVectors
        What scoring reads of each item, the last row standing for any that has none: as in the base, or as of some of
        these events.
    items : ndarray of shape (n_changed,)
        The items that had an event since then, each once.
    vector_changes : Tensor of shape (n_changed, d)
        By how much the two-hop vector of each of them changed since then.
    levels : ndarray of shape (n_half_lives, n_items)
        Levels of the trend after all of these events.
    """

    n_events: int
    item_vectors: ItemVectors
    items: NDArray[np.int64]
    vector_changes: Tensor
    levels: NDArray[np.float64]

    @classmethod
    def none(cls, base: Base) -> Changes:
        """Return what no events changed."""
        nothing = np.zeros(0, dtype=np.int64)
        return cls(0, base.item_vectors, nothing, base.source.new_zeros(0, base.source.shape[1]), base.levels)

    def advance(
        self, base: Base, events: ArrivedEvents, additions: Additions, model: Model, n_events: int, n_items: int
    ) -> Changes:
        """Return what more events changed, given how many events and items there are then."""
        arrived = events.items(n_events)[self.n_events :]
        same_items = n_items == self.levels.shape[1]
        levels = self.levels.copy() if same_items else padded_levels(self.levels, model, n_items)
        clock = base.counts.clock
        weights = events.weights_at(slice(self.n_events, n_events))
        model.trend.add_events(levels, arrived, np.arange(clock + self.n_events, clock + n_events), weights)
        if not base.source.shape[1]:  # no network: items have no vectors
            return self._replace(n_events=n_events, levels=levels)
        moved = distinct(arrived)
        items = distinct(np.concatenate([self.items, moved]))
        reached = model.reach_array(targets_of(moved, base, additions, model, n_events))
        if len(items) > max(MOST_CORRECTED, n_items // CORRECTED_SHARE):
            vectors = self._written(moved, reached, n_items)
            return Changes.none(base)._replace(n_events=n_events, item_vectors=vectors, levels=levels)
        changes = np.empty((len(items), reached.shape[1]), dtype=np.float32)
        changes[items.searchsorted(self.items)] = self.vector_changes.numpy()
        changes[items.searchsorted(moved)] = reached - self._written_before(moved)
        return Changes(n_events, self.item_vectors, items, torch.from_numpy(changes), levels)

    def _written_before(self, items: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the two-hop vectors of some items as they were when all were written."""
        two_hop = self.item_vectors.two_hop.numpy()
        return two_hop[np.minimum(items, len(two_hop) - 1)]

    def _written(self, moved: NDArray[np.int64], reached: NDArray[np.float32], n_items: int) -> ItemVectors:
        """Return the vectors of all items with every change written into them."""
        vectors = spread_items(self.item_vectors, n_items + 1)
        vectors.two_hop[torch.from_numpy(self.items)] += self.vector_changes
        vectors.two_hop[torch.from_numpy(moved)] = torch.from_numpy(reached)
        return vectors


class ChangeReader:
    """Tells what the first events of an overlay changed, and remembers the newest answer.

    Parameters
    ----------
    base : Base
        What the events were added to.
    events : ArrivedEvents
        The events.
    model : Model
        The trained weights.
    """

    def __init__(self, base: Base, events: ArrivedEvents, model: Model) -> None:
        self._base, self._events, self._model = base, events, model
        self._newest = Changes.none(base)

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: not what readers have computed."""
        return {name: value for name, value in vars(self).items() if name != "_newest"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what was pickled: nothing has been computed yet."""
        vars(self).update(state)
        self._newest = Changes.none(self._base)

    def at(self, additions: Additions, n_events: int, n_items: int) -> Changes:
        """Return what the first events changed, given how many events and items there are; computed from the newest.

        ``additions`` are what the first events completed, and may hold more events.
        """
        changes = self._newest
        if (changes.n_events, changes.levels.shape[1]) != (n_events, n_items):
            known = changes if changes.n_events <= n_events else Changes.none(self._base)
            changes = known.advance(self._base, self._events, additions, self._model, n_events, n_items)
            # One reference, set at once: readers in other threads find these or those, each whole.
            if n_events >= self._newest.n_events:
                self._newest = changes
        return changes


def targets_of(
    items: NDArray[np.int64], base: Base, additions: Additions, model: Model, n_events: int
) -> NDArray[np.float32]:
    """Return what leads to some items after the first events of an overlay: projected, the squared norm behind.

    It depends on these events only, not on what was read before: transitions are added up as whole numbers first.
    """
    is_known = items < len(base.target)
    targets: NDArray[np.float32] = base.target.numpy().take(items, 0, mode="clip")
    targets[~is_known] = 0.0
    into = added_up(additions.transitions_into(items, n_events)).below(model.n_trained)
    rows = np.arange(len(items)).repeat(into.lengths)
    before = np.zeros(len(rows))
    is_counted = is_known[rows] & (into.items < base.counts.n_items)
    before[is_counted] = entries_at(base.counts.transitions, into.items[is_counted], items[rows[is_counted]])
    growth = np.bincount(rows, (2 * before + into.values) * into.values / TRANSITION_UNIT**2, minlength=len(items))
    targets[:, :-1] += model.project_entries(in_ones(into, TRANSITION_UNIT)).numpy()
    targets[:, -1] += growth.astype(np.float32)
    return targets
