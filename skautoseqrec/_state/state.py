"""What partial_update changes: the events, and what they add up to. Weights never change here.

Everything is append-only below a published mark. A :class:`Snapshot` is one reference to an immutable base, an
overlay and the number of overlay events that are visible; whoever holds one reads a state from between two updates.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .._counts.counts import Counts, laid_out
from .._counts.events import Events, EventStore, as_seconds, kind_of
from .._counts.histories import Context, Histories
from .._counts.moments import Moments
from .._data.interactions import Columns
from .._data.reading import read_ids, read_sequences
from .._data.times import time_column
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
        first, known = len(self.events) - len(users), (len(self.user_vocabulary), len(self.item_vocabulary))
        seconds = self.events.seconds(first, len(self.events))
        seconds = np.full(len(users), np.nan) if seconds is None else seconds
        rows = zip(users.tolist(), items.tolist(), self.events.joins(first).tolist(), seconds.tolist(), strict=True)
        for row in rows:
            overlay.add_event(*row)
        newest = float(np.fmax.reduce(seconds, initial=self.snapshot.newest))
        return Snapshot(self.snapshot.base, overlay, len(overlay), *known, newest)

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

    def asked(self, users: Any, at: Any = None) -> Asked:
        """Return the published snapshot and the histories of users given by their ids, empty if unknown.

        They are asked for at one time, at one for each of them, or (None) at the newest time that is known.
        """
        user_ids = read_ids(users, "users")
        self.user_vocabulary.check_kind(user_ids)
        times = None if at is None else self._read_times(at, len(user_ids))
        snapshot = self.snapshot
        histories = snapshot.histories(self.user_vocabulary.find(user_ids, snapshot.n_users))
        return Asked(snapshot, histories, snapshot.newest if times is None else times)

    def _read_times(self, at: Any, n_rows: int) -> NDArray[np.float64]:
        """Return one time or one for each row as numbers."""
        given = np.asarray(at)
        if given.shape not in ((), (n_rows,)):
            raise ValueError(f"at must be one time, or one for each of the {n_rows} users; it has shape {given.shape}.")
        times, known = time_column(np.atleast_1d(given), "at"), self.events.kind_of_times
        if known is None:
            raise ValueError("at is given, but no known event has a time.")
        if known != kind_of(times):
            raise TypeError(f"at must be of the kind of the known times, which are {known}, not {kind_of(times)}.")
        return np.broadcast_to(as_seconds(times), n_rows)

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
            If its ids or times are of another kind than the known ones.
        """
        users, n_users = _codes_ahead(self.user_vocabulary, columns.user_ids, base.counts.n_users)
        items, n_items = _codes_ahead(self.item_vocabulary, columns.item_ids, base.counts.n_items)
        self.events.check_kind(columns.times)
        starts, ends = base.counts.ranges(users)
        last_arrivals = np.where(ends > starts, base.counts.arrivals[np.maximum(ends - 1, 0)], -1)
        joins = self.events.joins_ahead(users, columns.times, last_arrivals)
        seconds = None if columns.times is None else as_seconds(columns.times)
        return Events(users, items, n_users, n_items, joins, seconds)

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
        seconds = base.counts.seconds
        newest = np.nan if seconds is None else float(np.fmax.reduce(seconds))
        return Snapshot(base, overlay, 0, base.counts.n_users, base.counts.n_items, newest)

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
