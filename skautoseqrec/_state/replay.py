"""A log that is about to arrive, laid out so that what was known at any of its moments is a range of an array."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._counts.counts import TRANSITION_UNIT, Counts, square_growth
from .._counts.events import Events
from .._counts.histories import Histories
from .._network.model import Model
from .._utils.ragged import Entries, ragged_ranges, ranks_within_groups


class ArrivingLog:
    """Histories and transitions of a log, as of any event.

    Parameters
    ----------
    counts : Counts
        What is known before it arrives.
    events : Events
        The log in time order.
    visible : ndarray of shape (n_events,)
        How many events are let in before each is ranked.
    model : Model
        Weights and settings.
    """

    def __init__(self, counts: Counts, events: Events, visible: NDArray[np.int64], model: Model) -> None:
        self._model = model
        self._lay_out_histories(counts, events, visible)
        into = counts.find_new_transitions(events, model.settings.step_weights).sort_by_event()
        self._into = into
        self._bounds = np.searchsorted(into.event, np.arange(len(events.items) + 1))
        self._norm_growth = square_growth(counts, into.source, into.target, into.weight)
        self._norm_growth[into.source >= model.n_trained] = 0.0
        self._key_step = len(events.items) + 1
        order = np.lexsort((into.event, into.source))
        self._leaving_keys = into.source[order] * self._key_step + into.event[order]
        self._leaving_starts = np.searchsorted(into.source[order], np.arange(events.n_items))
        self._leaving_target = into.target[order]
        self._leaving_value = (into.weight[order] / TRANSITION_UNIT).astype(np.float32)

    def histories(self, events: slice) -> Histories:
        """Return the history of the user of each of some events, as of the event."""
        return Histories(self._history, self._starts[events], self._ends[events])

    def leaving(self, last_items: Entries, first: int, marks: NDArray[np.int64]) -> tuple[Entries, Entries]:
        """Return what events add to the rows of T that weighted items ask for: all events, and the newest of them.

        Parameters
        ----------
        last_items : Entries
            One row of items per query.
        first : int
            The first of the newest events.
        marks : ndarray of shape (n_rows,)
            How many events each query sees; at least ``first``.
        """
        keys = last_items.items * self._key_step
        marks = np.repeat(marks, last_items.lengths)
        starts = self._leaving_starts[last_items.items]
        newest = np.searchsorted(self._leaving_keys, keys + first)
        ends = np.searchsorted(self._leaving_keys, keys + marks)
        return last_items.combine(self._between(starts, ends)), last_items.combine(self._between(newest, ends))

    def _between(self, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Entries:
        """Return ranges of the transitions that stand item by item, a row for each."""
        places = ragged_ranges(starts, ends - starts)
        return Entries(ends - starts, self._leaving_target[places], self._leaving_value[places])

    def increments(self, events: slice) -> Tensor:
        """Return what each of some events adds to what leads to its item: a projection and a squared norm."""
        bounds = self._bounds[events.start : events.stop + 1]
        entries = slice(bounds[0], bounds[-1])
        offsets = bounds[:-1] - bounds[0]
        projected = self._model.project(
            self._into.source[entries], self._into.weight[entries] / TRANSITION_UNIT, offsets
        )
        rows = self._into.event[entries] - events.start
        growth = np.bincount(rows, self._norm_growth[entries], minlength=len(offsets)).astype(np.float32)
        return torch.cat([projected, torch.from_numpy(growth)[:, None]], dim=1)

    def growth(self, events: slice) -> tuple[Tensor, Tensor]:
        """Return what some events add to what leaves their users' last items: item codes, each any number of times."""
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
        self._history[ragged_ranges(starts, old_lengths)] = counts.history[counts.newest(users, old_lengths)]
        places = starts[rows] + old_lengths[rows] + ranks_within_groups(rows)
        self._history[places] = events.items
        self._starts = starts[rows]
        self._ends = self._starts + old_lengths[rows] + _count_earlier(rows, visible)


def _count_earlier(groups: NDArray[np.int64], visible: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each row how many of the first ``visible[row]`` rows share its group."""
    n_rows = len(groups)
    keys = np.sort(groups * (n_rows + 1) + np.arange(n_rows))
    group_starts = np.searchsorted(keys, groups * (n_rows + 1))
    return np.searchsorted(keys, groups * (n_rows + 1) + visible) - group_starts
