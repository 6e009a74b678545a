"""Merging an overlay into its base step by step, so that no update has to wait for all of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from .._counts.counts import GrowingHistories
from .._counts.events import Events
from .._counts.pairs import PairCounts
from .._counts.transitions import TRANSITION_UNIT
from .._network.heads import ItemVectors
from .._network.model import Model
from .base import Base, logs_of
from .growing import GrowingArray, GrowingMatrix, JoinedSums
from .neighbours import SparsePairs, in_ones
from .runs import COLUMN_BITS, PlaceSums, Run

#: A step costs as much as copying about so many entries of a sparse matrix.
STEP_SIZE = 2**13
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
    n_at_once : int, default=1
        Steps are so many times as large: whoever adds many events at once waits for many steps anyway.
    """

    def __init__(self, base: Base, events: Events, runs: Sequence[Run], model: Model, n_at_once: int = 1) -> None:
        self._base, self._events, self._runs, self._model = base, events, runs, model
        self._step_size = STEP_SIZE * n_at_once
        self._has_network = base.source.shape[1] > 0
        # The first steps make room and plan the others, in their order.
        plans = self._plan_histories, self._plan_transitions, self._plan_levels, self._plan_vectors, self._plan_pairs
        self._steps: deque[Callable[[], object]] = deque(plans)
        self._n_taken = 0

    @property
    def is_done(self) -> bool:
        """Whether no steps are left."""
        return not self._steps

    def advance_to(self, share: float) -> None:
        """Take steps until such a share of those that are known is taken."""
        while self._steps and self._n_taken < share * (self._n_taken + len(self._steps)):
            self._steps.popleft()()
            self._n_taken += 1

    def result(self) -> Base:
        """Return the base once all steps are taken."""
        base, events = self._base, self._events
        counts = self._histories.counts(self._transitions.of(self._transitions.data))
        rows = np.minimum(np.arange(events.n_items + 1), len(base.item_vectors.vectors) - 1)
        biases = {name: bias[torch.from_numpy(rows)] for name, bias in base.item_vectors.biases.items()}
        vectors, values = ItemVectors(self._vectors, biases), self._transitions.of(self._values)
        grown = Base(counts, self._source, self._target, values, self._levels, vectors, base.n_built_from)
        if (logs := self._logs) is not None:
            grown.keep("logs", values, lambda: self._transitions.of(logs))
        if self._pairs is not None:
            self._keep_pairs(grown, self._pairs)
        return grown

    def _keep_pairs(self, grown: Base, pairs: GrowingMatrix | GrowingArray) -> None:
        known = self._base.pairs(self._model.settings)
        together = pairs.of(pairs.data) if isinstance(pairs, GrowingMatrix) else pairs.array
        counted = PairCounts(together, known.window, known.unit)
        grown.keep("pairs", grown.counts, lambda: counted)
        if isinstance(pairs, GrowingMatrix) and (values := self._pair_values) is not None:
            grown.keep("readable pairs", counted, lambda: SparsePairs(pairs.of(values)))

    def _plan(self, step: Callable[..., object], ranges: Iterator[tuple[int, int]]) -> None:
        self._steps.extend(partial(step, *bounds) for bounds in ranges)

    def _plan_histories(self) -> None:
        self._histories = GrowingHistories(self._base.counts, self._events)
        self._steps.extend(self._histories.steps(self._step_size))

    def _plan_transitions(self) -> None:
        base, n_items = self._base, self._events.n_items
        self._leaving = self._joined([run.leaving for run in self._runs])
        self._transitions = GrowingMatrix(base.counts.transitions, self._leaving, n_items)
        self._values = np.empty(len(self._transitions.data), dtype=np.float32)
        self._logs = np.empty_like(self._values) if base.keeps("logs") else None
        self._norms = np.zeros(n_items)
        self._plan(self._merge_transitions, self._transitions.ranges(self._step_size))

    def _joined(self, sums: list[PlaceSums]) -> JoinedSums:
        """Return the sum of all, which is formed in steps."""
        joined = JoinedSums(sums, self._events.n_items, self._step_size)
        self._plan(joined.join, joined.ranges())
        return joined

    def _plan_levels(self) -> None:
        n_items, n_half_lives = self._events.n_items, len(self._base.levels)
        self._levels = np.empty((n_half_lives, n_items))
        self._plan(self._copy_levels, self._ranges(n_items, n_half_lives / NUMBERS_PER_ENTRY))
        self._plan(self._raise_levels, self._ranges(len(self._events.items), COST_OF_LEVEL))

    def _plan_vectors(self) -> None:
        base, n_items = self._base, self._events.n_items
        self._source, self._target = (rows.new_empty(n_items, rows.shape[1]) for rows in (base.source, base.target))
        known = base.item_vectors.vectors
        self._vectors = known.new_empty(n_items + 1, known.shape[1])
        self._is_changed = np.zeros(n_items, dtype=bool)
        self._is_changed[self._events.items] = True
        if self._has_network:
            self._arriving = self._joined([run.arriving for run in self._runs])
        width = known.shape[1] + base.source.shape[1] + base.target.shape[1]
        self._plan(self._merge_vectors, self._ranges(n_items, width / NUMBERS_PER_ENTRY))

    def _plan_pairs(self) -> None:
        self._pairs: GrowingMatrix | GrowingArray | None = None
        self._pair_values: NDArray[np.float32] | None = None
        if not self._base.keeps("pairs"):
            return
        known, n_items = self._base.pairs(self._model.settings), self._events.n_items
        grown = known.together
        if isinstance(grown, np.ndarray) and not known.stays_an_array(n_items):
            grown = sparse.csr_matrix(grown)
        added = self._joined([run.pairs for run in self._runs])
        if isinstance(grown, np.ndarray):
            self._pairs = GrowingArray(grown, added, n_items)
            self._plan(self._pairs.merge, self._pairs.ranges(self._step_size * NUMBERS_PER_ENTRY))
            return
        self._pairs = GrowingMatrix(grown, added, n_items)
        if self._base.keeps("readable pairs"):
            self._pair_values = np.empty(len(self._pairs.data), dtype=np.float32)
        self._plan(partial(self._merge_pairs, self._pairs, known.unit), self._pairs.ranges(self._step_size))

    def _ranges(self, n_rows: int, cost: float) -> Iterator[tuple[int, int]]:
        """Yield ranges of rows that are a step each, given what one costs."""
        return pairwise([*range(0, n_rows, max(1, int(self._step_size / max(cost, 1.0)))), n_rows])

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

    def _merge_pairs(self, grown: GrowingMatrix, unit: int, first: int, stop: int) -> None:
        places = grown.merge(first, stop)
        if self._pair_values is not None:
            self._pair_values[places] = in_ones(grown.data[places], unit)

    def _copy_levels(self, first: int, stop: int) -> None:
        known = self._base.levels[:, first:stop]
        self._levels[:, first:stop] = -np.inf
        self._levels[:, first : first + known.shape[1]] = known

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
                rows = added.sums().between(first, stop).to_csr(first, stop, n_items)
                grown[some] = model.project_rows(rows / TRANSITION_UNIT)
                grown[first : first + n_known] += known[first : first + n_known]
        rows = np.minimum(np.arange(first, stop + (stop == n_items)), len(base.item_vectors.vectors) - 1)
        self._vectors[first : first + len(rows)] = base.item_vectors.vectors[torch.from_numpy(rows)]
        changed = torch.from_numpy(first + np.flatnonzero(self._is_changed[some]))
        vectors = ItemVectors(self._vectors, base.item_vectors.biases)
        vectors.two_hop[changed] = model.reach(self._target[changed])
