"""What happens to a recommender, as changes in its journal: written before it is done, and done again when loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors import numpy as safetensors_numpy

from .._data.interactions import Columns
from .._data.packing import pack_columns, unpack_columns, vector
from ..exceptions import ModelFileError
from .journal import Journal
from .tables import Change


@dataclass(frozen=True)
class Update:
    """Events that arrive."""

    columns: Columns
    kind: ClassVar[int] = 1

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what is written of it."""
        return pack_columns(self.columns)


@dataclass(frozen=True)
class WeightedUpdate(Update):
    """Events that arrive with weights: a kind of its own, for versions that know of no weights to refuse."""

    kind: ClassVar[int] = 3


@dataclass(frozen=True)
class Forget:
    """Events that are taken out, by their sequence numbers."""

    arrivals: NDArray[np.int64]
    kind: ClassVar[int] = 2

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what is written of it."""
        return {"arrivals": self.arrivals}


#: What happens without a journal; one for all, for an update takes microseconds.
NOTHING: AbstractContextManager[None] = nullcontext()


def update_of(columns: Columns) -> Update:
    """Return the change that events arrive."""
    return (Update if columns.weights is None else WeightedUpdate)(columns)


def recorded(recommender: Any, change: Update | Forget) -> AbstractContextManager[None]:
    """Have a change in the recommender's journal, on disk, before the block makes it; without a journal, do nothing.

    Raises
    ------
    RuntimeError
        If the journal is of an earlier fit, or does not know of all events.
    """
    journal: Journal | None = recommender._journal
    return NOTHING if journal is None else _recorded(recommender, journal, change)


@contextmanager
def _recorded(recommender: Any, journal: Journal, change: Update | Forget) -> Iterator[None]:
    state = recommender._serving.state
    if journal.subject is not state.model.heads:
        raise RuntimeError(
            f"The journal {journal.path} belongs to the model as it was before the last fit. Save the new one with "
            "save_model(path, journal=...), or call close_journal() to go on without."
        )
    clock = state.events.clock
    if journal.clock != clock:
        raise RuntimeError(
            f"The journal {journal.path} does not know of all events: a copy that shares them, of with_blend or of "
            "copy.copy, took some in. Save again with save_model(path, journal=...), and let only this one do so."
        )
    content = safetensors_numpy.save({**change.arrays(), "clock": np.array([clock])})
    with journal.record(change.kind, content, lambda: (recommender._serving, len(recommender._serving.state.events))):
        yield
    journal.clock = recommender._serving.state.events.clock


def attach_journal(recommender: Any, journal: Journal) -> None:
    """Have what happens to a recommender recorded from here on."""
    # Every fit has one of its own, and forgetting keeps it.
    journal.subject = recommender._serving.state.model.heads
    journal.clock = recommender._serving.state.events.clock
    recommender._journal = journal


def replay(recommender: Any, change: Change) -> Callable[[], None]:
    """Return what a journal says was done to a recommender.

    Raises
    ------
    ModelFileError
        If the change is of no known kind, or its content is none of that kind.
    """
    if change.kind not in (Update.kind, Forget.kind, WeightedUpdate.kind):
        raise ModelFileError(
            f"change {change.number} is of kind {change.kind}, which this version of skautoseqrec does not know. "
            "Update it."
        )
    try:
        arrays = safetensors_numpy.load(change.content)
        events, clock = recommender._serving.state.events, vector("clock", arrays, "i")
        if clock.tolist() != [events.clock]:
            raise ModelFileError(
                f"change {change.number} is of a moment after {clock.tolist()} events, and before it "
                f"{events.clock} have arrived."
            )
        if change.kind != Forget.kind:
            columns = unpack_columns(arrays)
            return lambda: recommender._serving.state.update(columns)
        numbers = vector("arrivals", arrays, "i")
        if not np.isin(numbers, events.arrivals).all():
            raise ModelFileError(f"change {change.number} takes out events that are not known.")
        return lambda: _forget(recommender, np.isin(events.arrivals, numbers))
    except (SafetensorError, KeyError) as error:
        raise ModelFileError(f"change {change.number} holds no log ({error}).") from error


def _forget(recommender: Any, is_forgotten: NDArray[np.bool_]) -> None:
    recommender._serving = recommender._serving.without(is_forgotten)
