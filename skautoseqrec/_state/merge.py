"""Merging an overlay into its base step by step, so that no update has to wait for all of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from weakref import proxy

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from .._counts.counts import GrowingHistories
from .._counts.events import Events
from .._counts.pairs import PairCounts
from .._counts.transitions import TRANSITION_UNIT
from .._network.model import Model
from .base import Base, logs_of
from .growing import GrowingArray, GrowingMatrix, added_rows, room_for
from .runs import COLUMN_BITS, Run
from .steps import Steps, step_size

#: The steps are planned in the first part of the time, one kind after the other.
PLANNED_WITHIN = 0.01
#: Raising the levels of the trend by one event costs as much as so many of them: it takes logarithms.
COST_OF_LEVEL = 16
#: So many numbers of a dense row are copied at the price of an entry.
NUMBERS_PER_ENTRY = 8


class Merge:
    """A base that is about to hold more events, and the steps that are left to it.

    It is the writer's own: readers keep the old base and the overlay until it is done.

    Parameters
    ----------
    base : Base
        What is known.
    events : Events
        The events of the overlay.
    runs : sequence of Run
        What they completed.
    model : Model
        The trained weights.
    n_added : int
        How many events came with the call that begins it.
    """

    def __init__(self, base: Base, events: Events, runs: Sequence[Run], model: Model, n_added: int) -> None:
        self._base, self._events, self._runs, self._model = base, events, runs, model
        self._step_size, self._room = step_size(n_added), room_for(n_added)
        self._has_network = base.source.shape[1] > 0
        #: They make room and plan the steps, which are taken in this order.
        self._plans: deque[Callable[[Merge], None]] = deque(
            (Merge._plan_histories, Merge._plan_transitions, Merge._plan_levels, Merge._plan_vectors, Merge._plan_pairs)
        )
        self._n_plans, self._steps = len(self._plans), Steps()

    @property
    def n_events(self) -> int:
        """Number of events that are merged."""
        return len(self._events.items)

    @property
    def is_done(self) -> bool:
        """Whether no steps are left."""
        return not self._plans and self._steps.are_done

    def advance_to(self, share: float) -> None:
        """Take the steps that are due in such a share of the time that the merge has."""
        while self._plans and len(self._plans) > self._n_plans * (1 - share / PLANNED_WITHIN):
            self._plans.popleft()(self)
        self._steps.advance_to((share - PLANNED_WITHIN) / (1 - PLANNED_WITHIN))

    def result(self) -> Base:
        """Return the base once all steps are taken."""
        base = self._base
        counts = self._histories.counts(self._transitions.of(self._transitions.data))
        values = self._transitions.of(self._values)
        grown = Base(counts, self._source, self._target, values, self._levels, self._vectors, base.n_built_from)
        if (logs := self._logs) is not None:
            grown.keep("logs", values, lambda: self._transitions.of(logs))
        if (pairs := self._pairs) is not None:
            known = base.pairs(self._model.settings)
            together = pairs.of(pairs.data) if isinstance(pairs, GrowingMatrix) else pairs.array
            grown.keep("pairs", counts, lambda: PairCounts(together, known.window, known.unit))
        return grown

    def _plan(self, step: Callable[..., object], bounds: NDArray[np.int64], *first: object) -> None:
        """Plan steps of the merge's own, given a method of the class and what it takes before the bounds.

        They do not hold the merge, which holds them: in a circle, the old base would live on when it is done, until
        Python's collector of garbage comes.
        """
        self._steps.plan(partial(step, proxy(self), *first), bounds)

    def _plan_histories(self) -> None:
        self._histories = GrowingHistories(self._base.counts, self._events, self._room)
        self._steps.plan(self._histories.copy_known, self._bounds(len(self._base.counts.history)))
        self._steps.plan(self._histories.add_events, self._bounds(self.n_events))

    def _plan_transitions(self) -> None:
        base, n_items = self._base, self._events.n_items
        self._leaving = [run.leaving for run in self._runs]
        self._transitions = GrowingMatrix(base.counts.transitions, self._leaving, n_items, self._room)
        self._values = self._room(len(self._transitions.data), np.float32)
        self._logs = self._room(len(self._values), np.float32) if base.keeps("logs") else None
        self._norms = np.zeros(n_items)
        self._plan(Merge._merge_transitions, self._transitions.bounds(self._step_size))

    def _plan_levels(self) -> None:
        n_items, n_half_lives = self._events.n_items, len(self._base.levels)
        self._levels = self._room(n_half_lives * n_items, np.float64).reshape(n_half_lives, n_items)
        for half_life in range(n_half_lives):
            self._plan(Merge._copy_levels, self._bounds(n_items, 1 / NUMBERS_PER_ENTRY), half_life)
        self._plan(Merge._raise_levels, self._bounds(self.n_events, COST_OF_LEVEL))

    def _plan_vectors(self) -> None:
        base, n_items = self._base, self._events.n_items
        self._source, self._target = (rows.new_empty(n_items, rows.shape[1]) for rows in (base.source, base.target))
        self._vectors = base.item_vectors.map(lambda known: known.new_empty(n_items + 1, *known.shape[1:]))
        self._is_changed = np.zeros(n_items, dtype=bool)
        self._is_changed[self._events.items] = True
        self._arriving = [run.arriving for run in self._runs]
        width = sum(array.shape[1] for array in self._vectors.arrays) + base.source.shape[1] + base.target.shape[1]
        self._plan(Merge._merge_vectors, self._bounds(n_items, width / NUMBERS_PER_ENTRY))

    def _plan_pairs(self) -> None:
        self._pairs: GrowingMatrix | GrowingArray | None = None
        if not self._base.keeps("pairs"):
            return
        known, n_items = self._base.pairs(self._model.settings), self._events.n_items
        grown = known.together
        if isinstance(grown, np.ndarray) and not known.stays_an_array(n_items):
            grown = sparse.csr_matrix(grown)
        added = [run.pairs for run in self._runs]
        if isinstance(grown, np.ndarray):
            self._pairs = GrowingArray(grown, added, n_items, self._room)
            self._steps.plan(self._pairs.merge, self._bounds(n_items, n_items / NUMBERS_PER_ENTRY))
            return
        self._pairs = GrowingMatrix(grown, added, n_items, self._room)
        self._steps.plan(self._pairs.merge, self._pairs.bounds(self._step_size))

    def _bounds(self, n_rows: int, cost: float = 1.0) -> NDArray[np.int64]:
        """Return the bounds of ranges of rows that are a step each, given what one costs."""
        return np.append(np.arange(0, n_rows, max(1, int(self._step_size / cost))), n_rows)

    def _merge_transitions(self, first: int, stop: int) -> None:
        grown, n_trained = self._transitions, self._model.n_trained
        places = grown.merge(first, stop)
        ones = grown.data[places] / TRANSITION_UNIT
        self._values[places] = ones
        if self._logs is not None:
            self._logs[places] = logs_of(self._values[places])
        if n_trained << COLUMN_BITS < stop:  # rows of items without weights begin here, or have begun before
            ones = ones[: max(0, int(grown.indptr[n_trained]) - places.start)]
        np.add.at(self._norms, grown.indices[places][: len(ones)], np.square(ones))

    def _copy_levels(self, half_life: int, first: int, stop: int) -> None:
        known, levels = self._base.levels[half_life, first:stop], self._levels[half_life, first:stop]
        levels[: len(known)] = known
        levels[len(known) :] = -np.inf

    def _raise_levels(self, first: int, stop: int) -> None:
        items, weights = self._events.items[first:stop], self._events.weights
        arrivals = self._base.counts.clock + np.arange(first, stop)
        self._model.trend.add_events(self._levels, items, arrivals, None if weights is None else weights[first:stop])

    def _merge_vectors(self, first: int, stop: int) -> None:
        """Form the rows of some items: what leaves them, what leads to them, and what scoring reads."""
        base, model, n_items = self._base, self._model, self._events.n_items
        some, n_known = slice(first, stop), max(0, min(stop, len(base.source)) - first)
        self._target[some, -1] = torch.from_numpy(self._norms[some]).float()
        if self._has_network:
            for grown, known, added in (
                (self._source, base.source, self._leaving),
                (self._target[:, :-1], base.target[:, :-1], self._arriving),
            ):
                rows = added_rows(added, first, stop, n_items)
                grown[some] = model.project_rows(rows / TRANSITION_UNIT)
                grown[first : first + n_known] += known[first : first + n_known]
        # The last row stands for all items that were not known, and for those that are not known yet.
        rows = np.minimum(np.arange(first, stop + (stop == n_items)), base.item_vectors.n_items - 1)
        vectors, written, kept = self._vectors, slice(first, first + len(rows)), torch.from_numpy(rows)
        for array, known in zip(vectors.arrays, base.item_vectors.arrays, strict=True):
            array[written] = known[kept]
        for name, bias in vectors.biases.items():
            bias[written] = base.item_vectors.biases[name][kept]
        changed = torch.from_numpy(first + np.flatnonzero(self._is_changed[some]))
        vectors.two_hop[changed] = model.reach(self._target[changed])
