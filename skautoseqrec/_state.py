"""What partial_update changes: the events, and what they add up to. Weights never change here.

Everything is append-only below a published mark. A :class:`Snapshot` is one reference to an immutable base, an
overlay and the number of overlay events that are visible; whoever holds one reads a state from between two updates.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ._base import Base, Counts, Events, project_entries
from ._counting import TRANSITION_UNIT
from ._event_store import EventStore
from ._interactions import Columns
from ._module import AutoSeqRecModule
from ._ragged import GrowableArray, ragged_ranges
from ._vocabulary import Vocabulary

#: An overlay is merged into its base once it holds this many events, or a share of what a merge has to copy.
SMALLEST_MERGE = 1024


class Overlay:
    """The events since the base and what they changed.

    A reader passes the number of events it may see; later ones are appended behind its back without harm.

    Parameters
    ----------
    base : Base
        What the events are added to.
    module : AutoSeqRecModule
        The trained weights.
    step_weights : ndarray of shape (window,)
        Weight of each transition step, in units.
    """

    def __init__(self, base: Base, module: AutoSeqRecModule, step_weights: NDArray[np.int64]) -> None:
        self._base = base
        self._module = module
        self._step_weights = step_weights.tolist()
        self._item_of_event = GrowableArray(np.zeros(0, dtype=np.int64))
        self._steps = GrowableArray(np.zeros((0, base.target.shape[1]), dtype=np.float32))
        self._history: dict[int, tuple[list[int], list[int]]] = {}  # user -> events, items
        self._leaving: dict[int, tuple[list[int], list[int], list[int]]] = {}  # item -> events, targets, weights
        self._newest: dict[
            int, tuple[Tensor, Tensor]
        ] = {}  # item -> its target projection and z_t; only the writer reads it

    def __len__(self) -> int:
        """Return the number of events, published or not."""
        return len(self._steps)

    def append(self, user: int, item: int) -> None:
        """Let one event in: O(window * d), whatever else is known."""
        event = len(self)
        previous = self._previous_items(user)
        weights = self._step_weights[: len(previous)]
        for source, weight in zip(previous, weights, strict=True):
            events, targets, units = self._leaving.setdefault(source, ([], [], []))
            targets.append(item)
            units.append(weight)
            events.append(event)  # last: readers look for their mark here
        events, items = self._history.setdefault(user, ([], []))
        items.append(item)
        events.append(event)
        self._item_of_event.append(item)
        self._steps.append(self._move_target(item, previous, weights))

    def history(self, user: int, n_events: int) -> list[int]:
        """Return the items that the first ``n_events`` events added to a user's history."""
        events, items = self._history.get(user, ((), ()))
        return items[: bisect_left(events, n_events)]  # type: ignore[return-value]

    def leaving(self, item: int, n_events: int) -> Tensor | None:
        """Return what the first ``n_events`` events added to an item's source projection, None if nothing."""
        events, targets, units = self._leaving.get(item, ((), (), ()))
        n_entries = bisect_left(events, n_events)
        if n_entries == 0:
            return None
        values = np.array(units[:n_entries]) / TRANSITION_UNIT
        return project_entries(np.array(targets[:n_entries]), values, np.zeros(1, np.int64), self._module)[0]

    def item_of_event(self, n_events: int) -> NDArray[np.int64]:
        """Return the item of each of the first ``n_events`` events."""
        return self._item_of_event.view(n_events)

    def steps(self, n_events: int) -> Tensor:
        """Return by how much each of the first ``n_events`` events moved its item's ``z_t``, shape (n_events, d)."""
        return torch.from_numpy(self._steps.view(n_events))

    def _previous_items(self, user: int) -> list[int]:
        """Return the user's last items, newest first, as many as the window is long."""
        window = len(self._step_weights)
        recent = self._history.get(user, ((), ()))[1][-window:]
        counts = self._base.counts
        if len(recent) < window and user < counts.n_users:
            start, end = counts.indptr[user : user + 2].tolist()
            recent = [*counts.history[max(start, end - window + len(recent)) : end].tolist(), *recent]
        return list(reversed(recent))

    def _move_target(self, item: int, previous: list[int], weights: list[int]) -> NDArray[np.float32]:
        """Add transitions into an item and return by how much its ``z_t`` moved."""
        projection, reached = self._newest.get(item) or self._base_target(item)
        if previous:
            values = np.array(weights) / TRANSITION_UNIT
            projection = (
                projection + project_entries(np.array(previous), values, np.zeros(1, np.int64), self._module)[0]
            )
        moved = self._module.activate(projection)
        self._newest[item] = (projection, moved)
        return (moved - reached).numpy()

    def _base_target(self, item: int) -> tuple[Tensor, Tensor]:
        target, reached = self._base.target, self._base.items.reached
        if item < len(target):
            return target[item], reached[item]
        return torch.zeros_like(reached[-1]), reached[-1]


class Snapshot(NamedTuple):
    """One consistent view of the state: what was known after ``n_events`` events of the overlay."""

    base: Base
    overlay: Overlay
    n_events: int
    n_users: int
    n_items: int

    def history_of(self, users: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the items of each user's history, oldest first, user after user, and the length of each.

        A user code of -1, or one not known yet, has an empty history.
        """
        counts = self.base.counts
        old_lengths = counts.history_lengths(users)
        items = counts.history[counts.newest(users, old_lengths)]
        if self.n_events == 0:
            return items, old_lengths
        added = [self.overlay.history(user, self.n_events) for user in users.tolist()]
        new_lengths = np.fromiter(map(len, added), np.int64, len(added))
        lengths = old_lengths + new_lengths
        starts = np.cumsum(lengths) - lengths
        merged = np.empty(lengths.sum(), dtype=np.int64)
        merged[ragged_ranges(starts, old_lengths)] = items
        merged[ragged_ranges(starts + old_lengths, new_lengths)] = [item for row in added for item in row]
        return merged, lengths

    def source_projections(self, items: NDArray[np.int64]) -> Tensor:
        """Return ``sum_i T[j, i] W[i]`` for each of some items j, shape (len(items), d)."""
        source = self.base.source
        in_base = items < len(source)
        projections = source.new_zeros(len(items), source.shape[1])
        projections[torch.from_numpy(in_base)] = source[torch.from_numpy(items[in_base])]
        if self.n_events:
            for row, item in enumerate(items.tolist()):
                added = self.overlay.leaving(item, self.n_events)
                if added is not None:
                    projections[row] += added
        return projections

    def popularity(self) -> NDArray[np.int64]:
        """Return the number of events of each item."""
        popularity = np.bincount(self.overlay.item_of_event(self.n_events), minlength=self.n_items)
        popularity[: self.base.counts.n_items] += self.base.counts.popularity
        return popularity


class State:
    """The writer's side: takes events in and publishes a new snapshot after each call.

    Parameters
    ----------
    users, items : Vocabulary
        Ids of what is known.
    events : EventStore
        The events so far, the ground truth.
    counts : Counts
        What they add up to.
    module : AutoSeqRecModule
        The trained weights, on the CPU.
    step_weights : ndarray of shape (window,)
        Weight of each transition step, in units.
    """

    def __init__(
        self,
        users: Vocabulary,
        items: Vocabulary,
        events: EventStore,
        counts: Counts,
        module: AutoSeqRecModule,
        step_weights: NDArray[np.int64],
    ) -> None:
        self.users = users
        self.items = items
        self.events = events
        self.module = module
        self.step_weights = step_weights
        self.snapshot = self._snapshot_of(Base.build(counts, module))

    def update(self, columns: Columns) -> None:
        """Let the events of a log in, in time order; all of it becomes visible at once."""
        self.users.check_kind(columns.users)
        self.items.check_kind(columns.items)
        self.events.check_kind(columns.times)
        columns = columns.take(columns.time_order())
        users, items = self.users.add(columns.users), self.items.add(columns.items)
        self.events.extend(users, items, columns.times)
        overlay = self.snapshot.overlay
        if len(overlay) + len(users) > self._merge_at():
            self.snapshot = self._snapshot_of(self._base_after(len(self.events), len(self.users), len(self.items)))
            return
        for user, item in zip(users.tolist(), items.tolist(), strict=True):
            overlay.append(user, item)
        self.snapshot = Snapshot(self.snapshot.base, overlay, len(overlay), len(self.users), len(self.items))

    def merged(self) -> Base:
        """Return the published state as a base of its own, its overlay let in."""
        snapshot = self.snapshot
        n_events = len(snapshot.base.counts.history) + snapshot.n_events
        return self._base_after(n_events, snapshot.n_users, snapshot.n_items)

    def encode_ahead(self, columns: Columns, base: Base) -> Events:
        """Return the events of a log in time order as codes, without letting them in.

        Users and items that the base does not know get the codes that follow its own.
        """
        users, n_users = _codes_ahead(self.users, columns.users, base.counts.n_users)
        items, n_items = _codes_ahead(self.items, columns.items, base.counts.n_items)
        return Events(users, items, n_users, n_items)

    def _base_after(self, n_events: int, n_users: int, n_items: int) -> Base:
        base = self.snapshot.base
        n_merged = len(base.counts.history)
        if n_merged == n_events:
            return base
        users, items = self.events.between(n_merged, n_events)
        return base.advance(Events(users, items, n_users, n_items), self.step_weights, self.module)

    def _snapshot_of(self, base: Base) -> Snapshot:
        overlay = Overlay(base, self.module, self.step_weights)
        return Snapshot(base, overlay, 0, base.counts.n_users, base.counts.n_items)

    def _merge_at(self) -> int:
        """Return the size of overlay at which a merge pays: its copies must be spread over events in proportion."""
        return max(SMALLEST_MERGE, self.snapshot.n_items // 4, len(self.events) // 256)


def _codes_ahead(vocabulary: Vocabulary, ids: NDArray[Any], n_known: int) -> tuple[NDArray[np.int64], int]:
    vocabulary.check_kind(ids)
    codes = vocabulary.find(ids)
    unknown = (codes < 0) | (codes >= n_known)
    new_codes: dict[Any, int] = {}
    codes[unknown] = [new_codes.setdefault(key, n_known + len(new_codes)) for key in ids[unknown].tolist()]
    return codes, n_known + len(new_codes)
