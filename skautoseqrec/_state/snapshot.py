"""One consistent view of the state, which readers hold without locks, and what a question is answered from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .._counts.counts import laid_out
from .._counts.histories import Context, Histories
from .._counts.moments import Moments
from .._network.model import project
from .._utils.ragged import SparseEntries, ragged_ranges
from .base import Base
from .last_transitions import LastTransitions
from .neighbours import Neighbourhood, add_rows, weighted_by_rarity
from .overlay import Changes, Overlay


class Snapshot(NamedTuple):
    """One consistent view of the state: what was known after ``n_events`` events of the overlay."""

    base: Base
    overlay: Overlay
    n_events: int
    n_users: int
    n_items: int
    newest: float  # the newest time, as a number; NaN where no event has one

    @property
    def n_known_events(self) -> int:
        """Number of events that are visible, those of the base too."""
        return len(self.base.counts.history) + self.n_events

    def histories(self, users: NDArray[np.int64]) -> Histories:
        """Return the history of each user; a code of -1, or one not known yet, has an empty one."""
        counts = self.base.counts
        known = Histories(counts.history, *counts.ranges(users), counts.moments, counts.seconds)
        if self.n_events == 0:
            return known
        added = [self.overlay.history(user, self.n_events) for user in users.tolist()]
        if not any(added):
            return known
        old_lengths, new_lengths = known.lengths, np.fromiter(map(len, added), np.int64, len(added))
        lengths = old_lengths + new_lengths
        starts = np.cumsum(lengths) - lengths
        merged = np.empty(lengths.sum(), dtype=np.int64)
        old_places, new_places = ragged_ranges(starts, old_lengths), ragged_ranges(starts + old_lengths, new_lengths)
        places = ragged_ranges(known.starts, old_lengths)
        merged[old_places] = counts.history[places]
        merged[new_places] = [item for row in added for item in row]
        joins, seconds = (
            laid_out(len(merged), (old_places, None if old is None else old[places]), (new_places, new))
            for old, new in ((counts.joins, self._added_joins(users)), (counts.seconds, self._added_seconds(users)))
        )
        return Histories.of_lengths(merged, lengths, None if joins is None else Moments.of(joins), seconds)

    def _added_joins(self, users: NDArray[np.int64]) -> NDArray[np.bool_] | None:
        """Return which of the items that the overlay adds to the histories of users join the moment before."""
        if not self.overlay.settings.by_moment:
            return None
        return np.array([join for user in users.tolist() for join in self.overlay.joins(user, self.n_events)], bool)

    def _added_seconds(self, users: NDArray[np.int64]) -> NDArray[np.float64] | None:
        """Return the times of the items that the overlay adds to the histories of users; None if there is no time."""
        if np.isnan(self.newest):
            return None
        return np.array([second for user in users.tolist() for second in self.overlay.seconds(user, self.n_events)])

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
            projections += self.overlay.project(last_items.combine(added))
        return projections, LastTransitions(context, self.base, added)

    def neighbourhood(self, entries: SparseEntries, popularity: NDArray[np.int64]) -> Neighbourhood:
        """Return what the counts of pairs say of weighted items, one row per query, given :meth:`popularity`."""
        entries = weighted_by_rarity(entries, popularity[entries.items])
        sums = self.base.readable_pairs(self.overlay.settings).sums(entries, self.n_items)
        if self.n_events:
            add_rows(sums, entries.combine(self.overlay.pairs_with(entries.items, self.n_events)))
        return Neighbourhood(sums, popularity, np.zeros(0, dtype=np.int64))

    def changes(self) -> Changes:
        """Return what changed since the base."""
        return self.overlay.changes(self.n_events, self.n_items)

    def popularity(self) -> NDArray[np.int64]:
        """Return the number of events of each item."""
        popularity = np.bincount(self.overlay.item_of_event(self.n_events), minlength=self.n_items)
        popularity[: self.base.counts.n_items] += self.base.counts.popularity
        return popularity


class Asked(NamedTuple):
    """What a question is answered from: one snapshot, a history for each row of the answer, and when it is asked."""

    snapshot: Snapshot
    histories: Histories
    asked_at: NDArray[np.float64] | float = np.nan

    def rows(self, rows: slice | NDArray[np.integer]) -> Asked:
        """Return some of the rows."""
        asked_at = self.asked_at if isinstance(self.asked_at, float) else self.asked_at[rows]
        return Asked(self.snapshot, self.histories.rows(rows), asked_at)
