"""The events since the base and what they changed, append-only, so that readers need no lock."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._counts.counts import TRANSITION_UNIT
from .._counts.settings import SequenceSettings
from .._network.model import Model
from .._utils.ragged import GrowableArray, SparseEntries
from .base import Base, padded_levels

#: Events, targets and units of an item that nothing was added from.
NO_TRANSITIONS: tuple[list[int], list[int], list[int]] = ([], [], [])
#: Events, items, and whether each joins the moment before, of a user that nothing was added to.
NO_HISTORY: tuple[list[int], list[int], list[bool]] = ([], [], [])


class Changes(NamedTuple):
    """What the first events of an overlay changed.

    Parameters
    ----------
    n_events : int
        How many events.
    items : ndarray of shape (n_changed,)
        The items that had one, each once.
    vector_changes : Tensor of shape (n_changed, d)
        By how much the two-hop vector of each of them changed.
    levels : ndarray of shape (n_half_lives, n_items)
        Levels of the trend after them.
    """

    n_events: int
    items: NDArray[np.int64]
    vector_changes: Tensor
    levels: NDArray[np.float64]


class Overlay:
    """The events since the base and what they changed.

    A reader passes the number of events it may see; later ones are appended behind its back without harm.

    Parameters
    ----------
    base : Base
        What the events are added to.
    model : Model
        The trained weights.
    """

    def __init__(self, base: Base, model: Model) -> None:
        self._base = base
        self._model = model
        self._step_weights = model.settings.step_weights.tolist()
        self._step_values = (model.settings.step_weights / TRANSITION_UNIT).astype(np.float32)
        self._item_of_event = GrowableArray(np.zeros(0, dtype=np.int64))
        self._second_of_event = GrowableArray(np.zeros(0))
        #: What leads to the item of each event, after it.
        self._target_of_event = GrowableArray(np.zeros((0, base.target.shape[1]), dtype=np.float32))
        self._history: dict[int, tuple[list[int], list[int], list[bool]]] = {}  # user -> events, items, joins
        self._transitions: dict[int, tuple[list[int], list[int], list[int]]] = {}  # item -> events, targets, units
        self._previous: list[list[int]] = []  # of each event, the other items that stood near before it
        self._followed_by: dict[int, list[int]] = {}  # item -> events of other items that followed near behind it
        self._events_of: dict[int, list[int]] = {}  # item -> its own events
        # Only the writer reads these: T as it is now, and each changed item's newest event.
        self._added: dict[tuple[int, int], int] = {}
        self._newest_event: dict[int, int] = {}
        self._changes = self._no_changes()

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: not what readers have computed."""
        return vars(self) | {"_changes": self._no_changes()}

    @property
    def settings(self) -> SequenceSettings:
        """How time enters the counts."""
        return self._model.settings

    def __len__(self) -> int:
        """Return the number of events, published or not."""
        return len(self._target_of_event)

    def add_event(self, user: int, item: int, joins: bool, second: float) -> None:
        """Let one event in at a time, which may join the moment of its user's event before.

        It costs O(window * d), whatever else is known; with moments, the window holds whole ones.
        """
        event = len(self)
        sources, steps, near = self._before(user, joins)
        for source, step in zip(sources, steps, strict=True):
            events, targets, units = self._transitions.setdefault(source, ([], [], []))
            targets.append(item)
            units.append(self._step_weights[step])
            events.append(event)  # last: readers look for their mark here
        self._previous.append([other for other in near if other != item])
        for other in self._previous[-1]:
            self._followed_by.setdefault(other, []).append(event)
        self._events_of.setdefault(item, []).append(event)
        events, items, joined = self._history.setdefault(user, ([], [], []))
        items.append(item)
        joined.append(joins)
        events.append(event)
        self._item_of_event.append(item)
        self._second_of_event.append(second)
        self._target_of_event.append(self._grow_target(item, sources, steps))
        self._newest_event[item] = event

    def history(self, user: int, n_events: int) -> list[int]:
        """Return the items that the first ``n_events`` events added to a user's history."""
        events, items, _ = self._history.get(user, NO_HISTORY)
        return items[: bisect_left(events, n_events)]

    def joins(self, user: int, n_events: int) -> list[bool]:
        """Return which of these items join the moment of the one before."""
        events, _, joins = self._history.get(user, NO_HISTORY)
        return joins[: bisect_left(events, n_events)]

    def seconds(self, user: int, n_events: int) -> list[float]:
        """Return the times of these items."""
        events, _, _ = self._history.get(user, NO_HISTORY)
        seconds = self._second_of_event.view()
        return [float(seconds[event]) for event in events[: bisect_left(events, n_events)]]

    def transitions_from(self, items: NDArray[np.integer], n_events: int) -> SparseEntries:
        """Return the transitions that the first ``n_events`` events added from some items, one row for each."""
        lengths: list[int] = []
        targets: list[int] = []
        units: list[int] = []
        for item in items.tolist():
            events, item_targets, item_units = self._transitions.get(item, NO_TRANSITIONS)
            lengths.append(bisect_left(events, n_events))
            targets += item_targets[: lengths[-1]]
            units += item_units[: lengths[-1]]
        values = np.array(units, dtype=np.float32) / np.float32(TRANSITION_UNIT)
        return SparseEntries(np.array(lengths, dtype=np.int64), np.array(targets, dtype=np.int64), values)

    def pairs_with(self, items: NDArray[np.integer], n_events: int) -> SparseEntries:
        """Return the pairs that the first ``n_events`` events completed with some items, one row for each."""
        asked, places = np.unique(items, return_inverse=True)
        others: list[int] = []
        lengths: list[int] = []
        for item in asked.tolist():
            before = len(others)
            followers = self._followed_by.get(item, [])
            followers = followers[: bisect_left(followers, n_events)]
            if followers:
                others += self._item_of_event.view()[followers].tolist()
            own = self._events_of.get(item, [])
            for event in own[: bisect_left(own, n_events)]:
                others += self._previous[event]
            lengths.append(len(others) - before)
        ones = np.ones(len(others), dtype=np.float32)
        return SparseEntries(np.array(lengths, dtype=np.int64), np.array(others, dtype=np.int64), ones).rows(places)

    def item_of_event(self, n_events: int) -> NDArray[np.int64]:
        """Return the item of each of the first ``n_events`` events."""
        return self._item_of_event.view(n_events)

    def changes(self, n_events: int, n_items: int) -> Changes:
        """Return what the first ``n_events`` events changed, added up.

        The newest answer is kept: only what happened since then is computed.
        """
        changes = self._changes
        if (changes.n_events, changes.levels.shape[1]) != (n_events, n_items):
            known = changes if changes.n_events <= n_events else self._no_changes()
            # One reference, set at once: readers in other threads find these or those, each whole.
            changes = self._advance(known, n_events, n_items)
            if n_events >= self._changes.n_events:
                self._changes = changes
        return changes

    def project(self, entries: SparseEntries) -> Tensor:
        """Return the product of sparse rows with the encoder's weight."""
        return self._model.project_entries(entries)

    def _before(self, user: int, joins: bool) -> tuple[list[int], list[int], list[int]]:
        """Return the items that a new event follows, how many steps further than the first each is, and those near it.

        All stand newest first. Those near it may be of its own moment.
        """
        n_steps, n_near = len(self._step_weights), self.settings.neighbour_window
        if not self.settings.by_moment:
            newest = self._previous_items(user, max(n_steps, n_near))
            sources = newest[:n_steps]
            return sources, list(range(len(sources))), newest[:n_near]
        sources, steps, near = [], [], []
        step, n_between, n_in_moment = (-1 if joins else 0), 0, 0
        for item, joined in self._newest_first(user):
            if step >= 0:
                n_in_moment += 1
                if n_between < n_steps:
                    sources.append(item)
                    steps.append(step)
            if n_between < n_near:
                near.append(item)
            if not joined:  # a moment begins here, and an older one comes next
                step, n_between, n_in_moment = step + 1, n_between + n_in_moment, 0
                if n_between >= max(n_steps, n_near):
                    break
        return sources, steps, near

    def _previous_items(self, user: int, window: int) -> list[int]:
        """Return so many of the user's last items, newest first."""
        recent = self._history.get(user, NO_HISTORY)[1][-window:]
        counts = self._base.counts
        if len(recent) < window and user < counts.n_users:
            start, end = counts.indptr[user : user + 2].tolist()
            recent = [*counts.history[max(start, end - window + len(recent)) : end].tolist(), *recent]
        return list(reversed(recent))

    def _newest_first(self, user: int) -> Iterator[tuple[int, bool]]:
        """Yield all of a user's items, newest first, and whether each joins the moment of the one before."""
        _, items, joins = self._history.get(user, NO_HISTORY)
        yield from zip(reversed(items), reversed(joins), strict=True)
        counts = self._base.counts
        if user < counts.n_users and counts.joins is not None:
            start, end = counts.indptr[user : user + 2].tolist()
            for place in range(end - 1, start - 1, -1):
                yield int(counts.history[place]), bool(counts.joins[place])

    def _advance(self, known: Changes, n_events: int, n_items: int) -> Changes:
        """Return what more events changed."""
        arrived = self.item_of_event(n_events)[known.n_events :]
        levels = padded_levels(known.levels, self._model, n_items)
        clock = self._base.counts.clock
        self._model.trend.add_events(levels, arrived, np.arange(clock + known.n_events, clock + n_events))
        items = np.union1d(known.items, arrived)
        vector_changes = torch.zeros(len(items), self._base.source.shape[1], dtype=torch.float32)
        vector_changes[torch.from_numpy(np.searchsorted(items, known.items))] = known.vector_changes
        moved, newest = np.unique(arrived[::-1], return_index=True)
        targets = torch.from_numpy(self._target_of_event.view(n_events)[n_events - 1 - newest])
        reached = self._base.item_vectors.two_hop
        before = reached[torch.from_numpy(np.minimum(moved, len(reached) - 1))]
        vector_changes[torch.from_numpy(np.searchsorted(items, moved))] = self._model.reach(targets) - before
        return Changes(n_events, items, vector_changes, levels)

    def _no_changes(self) -> Changes:
        nothing = np.zeros(0, dtype=np.int64)
        return Changes(0, nothing, torch.zeros(0, self._base.source.shape[1], dtype=torch.float32), self._base.levels)

    def _grow_target(self, item: int, sources: list[int], steps: list[int]) -> NDArray[np.float32]:
        """Return what leads to an item after transitions from some items: projected, its squared norm behind."""
        event = self._newest_event.get(item)
        target = self._base_target(item) if event is None else self._target_of_event.view()[event].copy()
        n_trained = self._model.n_trained
        for source, step in zip(sources, steps, strict=True):
            growth = self._grow(source, item, self._step_weights[step])
            if source < n_trained:
                target[-1] += growth
        trained = [source for source in sources if source < n_trained]
        if trained:
            weights = self._step_values[steps]
            if len(trained) < len(sources):
                weights = weights[[source < n_trained for source in sources]]
            target[:-1] += weights @ self._model.encoder_weight[trained]
        return target

    def _grow(self, source: int, item: int, units: int) -> float:
        """Add to ``T[source, item]`` and return by how much its square grew."""
        known = self._added.get((source, item))
        before = self._base.counts.transition(source, item) if known is None else known
        self._added[source, item] = before + units
        return (2 * before + units) * units / TRANSITION_UNIT**2

    def _base_target(self, item: int) -> NDArray[np.float32]:
        target = self._base.target
        # A copy: it is written to, and a view would take the whole matrix along when the overlay is pickled.
        return target[item].numpy().copy() if item < len(target) else np.zeros(target.shape[1], dtype=np.float32)
