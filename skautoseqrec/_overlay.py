"""The events since the base and what they changed, append-only, so that readers need no lock."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ._base import Base, project_entries
from ._counting import TRANSITION_UNIT
from ._module import AutoSeqRecModule
from ._ragged import GrowableArray


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
