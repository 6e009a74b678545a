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
from .._state.forgetting import Forgotten
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
    """Events that are taken out, by their sequence numbers, and the disliked pairs that go with them."""

    arrivals: NDArray[np.int64]
    pairs: Columns
    kind: ClassVar[int] = 2

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what is written of it; without pairs, the arrivals alone."""
        return {"arrivals": self.arrivals, **(pack_columns(self.pairs) if len(self.pairs.user_ids) else {})}


@dataclass(frozen=True)
class Dislike:
    """Pairs that are disliked from then on, or no longer."""

    pairs: Columns
    withdraw: bool
    kind: ClassVar[int] = 4

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what is written of it."""
        return {**pack_columns(self.pairs), "withdraw": np.array([int(self.withdraw)])}


#: What happens without a journal; one for all, for an update takes microseconds.
NOTHING: AbstractContextManager[None] = nullcontext()


def update_of(columns: Columns) -> Update:
    """Return the change that events arrive."""
    return (Update if columns.weights is None else WeightedUpdate)(columns)


def recorded(recommender: Any, change: Update | Forget | Dislike) -> AbstractContextManager[None]:
    """Have a change in the recommender's journal, on disk, before the block makes it; without a journal, do nothing.

    Raises
    ------
    RuntimeError
        If the journal is of an earlier fit, or does not know of all events.
    """
    journal: Journal | None = recommender._journal
    return NOTHING if journal is None else _recorded(recommender, journal, change)


@contextmanager
def _recorded(recommender: Any, journal: Journal, change: Update | Forget | Dislike) -> Iterator[None]:
    state = recommender._serving.state
    if journal.subject is not state.model.heads:
        raise RuntimeError(
            f"The journal {journal.path} belongs to the model as it was before the last fit. Save the new one with "
            "save_model(path, journal=...), or call close_journal() to go on without."
        )
    clock = state.events.clock
    if journal.clock != clock or journal.dislikes is not state.snapshot.dislikes:
        raise RuntimeError(
            f"The journal {journal.path} does not know of all events and dislikes: a copy that shares them, of "
            "with_blend or of copy.copy, took some in. Save again with save_model(path, journal=...), and let only "
            "this one do so."
        )
    content = safetensors_numpy.save({**change.arrays(), "clock": np.array([clock])})
    with journal.record(change.kind, content, lambda: _moment(recommender)):
        yield
    _note_moment(recommender, journal)


def _moment(recommender: Any) -> tuple[Any, int, Any]:
    """Return what is another once any change was made."""
    state = recommender._serving.state
    return recommender._serving, len(state.events), state.snapshot.dislikes


def _note_moment(recommender: Any, journal: Journal) -> None:
    """Remember what the journal knows of: nobody else may change that."""
    state = recommender._serving.state
    journal.clock, journal.dislikes = state.events.clock, state.snapshot.dislikes


def attach_journal(recommender: Any, journal: Journal) -> None:
    """Have what happens to a recommender recorded from here on."""
    # Every fit has one of its own, and forgetting keeps it.
    journal.subject = recommender._serving.state.model.heads
    _note_moment(recommender, journal)
    recommender._journal = journal


def replay(recommender: Any, change: Change) -> Callable[[], None]:
    """Return what a journal says was done to a recommender.

    Raises
    ------
    ModelFileError
        If the change is of no known kind, or its content is none of that kind.
    """
    if change.kind not in (Update.kind, Forget.kind, WeightedUpdate.kind, Dislike.kind):
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
        if change.kind in (Update.kind, WeightedUpdate.kind):
            columns = unpack_columns(arrays)
            return lambda: recommender._serving.state.update(columns)
        if change.kind == Dislike.kind:
            return _dislike(recommender, unpack_columns(arrays), vector("withdraw", arrays, "i").tolist() == [1])
        numbers = vector("arrivals", arrays, "i")
        if not np.isin(numbers, events.arrivals).all():
            raise ModelFileError(f"change {change.number} takes out events that are not known.")
        nobody = np.zeros(0, dtype=np.int64)
        pairs = unpack_columns(arrays) if len(arrays) > 2 else Columns(nobody, nobody, None)
        return lambda: _forget(recommender, Forgotten(np.isin(events.arrivals, numbers), pairs))
    except (SafetensorError, KeyError) as error:
        raise ModelFileError(f"change {change.number} holds no log ({error}).") from error


def _dislike(recommender: Any, pairs: Columns, withdraw: bool) -> Callable[[], None]:
    return lambda: recommender._serving.state.dislike(pairs.user_ids, pairs.item_ids, withdraw=withdraw)


def _forget(recommender: Any, forgotten: Forgotten) -> None:
    recommender._serving = recommender._serving.without(forgotten)
