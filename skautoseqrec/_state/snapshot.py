"""One consistent view of the state, which readers hold without locks, and what a question is answered from."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .._counts.histories import Context, Histories
from .._counts.moments import Moments
from .._counts.transitions import TRANSITION_UNIT
from .._counts.weighing import appended, laid_out, weight_sums
from .._network.model import Model, project
from .._utils.ragged import SparseEntries, ragged_ranges
from .additions import Additions
from .base import Base
from .changes import ChangeReader, Changes
from .dislikes import DislikedItems, Dislikes
from .last_transitions import AddedTransitions, LastTransitions
from .neighbours import DensePairs, Neighbourhood, add_rows, weighted_by_rarity
from .overlay import Overlay
from .runs import added_up, in_ones

#: Adding up an added pair costs as much as copying so many places of an array.
PLACES_PER_ADDED = 16
#: The added transitions of all items are looked up at once for a question about one in so many of them.
ITEMS_PER_ASKED = 4
#: Nobody dislikes anything.
NO_DISLIKES = Dislikes()


class Snapshot(NamedTuple):
    """One consistent view of the state: what was known after ``n_events`` events of the overlay."""

    model: Model
    base: Base
    overlay: Overlay
    additions: Additions  # what the events of the overlay completed
    change_reader: ChangeReader
    n_events: int
    n_users: int
    n_items: int
    newest: float  # the newest time, as a number; NaN where no event has one
    dislikes: Dislikes = NO_DISLIKES

    @property
    def n_known_events(self) -> int:
        """Number of events that are visible, those of the base too."""
        return len(self.base.counts.history) + self.n_events

    def histories(self, users: NDArray[np.int64]) -> Histories:
        """Return the history of each user; a code of -1, or one not known yet, has an empty one."""
        if len(users) == 1:
            return self._history_of(int(users[0]))
        counts = self.base.counts
        known = Histories(counts.history, *counts.ranges(users), counts.moments, counts.seconds, counts.weights)
        if self.n_events == 0 or not len(users):
            return known
        arrived = self.overlay.arrived
        new_lengths, events = arrived.of_users(users, self.n_events)
        if not len(events):
            return known
        old_lengths = known.lengths
        lengths = old_lengths + new_lengths
        starts = np.cumsum(lengths) - lengths
        merged = np.empty(lengths.sum(), dtype=np.int64)
        old_places, new_places = ragged_ranges(starts, old_lengths), ragged_ranges(starts + old_lengths, new_lengths)
        places = ragged_ranges(known.starts, old_lengths)
        merged[old_places], merged[new_places] = counts.history[places], arrived.items_at(events)
        joins, seconds, weights = (
            laid_out(len(merged), (old_places, None if old is None else old[places]), (new_places, new))
            for old, new in zip((counts.joins, counts.seconds, counts.weights), self._beside(events), strict=True)
        )
        return Histories.of_lengths(merged, lengths, None if joins is None else Moments.of(joins), seconds, weights)

    def _history_of(self, user: int) -> Histories:
        """Return the history of one user, in fewer calls."""
        counts, arrived = self.base.counts, self.overlay.arrived
        start, end = counts.range_of(user)
        events = arrived.of_user(user, self.n_events)
        if not len(events):
            known = np.array([start]), np.array([end])
            return Histories(counts.history, *known, counts.moments, counts.seconds, counts.weights)
        items = np.concatenate([counts.history[start:end], arrived.items_at(events)])
        joins, seconds, weights = (
            appended(None if old is None else old[start:end], new, end - start, len(events))
            for old, new in zip((counts.joins, counts.seconds, counts.weights), self._beside(events), strict=True)
        )
        whole = np.array([0]), np.array([len(items)])
        return Histories(items, *whole, None if joins is None else Moments.of(joins), seconds, weights)

    def _beside(self, events: NDArray[np.int64]) -> tuple[NDArray[Any] | None, ...]:
        """Return joins, times and weights of some events since the base; None where none of all events says any."""
        arrived = self.overlay.arrived
        joins = arrived.joins_at(events) if self.overlay.settings.by_moment else None
        seconds = None if np.isnan(self.newest) else arrived.seconds_at(events)
        return joins, seconds, arrived.weights_at(events)

    def transitions_from(self, context: Context) -> tuple[Tensor, LastTransitions]:
        """Return, per query, the weighted sum of its last items' transitions, projected, and the transitions.

        Parameters
        ----------
        context : Context
            The last items of each query.

        Returns
        -------
        projections : Tensor of shape (n_rows, d)
            Projected transitions.
        transitions : LastTransitions
            The transitions themselves.
        """
        last_items = context.entries
        projections = project(last_items.below(self.base.counts.n_items), self.base.source)
        added, which = self._added_to(last_items.items)
        if len(added):
            projections += project(last_items._replace(items=which), added.projections)
        return projections, LastTransitions(context, self.base, added, which)

    def _added_to(self, items: NDArray[np.integer]) -> tuple[AddedTransitions, NDArray[np.integer]]:
        """Return the transitions that were added to those from some items, and which row is that of each item."""
        if len(items) * ITEMS_PER_ASKED < self.n_items:
            asked, which = np.unique(items, return_inverse=True)
            return self.added_transitions(asked), which
        # Kept as long as nothing changes: a call of many users is answered in several blocks.
        everything = np.arange(self.n_items)
        added = self.base.keep("added transitions", self.changes(), lambda: self.added_transitions(everything))
        return added, items

    def added_transitions(self, items: NDArray[np.integer]) -> AddedTransitions:
        """Return the transitions that events added to those from some items, every place once."""
        rows = SparseEntries(np.zeros(len(items), dtype=np.int64), items[:0], np.zeros(0, dtype=np.float32))
        if self.n_events:
            rows = in_ones(added_up(self.additions.transitions_from(items, self.n_events)), TRANSITION_UNIT)
        return AddedTransitions(self.model, items, rows)

    def added_pairs(self, items: NDArray[np.integer]) -> list[SparseEntries]:
        """Return pairs with some items that events completed, in parts, which add up: one row per item in each."""
        if not self.n_events:
            return []
        unit = self.additions.tail.unit_of_pairs
        return [in_ones(part, unit) for part in self.additions.pairs_with(items, self.n_events)]

    def neighbourhood(self, entries: SparseEntries, mass: NDArray[Any]) -> Neighbourhood:
        """Return what the counts of pairs say of weighted items, one row per query, given :meth:`mass`."""
        entries = weighted_by_rarity(entries, mass[entries.items])
        readable = self.base.readable_pairs(self.overlay.settings)
        if isinstance(readable, DensePairs) and self._are_better_written(len(entries.items)):
            # Kept as long as nothing changes: a call of many users is answered in several blocks.
            written = self.base.keep("pairs now", self.changes(), lambda: self._written(readable))
            return Neighbourhood(written.sums(entries, self.n_items), mass)
        sums = readable.sums(entries, self.n_items)
        asked, which = np.unique(entries.items, return_inverse=True)
        for added in self.added_pairs(asked):
            add_rows(sums, entries.combine(added.rows(which)))
        return Neighbourhood(sums, mass)

    def _are_better_written(self, n_asked: int) -> bool:
        """Tell whether a copy of an array of all pairs, with those that were added, costs less than adding up rows."""
        mean_row = 2 * self.n_events * self.overlay.settings.neighbour_window / self.n_items
        return n_asked * mean_row * PLACES_PER_ADDED >= self.n_items**2

    def _written(self, pairs: DensePairs) -> DensePairs:
        """Return pairs in an array of its own, with those that were added."""
        return pairs.plus(self.added_pairs(np.arange(self.n_items)), self.n_items)

    def changes(self) -> Changes:
        """Return what changed since the base."""
        return self.change_reader.at(self.additions, self.n_events, self.n_items)

    def popularity(self) -> NDArray[np.int64]:
        """Return the number of events of each item."""
        popularity = np.bincount(self.overlay.arrived.items(self.n_events), minlength=self.n_items)
        popularity[: self.base.counts.n_items] += self.base.counts.popularity
        return popularity

    @property
    def has_weights(self) -> bool:
        """Whether events may count something else than 1."""
        return self.overlay.arrived.weights_at(slice(0)) is not None

    def mass(self) -> NDArray[Any]:
        """Return what the events of each item weigh together: :meth:`popularity` where all count 1."""
        weights = self.overlay.arrived.weights_at(slice(self.n_events))
        if weights is None:
            return self.popularity()
        mass = weight_sums(self.overlay.arrived.items(self.n_events), weights, self.n_items)
        mass[: self.base.counts.n_items] += self.base.counts.mass
        return mass


class Asked(NamedTuple):
    """What a question is answered from: one snapshot, and for each row of the answer a history and when it is asked.

    ``disliked`` is what each row's user dislikes; None where nobody dislikes anything.
    """

    snapshot: Snapshot
    histories: Histories
    asked_at: NDArray[np.float64] | float = np.nan
    disliked: DislikedItems | None = None

    def rows(self, rows: slice | NDArray[np.integer]) -> Asked:
        """Return some of the rows."""
        asked_at = self.asked_at if isinstance(self.asked_at, float) else self.asked_at[rows]
        disliked = None if self.disliked is None else self.disliked.rows(rows)
        return Asked(self.snapshot, self.histories.rows(rows), asked_at, disliked)
