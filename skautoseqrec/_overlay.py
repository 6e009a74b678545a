"""The events since the base and what they changed, append-only, so that readers need no lock."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ._base import Base, padded_levels
from ._counting import TRANSITION_UNIT
from ._model import Model
from ._ragged import Entries, GrowableArray


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
        self._item_of_event = GrowableArray(np.zeros(0, dtype=np.int64))
        self._steps = GrowableArray(np.zeros((0, base.source.shape[1]), dtype=np.float32))
        self._history: dict[int, tuple[list[int], list[int]]] = {}  # user -> events, items
        self._leaving: dict[int, tuple[list[int], list[int], list[int]]] = {}  # item -> events, targets, units
        # Only the writer reads these: T as it is now, and each changed item's target and what it reaches.
        self._added: dict[tuple[int, int], int] = {}
        self._newest: dict[int, tuple[Tensor, Tensor]] = {}

    def __len__(self) -> int:
        """Return the number of events, published or not."""
        return len(self._steps)

    def append(self, user: int, item: int) -> None:
        """Let one event in: O(window * d), whatever else is known."""
        event = len(self)
        previous = self._previous_items(user)
        steps = list(zip(previous, self._step_weights[: len(previous)], strict=True))
        for source, weight in steps:
            events, targets, units = self._leaving.setdefault(source, ([], [], []))
            targets.append(item)
            units.append(weight)
            events.append(event)  # last: readers look for their mark here
        events, items = self._history.setdefault(user, ([], []))
        items.append(item)
        events.append(event)
        self._item_of_event.append(item)
        self._steps.append(self._move_target(item, steps))

    def history(self, user: int, n_events: int) -> list[int]:
        """Return the items that the first ``n_events`` events added to a user's history."""
        events, items = self._history.get(user, ((), ()))
        return items[: bisect_left(events, n_events)]  # type: ignore[return-value]

    def leaving(self, item: int, n_events: int) -> tuple[list[int], list[int]]:
        """Return targets and units of the transitions that the first ``n_events`` events added from an item."""
        events, targets, units = self._leaving.get(item, ((), (), ()))
        n_entries = bisect_left(events, n_events)
        return list(targets[:n_entries]), list(units[:n_entries])

    def item_of_event(self, n_events: int) -> NDArray[np.int64]:
        """Return the item of each of the first ``n_events`` events."""
        return self._item_of_event.view(n_events)

    def steps(self, n_events: int) -> Tensor:
        """Return by how much each of the first ``n_events`` events moved what reaches its item, (n_events, d)."""
        return torch.from_numpy(self._steps.view(n_events))

    def project(self, entries: Entries, n_rows: int) -> Tensor:
        """Return the product of rows given as entries with the encoder's weight."""
        return self._model.project_entries(entries, n_rows)

    def trend_levels(self, n_events: int, n_items: int) -> NDArray[np.float64]:
        """Return the levels of the trend after the first ``n_events`` events."""
        levels = padded_levels(self._base.levels, self._model, n_items)
        self._model.trend.let_in(levels, self.item_of_event(n_events), len(self._base.counts.history))
        return levels

    def _previous_items(self, user: int) -> list[int]:
        """Return the user's last items, newest first, as many as the window is long."""
        window = len(self._step_weights)
        recent = self._history.get(user, ((), ()))[1][-window:]
        counts = self._base.counts
        if len(recent) < window and user < counts.n_users:
            start, end = counts.indptr[user : user + 2].tolist()
            recent = [*counts.history[max(start, end - window + len(recent)) : end].tolist(), *recent]
        return list(reversed(recent))

    def _move_target(self, item: int, steps: list[tuple[int, int]]) -> NDArray[np.float32]:
        """Add transitions into an item and return by how much what reaches it moved."""
        target, reached = self._newest.get(item) or self._base_target(item)
        if steps:
            sources, units = (np.array(column) for column in zip(*steps, strict=True))
            projected = self._model.project(sources, units / TRANSITION_UNIT, np.zeros(1, dtype=np.int64))[0]
            grown = sum(self._grow(source, item, weight) for source, weight in steps)
            target = target + torch.cat([projected, projected.new_tensor([grown])])
        moved = self._model.reach(target[None])[0]
        self._newest[item] = (target, moved)
        return (moved - reached).numpy()

    def _grow(self, source: int, item: int, units: int) -> float:
        """Add to ``T[source, item]`` and return by how much its square grew, 0 if the source has no weights."""
        known = self._added.get((source, item))
        before = self._base.counts.transition(source, item) if known is None else known
        self._added[source, item] = before + units
        return ((2 * before + units) * units) / TRANSITION_UNIT**2 if source < self._model.n_trained else 0.0

    def _base_target(self, item: int) -> tuple[Tensor, Tensor]:
        target, reached = self._base.target, self._base.items.reached
        if item < len(target):
            # Clones: a view would take the whole matrix along when the overlay is pickled.
            return target[item].clone(), reached[item].clone()
        return target.new_zeros(target.shape[1]), reached[-1].clone()
