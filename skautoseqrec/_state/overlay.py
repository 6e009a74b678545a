"""What happened since the base: the events, what they completed, and the merge that is to let them in."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._counts.counts import Counts
from .._counts.events import Events
from .._counts.settings import SequenceSettings
from .._counts.transitions import Transitions, find_unordered_transitions
from .._data.weights import WEIGHT_UNIT
from .additions import Additions
from .arrived import ArrivedEvents
from .joining import Join
from .merge import Merge
from .preceding import Preceding
from .runs import WITHOUT_WEIGHTS, Kept, Run
from .tail import Tail

#: From so many events on they are added all at once, at the price of some sorts, rather than one by one.
FEWEST_AT_ONCE = 48


class Overlay:
    """The events since the base, and what each of them completed.

    Parameters
    ----------
    counts : Counts
        What the events are added to.
    settings : SequenceSettings
        How time enters the counts.
    kept : Kept, default=WITHOUT_WEIGHTS
        What is kept of the events.

    Attributes
    ----------
    arrived : ArrivedEvents
        The events, published or not. The first of them are what a snapshot holds.
    additions : Additions
        What they completed, in the same way.
    merging : Merge or None
        The merge of the first events into the base that is under way. It ends with this overlay.
    """

    def __init__(self, counts: Counts, settings: SequenceSettings, kept: Kept = WITHOUT_WEIGHTS) -> None:
        self.settings, self._step_weights = settings, settings.step_weights
        self.arrived, self.additions = ArrivedEvents(kept.weights), Additions((), Tail(kept))
        self._preceding = Preceding(counts, self.arrived, settings)
        self.merging: Merge | None = None
        self._joining: Join | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: not a merge or a join that is under way, which begins anew."""
        return vars(self) | {"merging": None, "_joining": None}

    def __len__(self) -> int:
        """Return the number of events, published or not."""
        return len(self.arrived)

    def add_events(self, events: Events) -> None:
        """Append events in order.

        One costs O(window), whatever else is known; with moments, the window holds whole ones.
        """
        known, n_events = self.additions, len(events.items)
        if n_events >= FEWEST_AT_ONCE:
            self._add_at_once(events)
        else:
            for event in events.rows():
                self.add_event(*event)
            self.additions = known.settled()
            if self.additions is not known:
                self.arrived.settle()
        if self._joining is not None:
            self._join_on(self._joining, n_events)
        elif self.additions is not known and (crowded := self.additions.crowded()):
            self._joining = Join(crowded, n_events)

    def add_event(self, user: int, item: int, joins: bool, second: float, weight: int) -> None:
        """Append one event, which may join the moment of its user's event before."""
        sources, units, near, near_weights = self._preceding.of_event(user, joins)
        kept = self.additions.tail.kept
        if not kept.weights:
            near = [other for other in near if other != item]
        else:
            units = [round(unit * weight / WEIGHT_UNIT) for unit in units]
            sources, units = [of for of, unit in zip(sources, units, strict=True) if unit], [*filter(None, units)]
            pairs = [(other, min(of, weight)) for other, of in zip(near, near_weights, strict=True) if other != item]
            near = [other for other, smaller in pairs if smaller]
            near_weights = [smaller for _, smaller in pairs if smaller]
        self.additions.tail.add_event(item, sources, units, near, near_weights)
        self.arrived.append(user, item, joins, second, weight)

    def after_merge(self, counts: Counts, events: Events) -> Overlay:
        """Return an overlay of the events behind those that were merged, given the counts that hold these now."""
        rest = Overlay(counts, self.settings, self.additions.tail.kept)
        rest.arrived.extend(events)
        rest.additions = self.additions.merged()
        return rest

    def _add_at_once(self, events: Events) -> None:
        """Append events that are looked up and sorted together."""
        rows = self._preceding.with_events(events)
        into = find_unordered_transitions(rows, self._step_weights)
        near = find_unordered_transitions(rows, np.ones(self.settings.neighbour_window, dtype=np.int64), within=True)
        is_pair = near.source != near.target
        near = Transitions(*(column[is_pair] for column in near))
        n_events = len(events.items)
        if self.additions.are_few(n_events):
            self.additions.tail.extend(events.items, into.sort_by_event(), near.sort_by_event())
        else:  # sums do not ask for an order
            self.additions = self.additions.with_run(Run.of(n_events, into, near, self.additions.tail.kept))
        self.arrived.extend(events)

    def _join_on(self, joining: Join, n_added: int) -> None:
        """Take those steps of a join that are due after so many more events."""
        if (joined := joining.advance(n_added)) is not None:
            self.additions, self._joining = self.additions.with_joined(joining.runs, joined), None
