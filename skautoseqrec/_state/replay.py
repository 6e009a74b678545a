"""Replaying a log on a private copy of the state, laid out so that what any event sees is a range of an array."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._counts.counts import Counts, square_growth
from .._counts.events import Events
from .._counts.histories import Context, Histories
from .._counts.moments import Moments
from .._counts.transitions import TRANSITION_UNIT
from .._counts.weighing import laid_out
from .._data.weights import WEIGHT_UNIT
from .._network.model import Model, project
from .._utils.ragged import SparseEntries, ragged_ranges, ranks_within_groups, repeats_of
from .arriving_pairs import ArrivingPairs
from .base import Base, padded, padded_levels, spread_items
from .last_transitions import AddedTransitions, LastTransitions
from .neighbours import Neighbourhood


class Replay:
    """A private copy of the state that a log is added to, block by block, and what its events see of each other.

    It is the fourth form of what an event does to the state: :class:`Overlay` adds events one by one,
    :meth:`Base.add_events` many at once, :class:`Merge` those of an overlay step by step, and here they are added in
    blocks while some of their rows are being ranked.

    Parameters
    ----------
    model : Model
        Weights and settings.
    base : Base
        The state to start from; it is not changed.
    events : Events
        The log in time order; users and items unknown to the base have the codes that follow its own.
    visible : ndarray of shape (n_events,)
        How many events each event sees; not decreasing, ``visible[e] <= e``.
    block_size : int
        Events that are added at a time.
    device : torch.device
        Where the item vectors are kept.
    """

    def __init__(
        self,
        model: Model,
        base: Base,
        events: Events,
        visible: NDArray[np.int64],
        block_size: int,
        device: torch.device,
    ) -> None:
        self._model, self._base, self._block_size, self._device = model, base, block_size, device
        self._events = events
        self._log = ArrivingLog(base.counts, events, visible, model)
        self._source = padded(base.source, events.n_items)
        self._target = padded(base.target, events.n_items)
        #: What scoring reads, as of the events that were added.
        self.item_vectors = spread_items(base.item_vectors, events.n_items).to(device)
        self.levels = padded_levels(base.levels, model, events.n_items)
        # In float32 a number of events is exact, and what they weigh together is not.
        mass = torch.zeros(events.n_items, dtype=torch.float32 if events.weights is None else torch.float64)
        mass[: base.counts.n_items] = torch.from_numpy(base.counts.mass).to(mass.dtype)
        #: What the events of each item weigh together, as of the events that were added.
        self.mass = mass.to(device)
        self._first_event = np.full(events.n_items, len(events.items))
        np.minimum.at(self._first_event, events.items, np.arange(len(events.items)))
        #: How many events of the log were added.
        self.n_added = 0
        self._newest_increments = 0, torch.zeros(0, self._target.shape[1], dtype=torch.float32)

    def __len__(self) -> int:
        """Return the number of events of the log."""
        return len(self._events.items)

    @property
    def clock(self) -> int:
        """How many events had ever arrived before the log."""
        return self._base.counts.clock

    def histories(self, events: slice) -> Histories:
        """Return the history of the user of each of some events, as the event sees it."""
        return self._log.histories(events)

    def transitions_from(self, context: Context, visible: NDArray[np.int64]) -> tuple[Tensor, LastTransitions]:
        """Return, per query, the weighted sum of its last items' transitions, projected, and the transitions.

        Parameters
        ----------
        context : Context
            The last items of each query.
        visible : ndarray of shape (n_rows,)
            How many events of the log each query sees; at least those that were added.
        """
        last_items = context.entries
        added, recent = self._log.transitions_from(last_items, self.n_added, visible)
        projections = project(last_items, self._source) + self._model.project_entries(last_items.combine(recent))
        each = AddedTransitions(self._model, last_items.items, added)
        return projections, LastTransitions(context, self._base, each, np.arange(len(last_items.items)))

    def neighbourhood(self, entries: SparseEntries, visible: NDArray[np.int64]) -> Neighbourhood:
        """Return what the counts of pairs say of weighted items, one row per query, as each sees them.

        Parameters
        ----------
        entries : SparseEntries
            One row of weighted items per query.
        visible : ndarray of shape (n_rows,)
            How many events of the log each query sees; at least those that were added.
        """
        return self._pairs.see(entries, self.n_added, visible)

    @cached_property
    def _pairs(self) -> ArrivingPairs:
        settings, base = self._model.settings, self._base
        return ArrivingPairs(base.readable_pairs(settings), base.counts, self._events, settings.neighbour_window)

    def popularity_of(self, entries: SparseEntries, visible: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of events of each entry's item as its row sees it, given what each row sees."""
        base, step = self._base.counts, len(self) + 1
        keys = entries.items * step
        popularity = np.searchsorted(self._event_keys, keys + np.repeat(visible, entries.lengths))
        popularity -= np.searchsorted(self._event_keys, keys)
        is_known = entries.items < base.n_items
        popularity[is_known] += base.popularity[entries.items[is_known]]
        return popularity

    @cached_property
    def _event_keys(self) -> NDArray[np.int64]:
        """The events by item, then in order."""
        return np.sort(self._events.items * (len(self) + 1) + np.arange(len(self)))

    def weights(self, events: slice) -> NDArray[np.int64] | None:
        """Return what some events count, in units; None where all count 1."""
        return None if self._events.weights is None else self._events.weights[events]

    def seconds(self, events: slice) -> NDArray[np.float64] | None:
        """Return the times of some events."""
        return None if self._events.seconds is None else self._events.seconds[events]

    def vector_changes(self, events: slice) -> Tensor:
        """Return by how much each of some events changes its item's two-hop vector, given all events before it."""
        items = self._events.items[events]
        order = np.argsort(items, kind="stable")
        items, increments = items[order], self._increments(events)[torch.from_numpy(order)]
        before = self._target[torch.from_numpy(items)]
        for rows, previous in repeats_of(items):
            before[torch.from_numpy(rows)] = before[torch.from_numpy(previous)] + increments[torch.from_numpy(previous)]
        changes = before.new_empty(len(items), before.shape[1] - 1)
        changes[torch.from_numpy(order)] = self._model.reach(before + increments) - self._model.reach(before)
        return changes.to(self._device)

    def unknown(self, visible: NDArray[np.int64]) -> Tensor:
        """Return which of the items that the base does not know are unknown to each row, (n_rows, n_new), bool."""
        first_events = self._first_event[self._base.counts.n_items :]
        return torch.from_numpy(first_events >= visible[:, None]).to(self._device)

    def add_events(self, stop: int) -> None:
        """Add the events before ``stop`` that were not added yet."""
        for start in range(self.n_added, stop, self._block_size):
            events = slice(start, min(start + self._block_size, stop))
            items = torch.from_numpy(self._events.items[events])
            self._target.index_add_(0, items, self._increments(events))
            touched = torch.unique(items)
            self.item_vectors.two_hop[touched.to(self._device)] = self._model.reach(self._target[touched]).to(
                self._device
            )
            weights = self.weights(events)
            each = torch.ones(len(items)) if weights is None else torch.from_numpy(weights / WEIGHT_UNIT)
            self.mass.index_add_(0, items.to(self._device), each.to(self.mass))
            self._source.index_add_(0, *self._log.source_increments(events))
            arrivals = self.clock + np.arange(events.start, events.stop)
            self._model.trend.add_events(self.levels, self._events.items[events], arrivals, weights)
        self.n_added = max(stop, self.n_added)

    def _increments(self, events: slice) -> Tensor:
        """Return the target increments of at most a block of events; those of the whole block are formed and kept."""
        first, increments = self._newest_increments
        if not first <= events.start <= events.stop <= first + len(increments):
            first = events.start
            increments = self._log.target_increments(slice(first, min(first + self._block_size, len(self))))
            self._newest_increments = first, increments
        return increments[events.start - first : events.stop - first]


class ArrivingLog:
    """Histories and transitions of a log, as of any event.

    Parameters
    ----------
    counts : Counts
        What is known before it arrives.
    events : Events
        The log in time order.
    visible : ndarray of shape (n_events,)
        How many events each event sees; not decreasing, ``visible[e] <= e``.
    model : Model
        Weights and settings.
    """

    def __init__(self, counts: Counts, events: Events, visible: NDArray[np.int64], model: Model) -> None:
        self._model = model
        self._lay_out_histories(counts, events, visible)
        into = counts.find_new_transitions(events, model.settings.step_weights)
        self._into = into
        self._bounds = np.searchsorted(into.event, np.arange(len(events.items) + 1))
        self._norm_growth = square_growth(counts, into.source, into.target, into.weight)
        self._norm_growth[into.source >= model.n_trained] = 0.0
        self._key_step = len(events.items) + 1
        order = np.lexsort((into.event, into.source))
        self._transition_keys = into.source[order] * self._key_step + into.event[order]
        self._transition_starts = np.searchsorted(into.source[order], np.arange(events.n_items))
        self._transition_target = into.target[order]
        self._transition_value = (into.weight[order] / TRANSITION_UNIT).astype(np.float32)

    def histories(self, events: slice) -> Histories:
        """Return the history of the user of each of some events, as of the event."""
        bounds = self._starts[events], self._ends[events]
        return Histories(self._history, *bounds, self._moments, self._seconds, self._weights)

    def transitions_from(
        self, last_items: SparseEntries, n_added: int, visible: NDArray[np.int64]
    ) -> tuple[SparseEntries, SparseEntries]:
        """Return what events add to the row of T of each last item: all events, and the newest of them.

        Parameters
        ----------
        last_items : SparseEntries
            One row of items per query.
        n_added : int
            How many events are older than the newest ones.
        visible : ndarray of shape (n_rows,)
            How many events each query sees; at least ``n_added``.
        """
        keys = last_items.items * self._key_step
        starts = self._transition_starts[last_items.items]
        newest = np.searchsorted(self._transition_keys, keys + n_added)
        ends = np.searchsorted(self._transition_keys, keys + np.repeat(visible, last_items.lengths))
        return self._between(starts, ends), self._between(newest, ends)

    def _between(self, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> SparseEntries:
        """Return ranges of the transitions that stand item by item, a row for each."""
        places = ragged_ranges(starts, ends - starts)
        return SparseEntries(ends - starts, self._transition_target[places], self._transition_value[places])

    def target_increments(self, events: slice) -> Tensor:
        """Return what each of some events adds to its item's projected column of T, and to its squared norm."""
        bounds = self._bounds[events.start : events.stop + 1]
        entries = slice(bounds[0], bounds[-1])
        offsets = bounds[:-1] - bounds[0]
        projected = self._model.project(
            self._into.source[entries], self._into.weight[entries] / TRANSITION_UNIT, offsets
        )
        rows = self._into.event[entries] - events.start
        growth = np.bincount(rows, self._norm_growth[entries], minlength=len(offsets)).astype(np.float32)
        return torch.cat([projected, torch.from_numpy(growth)[:, None]], dim=1)

    def source_increments(self, events: slice) -> tuple[Tensor, Tensor]:
        """Return what some events add to the projected rows of T: item codes, each any number of times, and vectors."""
        entries = slice(self._bounds[events.start], self._bounds[events.stop])
        targets, values = self._into.target[entries], self._into.weight[entries] / TRANSITION_UNIT
        added = self._model.project(targets, values, np.arange(len(targets)))
        return torch.from_numpy(self._into.source[entries]), added

    def _lay_out_histories(self, counts: Counts, events: Events, visible: NDArray[np.int64]) -> None:
        """Put old and new events of each user side by side, so that a history is a range at any time."""
        users, rows = np.unique(events.users, return_inverse=True)
        old_lengths = counts.history_lengths(users)
        lengths = old_lengths + np.bincount(rows)
        starts = np.cumsum(lengths) - lengths
        self._history = np.empty(lengths.sum(), dtype=np.int64)
        old_places, known = ragged_ranges(starts, old_lengths), counts.newest(users, old_lengths)
        self._history[old_places] = counts.history[known]
        places = starts[rows] + old_lengths[rows] + ranks_within_groups(rows)
        self._history[places] = events.items
        columns = ((counts.joins, events.joins), (counts.seconds, events.seconds), (counts.weights, events.weights))
        joins, self._seconds, self._weights = (
            laid_out(len(self._history), (old_places, None if old is None else old[known]), (places, new))
            for old, new in columns
        )
        self._moments = None if joins is None else Moments.of(joins)
        self._starts = starts[rows]
        self._ends = self._starts + old_lengths[rows] + _count_earlier(rows, visible)


def _count_earlier(groups: NDArray[np.int64], visible: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each row how many of the first ``visible[row]`` rows share its group."""
    n_rows = len(groups)
    keys = np.sort(groups * (n_rows + 1) + np.arange(n_rows))
    group_starts = np.searchsorted(keys, groups * (n_rows + 1))
    return np.searchsorted(keys, groups * (n_rows + 1) + visible) - group_starts
