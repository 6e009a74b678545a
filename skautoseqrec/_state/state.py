"""What partial_update changes: the events, and what they add up to. Weights never change here.

Everything is append-only below a published mark. A :class:`Snapshot` is one reference to an immutable base, an
overlay and the number of overlay events that are visible; whoever holds one reads a state from between two updates.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._counts.counts import Counts
from .._counts.events import Events, EventStore, as_seconds, kind_of, newest_of, wrong_kind_of_time
from .._counts.histories import Histories
from .._counts.known_events import warn_of_known
from .._data.interactions import Columns
from .._data.reading import read_ids, read_sequences
from .._data.times import time_column
from .._data.vocabulary import Vocabulary
from .._network.model import Model
from .._utils.torch_state import in_usual_torch_state
from .._utils.words import counted
from .base import Base
from .changes import ChangeReader
from .dislikes import DislikedItems, Dislikes, id_array
from .merge import Merge
from .overlay import Overlay
from .runs import Kept
from .snapshot import NO_DISLIKES, Asked, Snapshot

#: A merge of an overlay begins once it holds this many events, or one in so many of all: a merge copies all.
SMALLEST_MERGE, MERGE_SHARE = 1024, 8
#: A merge is done step by step, within one in so many of the events that are merged.
MERGED_WITHIN = 4
#: Sums of float32 are built anew once so many times the events that they were built from have been added to them: it
#: bounds their drift, and an event pays for being built twice at most.
REBUILT_AFTER = 1.0


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
    dislikes : Dislikes, default=none
        What users dislike.
    """

    def __init__(
        self,
        user_vocabulary: Vocabulary,
        item_vocabulary: Vocabulary,
        events: EventStore,
        counts: Counts,
        model: Model,
        dislikes: Dislikes = NO_DISLIKES,
    ) -> None:
        self.user_vocabulary = user_vocabulary
        self.item_vocabulary = item_vocabulary
        self.events = events
        self.model = model
        self.snapshot = self._snapshot_of(Base.build(counts, events.between(0, len(events))[1], model), dislikes)

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: the snapshot of this moment, beside events that it may only be behind of."""
        return dict(vars(self))

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
        weights = self.events.read_weights(columns.weights, len(columns.user_ids))
        if weights is not columns.weights:
            columns = columns._replace(weights=weights)
        warn_of_known(columns, self.user_vocabulary, self.item_vocabulary, self.snapshot.newest, self._events_of)
        times = self.events.times
        try:
            self.snapshot = self._add_events(columns.take(columns.time_order(self.model.settings.by_moment)))
        except BaseException:
            self._roll_back(times)
            raise

    def dislike(self, users: NDArray[Any], items: NDArray[Any], *, withdraw: bool) -> None:
        """Have users dislike items from now on, or (to withdraw that) no longer; known or not."""
        self.user_vocabulary.check_new(users)
        self.item_vocabulary.check_new(items)
        self.replace_dislikes(self.snapshot.dislikes.changed(users, items, withdraw=withdraw))

    def replace_dislikes(self, dislikes: Dislikes) -> None:
        """Publish other pairs."""
        self.snapshot = self.snapshot._replace(dislikes=dislikes)

    def dislikes(self) -> Columns:
        """Return the pairs by id, in order of user and item."""
        pairs = self.snapshot.dislikes.pairs()
        vocabularies = self.user_vocabulary, self.item_vocabulary
        users, items = (
            id_array((pair[place] for pair in pairs), vocabulary.ids().dtype)
            for place, vocabulary in enumerate(vocabularies)
        )
        return Columns(users, items, None)

    def disliked_by(self, users: NDArray[Any], snapshot: Snapshot) -> DislikedItems | None:
        """Return what some users, given by their ids, dislike as of a snapshot; None if nobody dislikes anything."""
        if not snapshot.dislikes:
            return None
        return snapshot.dislikes.coded(users, lambda ids: self.item_vocabulary.find(ids, snapshot.n_items))

    @in_usual_torch_state
    def refresh(self) -> None:
        """Build all sums anew from the counts."""
        self.snapshot = self._snapshot_of(self._built(self.merged()), self.snapshot.dislikes)

    def _add_events(self, columns: Columns) -> Snapshot:
        """Append events in time order and return the snapshot that has them; it is not published yet."""
        users, items = self.user_vocabulary.add(columns.user_ids), self.item_vocabulary.add(columns.item_ids)
        self.events.add_events(users, items, columns.times, columns.weights)
        snapshot = self.snapshot
        if len(users) > self._merge_at():
            base = self._base_after(
                snapshot.base, len(self.events), len(self.user_vocabulary), len(self.item_vocabulary)
            )
            return self._snapshot_of(self._kept_exact(base), snapshot.dislikes)
        events = self._events_after(snapshot.n_known_events)
        snapshot.overlay.add_events(events)
        snapshot = snapshot._replace(
            additions=snapshot.overlay.additions,
            n_events=len(snapshot.overlay),
            n_users=events.n_users,
            n_items=events.n_items,
            newest=newest_of(events.seconds, snapshot.newest),
        )
        if snapshot.overlay.merging is None and snapshot.n_events <= self._merge_at():
            return snapshot
        return self._merge_on(snapshot, len(users))

    @in_usual_torch_state
    def _merge_on(self, snapshot: Snapshot, n_added: int) -> Snapshot:
        """Begin a merge, or take those of its steps that are due; return the snapshot after that."""
        overlay = snapshot.overlay
        if (merge := overlay.merging) is None:
            overlay.additions = additions = overlay.additions.merging()
            events = self._events_after(len(snapshot.base.counts.history))
            overlay.merging = Merge(snapshot.base, events, additions.runs, self.model, n_added)
            return snapshot._replace(additions=additions)
        merge.advance_to((snapshot.n_events - merge.n_events) * MERGED_WITHIN / merge.n_events)
        if not merge.is_done:
            return snapshot
        overlay.merging = None  # whoever still reads the old overlay does not keep the new base alive
        base = self._kept_exact(merge.result())
        overlay = overlay.after_merge(base.counts, self._events_after(len(base.counts.history)))
        reader = ChangeReader(base, overlay.arrived, self.model)
        return snapshot._replace(
            base=base, overlay=overlay, additions=overlay.additions, change_reader=reader, n_events=len(overlay)
        )

    def _events_of(self, users: NDArray[np.int64]) -> Events:
        """Return the published events of some users, with their times."""
        snapshot = self.snapshot
        return snapshot.histories(users).events(users, snapshot.n_users, snapshot.n_items)

    def _events_after(self, n_events: int) -> Events:
        """Return the events behind the first ones, published or not."""
        return self.events.log(len(self.user_vocabulary), len(self.item_vocabulary), n_events)

    def _kept_exact(self, base: Base) -> Base:
        """Return a base, built anew if too much has been added to its sums of float32."""
        n_added = len(base.counts.history) - base.n_built_from
        return self._built(base) if n_added >= REBUILT_AFTER * base.n_built_from else base

    def _roll_back(self, times: NDArray[Any] | None) -> None:
        """Forget what an interrupted update left behind the published mark, given the times up to there."""
        snapshot = self.snapshot
        self.events.truncate(snapshot.n_known_events, times)
        self.user_vocabulary.truncate(snapshot.n_users)
        self.item_vocabulary.truncate(snapshot.n_items)
        self.snapshot = self._snapshot_of(self.merged(), snapshot.dislikes)

    def merged(self, snapshot: Snapshot | None = None) -> Base:
        """Return a published state, the newest by default, as a base of its own, its overlay let in."""
        snapshot = snapshot or self.snapshot
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
        asked_at = snapshot.newest if times is None else times
        return Asked(snapshot, histories, asked_at, self.disliked_by(user_ids, snapshot))

    def _read_times(self, at: Any, n_rows: int) -> NDArray[np.float64]:
        """Return one time or one for each row as numbers."""
        try:
            given = np.asarray(at)
        except ValueError as error:
            raise ValueError(f"at must be one time, or one for each user, not lists of lists ({error}).") from error
        if given.shape not in ((), (n_rows,)):
            raise ValueError(
                f"at must be one time, or one for each of {counted(n_rows, 'user')}; it has shape {given.shape}."
            )
        times, known = time_column(np.atleast_1d(given), "at"), self.events.kind_of_times
        if known is None:
            raise ValueError("at is given, but no known event has a time.")
        if known != kind_of(times):
            raise wrong_kind_of_time("at", known, times)
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
        ValueError
            If an event has a weight, and the known ones have none.
        """
        users, n_users = _codes_ahead(self.user_vocabulary, columns.user_ids, base.counts.n_users)
        items, n_items = _codes_ahead(self.item_vocabulary, columns.item_ids, base.counts.n_items)
        self.events.check_kind(columns.times)
        starts, ends = base.counts.ranges(users)
        last_arrivals = np.where(ends > starts, base.counts.arrivals[np.maximum(ends - 1, 0)], -1)
        joins = self.events.joins_ahead(users, columns.times, last_arrivals)
        seconds = None if columns.times is None else as_seconds(columns.times)
        weights = self.events.read_weights(columns.weights, len(users))
        return Events(users, items, n_users, n_items, joins, seconds, weights)

    @in_usual_torch_state
    def _base_after(self, base: Base, n_events: int, n_users: int, n_items: int) -> Base:
        n_merged = len(base.counts.history)
        if n_merged == n_events:
            return base
        return base.add_events(self.events.log(n_users, n_items, n_merged, n_events), self.model)

    @in_usual_torch_state
    def _built(self, base: Base) -> Base:
        """Return a base of all events built as a whole."""
        return Base.build(base.counts, self.events.between(0, len(base.counts.history))[1], self.model)

    def _snapshot_of(self, base: Base, dislikes: Dislikes) -> Snapshot:
        """Return a base with an overlay of its own, to which no event has come and no merge belongs."""
        kept = Kept(self.events.has_weights, arriving=base.source.shape[1] > 0)
        counts, overlay = base.counts, Overlay(base.counts, self.model.settings, kept)
        reader = ChangeReader(base, overlay.arrived, self.model)
        sizes = 0, counts.n_users, counts.n_items
        return Snapshot(
            self.model, base, overlay, overlay.additions, reader, *sizes, newest_of(counts.seconds), dislikes
        )

    def _merge_at(self) -> int:
        """Return the size of overlay at which a merge pays: its copies must be spread over events in proportion."""
        return max(SMALLEST_MERGE, self.snapshot.n_items // 4, len(self.events) // MERGE_SHARE)


def _codes_ahead(vocabulary: Vocabulary, ids: NDArray[Any], n_known: int) -> tuple[NDArray[np.int64], int]:
    vocabulary.check_kind(ids)
    codes, new_ids = vocabulary.codes_ahead(ids, n_known)
    return codes, n_known + len(new_ids)
