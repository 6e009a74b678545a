"""State and weights to scores: the blended sum of the parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._network.model import Model
from .._network.vectors import ItemVectors
from .._state.changes import Changes
from .._state.forgetting import Forgotten, without
from .._state.neighbours import Neighbourhood
from .._state.snapshot import Asked, Snapshot
from .._state.state import State
from .._utils.devices import CPU, beside
from .._utils.keeping import FieldsOnly
from .blend import Blend
from .gate import Gate, describe
from .outside import OutsidePart
from .parts import PARTS, Part
from .queries import Queries, form_queries
from .trend import TrendView
from .view import Recent, View

#: Rows that are scored at a time, if their scores are not more numbers than these (16 MiB: they stay in the cache).
BLOCK_SIZE, SCORES_PER_BLOCK = 256, 2**22
#: Products of fewer rows take as long, so large catalogues have twice as many scores at a time.
FEWEST_ROWS = 16


@dataclass(frozen=True)
class Scorer(FieldsOnly):
    """The fitted model as scoring sees it.

    Parameters
    ----------
    model : Model
        Weights, heads and settings.
    blend : Blend
        Weight of each part of the score.
    cold_blend : Blend
        The same for users without history.
    gate : Gate or None, default=None
        How the situation changes the weights of ``blend``.
    device : torch.device, default=cpu
        Where scores are formed. Queries are formed, and the state is kept, on the CPU.
    outside : OutsidePart or None, default=None
        What is added to the blend from outside, for users with a history.
    rounds : bool, default=False
        Whether batches of answers may take their candidates from products of bfloat16.
    """

    model: Model
    blend: Blend
    cold_blend: Blend
    gate: Gate | None = None
    device: torch.device = CPU
    outside: OutsidePart | None = None
    rounds: bool = False

    def on(self, device: torch.device, rounds: bool) -> Scorer:
        """Return the same scorer on another device, rounding or not; it is kept, for it keeps things there."""
        if (device, rounds) == (self.device, self.rounds):
            return self
        name = f"on {device}, rounding {rounds}"
        return self.keep(name, self.model, lambda: replace(self, device=device, rounds=rounds))

    def beside(self, outside: OutsidePart) -> Scorer:
        """Return the same scorer with a part from outside; it is kept, for it keeps things itself."""
        known = self.keep("beside a part", outside.vocabulary, lambda: replace(self, outside=outside))
        return known if known.outside == outside else replace(self, outside=outside)

    def score(self, view: View) -> Tensor:
        """Return the score of every item for every row of a view, shape (n_rows, n_items)."""
        return self.completed(self._neural(view), view)

    def completed(self, neural: Tensor, view: View) -> Tensor:
        """Return the score of every item, given the neural parts of a view's items; they may be overwritten."""
        view = self.gated(view)
        scores = self._with_others(neural, view)
        if self.outside is not None:
            self.outside.add(scores, view)
        return scores

    def _neural(self, view: View) -> Tensor:
        """Return the neural parts of a view's items, but for the biases."""
        return self.model.heads.score(view.queries.vectors, view.item_vectors, self.blend)

    def _with_others(self, neural: Tensor, view: View) -> Tensor:
        """Return the neural parts with the others of the blend, and in their place those of users without history."""
        scores = view.spread(neural)
        for part, weight in self.used:
            if not part.IS_NEURAL and not part.IS_SHARED:
                part.add(scores, view, weight, self.model.heads)
        if view.shared is None:
            self._add_shared(scores, view)
        else:
            self._add_known(scores, view)
        found = (part.score_changes(view, weight) for part, weight in self.used)
        changes = [change for change in found if change is not None]
        if changes:
            total, *others = changes
            for other in others:
                total.add_(other)
            view.recent.add(scores, total)
        if view.is_cold.any():
            scores[beside(scores, np.flatnonzero(view.is_cold))] = self._score_cold(view.cold())
        return scores

    def parts_and_score(self, view: View) -> tuple[dict[str, Tensor], Tensor]:
        """Return the weighted parts by name, that from outside the last, and their sum, which is :meth:`score`."""
        view = self.gated(view)
        parts, scores = self._parts_of_blend(view), self._with_others(self._neural(view), view)
        if self.outside is not None:
            parts[OutsidePart.NAME] = self.outside.weighted(view)  # asked once for both, for it may take long
            scores.add_(parts[OutsidePart.NAME])
        return parts, scores

    def _parts_of_blend(self, view: View) -> dict[str, Tensor]:
        """Return the weighted parts of a gated view by name, without that from outside."""
        is_cold = torch.from_numpy(view.is_cold)[:, None]
        parts = {}
        for part, weight in ((part, self.blend[part.NAME]) for part in PARTS):
            parts[part.NAME] = torch.where(is_cold, 0.0, part.scores(view, weight, self.model.heads))
        for part, weight in self._cold_used:
            cold = part.cold_scores(view, weight)
            parts[part.NAME] = torch.where(is_cold, cold, parts.get(part.NAME, torch.zeros_like(cold)))
        return parts

    def view(self, asked: Asked) -> View:
        """Return what scoring reads of a snapshot, the same moment for every history."""
        return self._view(asked, self._queries(asked))._replace(shared=self.shared(asked.snapshot))

    def shared(self, snapshot: Snapshot) -> Tensor:
        """Return what each item of a snapshot scores whoever asks, as a view has it."""
        return self.keep("shared scores", snapshot.changes(), lambda: self._shared(self._view(*self._nobody(snapshot))))

    def _queries(self, asked: Asked) -> Queries:
        snapshot, histories, *_ = asked
        return form_queries(self.model, histories, snapshot.transitions_from, snapshot.n_items).to(self.device)

    def _nobody(self, snapshot: Snapshot) -> tuple[Asked, Queries]:
        """Return no history of a snapshot, and what is formed for none."""
        known = self.keep("nobody", snapshot.base, lambda: self._asked_by_nobody(snapshot))
        return known[0]._replace(snapshot=snapshot), known[1]

    def _asked_by_nobody(self, snapshot: Snapshot) -> tuple[Asked, Queries]:
        asked = Asked(snapshot, snapshot.histories(np.zeros(0, dtype=np.int64)))
        return asked, self._queries(asked)

    def _view(self, asked: Asked, queries: Queries) -> View:
        """Return a view of a snapshot that does not know what is shared."""
        snapshot, histories, *_ = asked
        changes = snapshot.changes()
        item_vectors = self._item_vectors(changes)
        return View(
            queries=queries,
            item_vectors=item_vectors.first(snapshot.n_items),
            recent=Recent(changes.items, changes.vector_changes.to(self.device), None),
            trend=self.keep("live trend", changes, lambda: TrendView.live(self.model.trend, snapshot)),
            n_items=snapshot.n_items,
            is_cold=histories.lengths == 0,
            mass=lambda: torch.from_numpy(self.mass(snapshot)).float().to(self.device),
            neighbourhood=self._neighbourhood(asked) if self.model.settings.neighbour_window else None,
            situations=lambda: self.situations(asked),
            all_vectors=item_vectors,
        )

    def _item_vectors(self, changes: Changes) -> ItemVectors:
        """Return what is read of the items on the device; a copy there is kept as long as they are the newest."""
        vectors = changes.item_vectors
        return self.keep("item vectors", vectors, lambda: vectors.to(self.device))

    def _neighbourhood(self, asked: Asked) -> Callable[[], Neighbourhood]:
        snapshot, histories, *_ = asked

        def neighbourhood() -> Neighbourhood:
            return snapshot.neighbourhood(histories.neighbours(self.model.settings), self.mass(snapshot))

        return neighbourhood

    def popularity(self, snapshot: Snapshot) -> NDArray[np.int64]:
        """Return the number of events of each item, counted once for a snapshot."""
        return self.keep("popularity", snapshot.changes(), snapshot.popularity)

    def mass(self, snapshot: Snapshot) -> NDArray[Any]:
        """Return what the events of each item weigh together, added up once for a snapshot."""
        if not snapshot.has_weights:
            return self.popularity(snapshot)
        return self.keep("mass", snapshot.changes(), snapshot.mass)

    def situations(self, asked: Asked) -> NDArray[np.float64]:
        """Return the situation of each row."""
        snapshot, histories, asked_at, _ = asked
        return describe(histories, asked_at, self.popularity(snapshot)[histories.newest_moments().items])

    def gated(self, view: View) -> View:
        """Return a view with what the gate multiplies its parts by."""
        if self.gate is None or view.factors is not None:
            return view
        return view._replace(factors=self.gate.factors(view.situations()))

    @cached_property
    def used(self) -> list[tuple[Part, Any]]:
        """The parts that weigh anything for users with a history, and their weights."""
        return self.blend.used()

    @cached_property
    def shared_used(self) -> list[tuple[Part, Any]]:
        """Those of them that score an item alike for all users."""
        return [(part, weight) for part, weight in self.used if part.IS_SHARED]

    @cached_property
    def _cold_used(self) -> list[tuple[Part, Any]]:
        return self.cold_blend.used()

    def _score_cold(self, view: View) -> Tensor:
        """Return the score of every item for users without history."""
        scores = view.zeros()
        for part, weight in self._cold_used:
            part.add_cold(scores, view, weight)
        return scores

    def _add_shared(self, scores: Tensor, view: View) -> None:
        """Add what each item scores whoever asks, in place."""
        scores.add_(view.spread(self.model.heads.bias(view.item_vectors, self.blend)[None]))
        for part, weight in self.shared_used:
            part.add(scores, view, weight, self.model.heads)

    def _add_known(self, scores: Tensor, view: View) -> None:
        """Add what :meth:`_shared` returned, in place."""
        shared = cast(Tensor, view.shared)
        if view.factors is None:
            scores.add_(shared)
            return
        ones = np.ones(len(scores), dtype=np.float32)
        factors = np.column_stack([ones, *(view.factors.get(part.NAME, ones) for part, _ in self.shared_used)])
        scores.addmm_(beside(scores, factors), shared)

    def _shared(self, view: View) -> Tensor:
        """Return what each item of a live view scores whoever asks; with a gate, biases and shared parts each apart."""
        rows = view.item_vectors.zeros(1 + len(self.shared_used), view.n_items)
        # Of all vectors, which stay the same from one event to the next.
        vectors = cast(ItemVectors, view.all_vectors)
        bias = self.keep("bias", vectors, lambda: self.model.heads.bias(vectors, self.blend))
        rows[:1] = view.spread(bias[None, : view.item_vectors.n_items])
        for row, (part, weight) in enumerate(self.shared_used, start=1):
            part.add(rows[row : row + 1], view, weight, self.model.heads)
        return rows if self.gate is not None else rows.sum(0, keepdim=True)


class Serving(NamedTuple):
    """The state, and the scorer under whose weights it stands.

    A reader takes it once, and the snapshot of its state once: whatever is updated, forgotten or fitted meanwhile, it
    answers from what it took.
    """

    state: State
    scorer: Scorer

    def on(self, device: torch.device, rounds: bool) -> Serving:
        """Return the same with its scores formed on a device, answers by rounded products or not."""
        return self._replace(scorer=self.scorer.on(device, rounds))

    def with_blend(self, blend: Mapping[str, Any]) -> Serving:
        """Return the same under another blend, given as the user's parameter."""
        model = self.scorer.model
        read = Blend.read(blend, model.settings, type(model.heads))
        return self._replace(scorer=replace(self.scorer, blend=read, gate=None))

    def without(self, forgotten: Forgotten) -> Serving:
        """Return the same without some events and dislikes."""
        state = without(self.state, forgotten)
        return Serving(state, replace(self.scorer, model=state.model))


def rows_per_block(n_items: int) -> int:
    """Return how many rows are scored at a time."""
    rows, twice = (n_scores // max(n_items, 1) for n_scores in (SCORES_PER_BLOCK, 2 * SCORES_PER_BLOCK))
    return min(BLOCK_SIZE, max(1, rows, min(FEWEST_ROWS, twice)))


def batches(n_rows: int, n_items: int) -> Iterator[slice]:
    """Yield slices of rows to score at a time."""
    size = rows_per_block(n_items)
    for start in range(0, n_rows, size):
        yield slice(start, start + size)
