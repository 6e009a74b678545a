"""One consistent view of the state, which readers hold without locks, and what a question is answered from."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .._counts.histories import Context, Histories
from .._counts.moments import Moments
from .._counts.weighing import laid_out, weight_sums
from .._network.model import Model, project
from .._utils.ragged import SparseEntries, ragged_ranges
from .base import Base
from .changes import ChangeReader, Changes
from .dislikes import DislikedItems, Dislikes
from .last_transitions import LastTransitions
from .neighbours import Neighbourhood, add_rows, weighted_by_rarity
from .overlay import Overlay

#: Nobody dislikes anything.
NO_DISLIKES = Dislikes()


class Snapshot(NamedTuple):
    """One consistent view of the state: what was known after ``n_events`` events of the overlay."""

    model: Model
    base: Base
    overlay: Overlay
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
        counts = self.base.counts
        known = Histories(counts.history, *counts.ranges(users), counts.moments, counts.seconds, counts.weights)
        if self.n_events == 0:
            return known
        new_lengths, events, items = self.overlay.histories(users, self.n_events)
        if not len(events):
            return known
        old_lengths = known.lengths
        lengths = old_lengths + new_lengths
        starts = np.cumsum(lengths) - lengths
        merged = np.empty(lengths.sum(), dtype=np.int64)
        old_places, new_places = ragged_ranges(starts, old_lengths), ragged_ranges(starts + old_lengths, new_lengths)
        places = ragged_ranges(known.starts, old_lengths)
        merged[old_places], merged[new_places] = counts.history[places], items
        added_joins = self.overlay.joins(events) if self.overlay.settings.by_moment else None
        added_seconds = None if np.isnan(self.newest) else self.overlay.seconds(events)
        added = (added_joins, added_seconds, self.overlay.weights(events))
        joins, seconds, weights = (
            laid_out(len(merged), (old_places, None if old is None else old[places]), (new_places, new))
            for old, new in zip((counts.joins, counts.seconds, counts.weights), added, strict=True)
        )
        return Histories.of_lengths(merged, lengths, None if joins is None else Moments.of(joins), seconds, weights)

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
        added = self.overlay.transitions_from(last_items.items, self.n_events)
        if len(added.items):
            projections += self.model.project_entries(last_items.combine(added))
        return projections, LastTransitions(context, self.base, added)

    def neighbourhood(self, entries: SparseEntries, mass: NDArray[Any]) -> Neighbourhood:
        """Return what the counts of pairs say of weighted items, one row per query, given :meth:`mass`."""
        entries = weighted_by_rarity(entries, mass[entries.items])
        sums = self.base.readable_pairs(self.overlay.settings).sums(entries, self.n_items)
        if self.n_events:
            for added in self.overlay.pairs_with(entries.items, self.n_events):
                add_rows(sums, entries.combine(added))
        return Neighbourhood(sums, mass, np.zeros(0, dtype=np.int64))

    def changes(self) -> Changes:
        """Return what changed since the base."""
        return self.change_reader.at(self.n_events, self.n_items)

    def popularity(self) -> NDArray[np.int64]:
        """Return the number of events of each item."""
        popularity = np.bincount(self.overlay.item_of_event(self.n_events), minlength=self.n_items)
        popularity[: self.base.counts.n_items] += self.base.counts.popularity
        return popularity

    @property
    def has_weights(self) -> bool:
        """Whether events may count something else than 1."""
        return self.overlay.weights(slice(0)) is not None

    def mass(self) -> NDArray[Any]:
        """Return what the events of each item weigh together: :meth:`popularity` where all count 1."""
        weights = self.overlay.weights(slice(self.n_events))
        if weights is None:
            return self.popularity()
        mass = weight_sums(self.overlay.item_of_event(self.n_events), weights, self.n_items)
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
