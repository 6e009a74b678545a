"""What partial_update changes: the events, and what they add up to. Weights never change here.

Everything is append-only below a published mark. A :class:`Snapshot` is one reference to an immutable base, an
overlay and the number of overlay events that are visible; whoever holds one reads a state from between two updates.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .._counts.counts import Counts
from .._counts.events import Events, EventStore
from .._counts.histories import Context, Histories
from .._counts.moments import Moments
from .._data.interactions import Columns
from .._data.reading import read_ids, read_sequences
from .._data.vocabulary import Vocabulary
from .._network.model import Model, project
from .._utils.ragged import SparseEntries, ragged_ranges
from .base import Base
from .last_transitions import LastTransitions
from .neighbours import Neighbourhood, add_rows, weighted_by_rarity
from .overlay import Changes, Overlay

#: An overlay is merged into its base once it holds this many events, or a share of what a merge has to copy.
SMALLEST_MERGE = 1024
#: Sums of float32 are built anew once so many times the events that they were built from have been added to them: it
#: bounds their drift, and an event pays for being built twice at most.
REBUILT_AFTER = 1.0


class Snapshot(NamedTuple):
    """One consistent view of the state: what was known after ``n_events`` events of the overlay."""

    base: Base
    overlay: Overlay
    n_events: int
    n_users: int
    n_items: int

    @property
    def n_known_events(self) -> int:
        """Number of events that are visible, those of the base too."""
        return len(self.base.counts.history) + self.n_events

    def histories(self, users: NDArray[np.int64]) -> Histories:
        """Return the history of each user; a code of -1, or one not known yet, has an empty one."""
        counts = self.base.counts
        known = Histories(counts.history, *counts.ranges(users), counts.moments)
        if self.n_events == 0:
            return known
        added = [self.overlay.history(user, self.n_events) for user in users.tolist()]
        if not any(added):
            return known
        old_lengths, new_lengths = known.lengths, np.fromiter(map(len, added), np.int64, len(added))
        lengths = old_lengths + new_lengths
        starts = np.cumsum(lengths) - lengths
        merged = np.empty(lengths.sum(), dtype=np.int64)
        merged[ragged_ranges(starts, old_lengths)] = counts.history[ragged_ranges(known.starts, old_lengths)]
        merged[ragged_ranges(starts + old_lengths, new_lengths)] = [item for row in added for item in row]
        if counts.joins is None:
            return Histories.of_lengths(merged, lengths)
        joins = np.empty(len(merged), dtype=bool)
        joins[ragged_ranges(starts, old_lengths)] = counts.joins[ragged_ranges(known.starts, old_lengths)]
        joins[ragged_ranges(starts + old_lengths, new_lengths)] = [
            join for user in users.tolist() for join in self.overlay.joins(user, self.n_events)
        ]
        return Histories.of_lengths(merged, lengths, Moments.of(joins))

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
    """What a question is answered from: one snapshot, and a history for each row of the answer."""

    snapshot: Snapshot
    histories: Histories


class State:
    """The writer's side: takes events in and publishes a new snapshot after each call.

    Parameters
    ----------
    user_vocabulary, item_vocabulary : Vocabulary
        Ids of what is known.
    events : EventStore
        The events so far, the ground truth.
    counts : Counts
        What they add up to.
    model : Model
        The trained weights, on the CPU.
    """

    def __init__(
        self,
        user_vocabulary: Vocabulary,
        item_vocabulary: Vocabulary,
        events: EventStore,
        counts: Counts,
        model: Model,
    ) -> None:
        self.user_vocabulary = user_vocabulary
        self.item_vocabulary = item_vocabulary
        self.events = events
        self.model = model
        self.snapshot = self._snapshot_of(Base.build(counts, events.between(0, len(events))[1], model))

    def user_ids(self) -> NDArray[Any]:
        """Return the ids of the known users; the position of an id is its code."""
        return self.user_vocabulary.ids(self.snapshot.n_users)

    def item_ids(self) -> NDArray[Any]:
        """Return the ids of the known items; the position of an id is its code."""
        return self.item_vocabulary.ids(self.snapshot.n_items)

    def update(self, columns: Columns) -> None:
        """Let the events of a log in, in time order; all of it becomes visible at once."""
        self.user_vocabulary.check_new(columns.user_ids)
        self.item_vocabulary.check_new(columns.item_ids)
        self.events.check_kind(columns.times)
        try:
            self.snapshot = self._add_events(columns.take(columns.time_order(self.model.settings.by_moment)))
        except BaseException:
            self._roll_back()
            raise

    def refresh(self) -> None:
        """Build all sums anew from the counts."""
        self.snapshot = self._snapshot_of(self._built(self.merged()))

    def _add_events(self, columns: Columns) -> Snapshot:
        """Append events in time order and return the snapshot that has them; it is not published yet."""
        users, items = self.user_vocabulary.add(columns.user_ids), self.item_vocabulary.add(columns.item_ids)
        self.events.add_events(users, items, columns.times)
        overlay = self.snapshot.overlay
        if len(overlay) + len(users) > self._merge_at():
            base = self._base_after(
                self.snapshot.base, len(self.events), len(self.user_vocabulary), len(self.item_vocabulary)
            )
            n_added = len(self.events) - base.n_built_from
            return self._snapshot_of(self._built(base) if n_added >= REBUILT_AFTER * base.n_built_from else base)
        joins = self.events.joins(len(self.events) - len(users))
        for user, item, join in zip(users.tolist(), items.tolist(), joins.tolist(), strict=True):
            overlay.add_event(user, item, join)
        return Snapshot(self.snapshot.base, overlay, len(overlay), len(self.user_vocabulary), len(self.item_vocabulary))

    def _roll_back(self) -> None:
        """Forget what an interrupted update left behind the published mark."""
        snapshot = self.snapshot
        self.events.truncate(snapshot.n_known_events)
        self.user_vocabulary.truncate(snapshot.n_users)
        self.item_vocabulary.truncate(snapshot.n_items)
        self.snapshot = self._snapshot_of(self.merged())

    def merged(self) -> Base:
        """Return the published state as a base of its own, its overlay let in."""
        snapshot = self.snapshot
        return self._base_after(snapshot.base, snapshot.n_known_events, snapshot.n_users, snapshot.n_items)

    def asked(self, users: Any) -> Asked:
        """Return the published snapshot and the histories of users given by their ids, empty if unknown."""
        user_ids = read_ids(users, "users")
        self.user_vocabulary.check_kind(user_ids)
        snapshot = self.snapshot
        return Asked(snapshot, snapshot.histories(self.user_vocabulary.find(user_ids, snapshot.n_users)))

    def asked_sequences(self, sequences: Any) -> Asked:
        """Return the published snapshot and histories given as lists of item ids, unknown ones skipped."""
        snapshot = self.snapshot
        rows = [self.item_vocabulary.codes_of(ids, snapshot.n_items) for ids in read_sequences(sequences)]
        rows = [codes[codes >= 0] for codes in rows]
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        return Asked(snapshot, Histories.of_lengths(np.concatenate([np.zeros(0, dtype=np.int64), *rows]), lengths))

    def encode_ahead(self, columns: Columns, base: Base) -> Events:
        """Return the events of a log in time order as codes, without letting them in.

        Users and items that the base does not know get the codes that follow its own.

        Raises
        ------
        TypeError
            If its ids are of another kind than the known ones, or its times, where events of one time are a moment.
        """
        users, n_users = _codes_ahead(self.user_vocabulary, columns.user_ids, base.counts.n_users)
        items, n_items = _codes_ahead(self.item_vocabulary, columns.item_ids, base.counts.n_items)
        if not self.model.settings.by_moment:
            return Events(users, items, n_users, n_items)
        self.events.check_kind(columns.times)
        starts, ends = base.counts.ranges(users)
        last_arrivals = np.where(ends > starts, base.counts.arrivals[np.maximum(ends - 1, 0)], -1)
        return Events(users, items, n_users, n_items, self.events.joins_ahead(users, columns.times, last_arrivals))

    def _base_after(self, base: Base, n_events: int, n_users: int, n_items: int) -> Base:
        n_merged = len(base.counts.history)
        if n_merged == n_events:
            return base
        return base.add_events(self.events.log(n_users, n_items, n_merged, n_events), self.model)

    def _built(self, base: Base) -> Base:
        """Return a base of all events built as a whole."""
        return Base.build(base.counts, self.events.between(0, len(base.counts.history))[1], self.model)

    def _snapshot_of(self, base: Base) -> Snapshot:
        overlay = Overlay(base, self.model)
        return Snapshot(base, overlay, 0, base.counts.n_users, base.counts.n_items)

    def _merge_at(self) -> int:
        """Return the size of overlay at which a merge pays: its copies must be spread over events in proportion."""
        return max(SMALLEST_MERGE, self.snapshot.n_items // 4, len(self.events) // 256)


def _codes_ahead(vocabulary: Vocabulary, ids: NDArray[Any], n_known: int) -> tuple[NDArray[np.int64], int]:
    vocabulary.check_kind(ids)
    codes = vocabulary.find(ids, n_known)
    unknown = codes < 0
    new_codes: dict[Any, int] = {}
    codes[unknown] = [new_codes.setdefault(key, n_known + len(new_codes)) for key in ids[unknown].tolist()]
    return codes, n_known + len(new_codes)
