"""Saving a fitted recommender, and journaling what happens to it from then on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors import numpy as safetensors_numpy
from sklearn.utils.validation import check_is_fitted

from ._data.interactions import Columns
from ._data.packing import pack_columns, unpack_columns, vector
from ._forgetting import without
from ._persistence.files import write_model_file
from ._persistence.format import describe_fitted, describe_libraries, state_arrays
from ._persistence.journal import Journal, Record
from ._persistence.manifest import to_json
from ._resolving import resolve_parameters
from ._scoring.scorer import Served
from ._state.state import State
from .exceptions import ModelFileError

#: Whose files there are.
SAVED_CLASS = "AutoSeqRecRecommender"
#: Kinds of records.
UPDATE, FORGET = 1, 2


class SavingMixin:
    """``save_model`` and the journal of the recommender."""

    _served: Served
    _state: State
    _journal: Journal | None = None

    def save_model(self, path: str | os.PathLike[str], *, journal: str | os.PathLike[str] | None = None) -> None:
        """Save the fitted recommender in a file that is safe to read, whoever wrote it.

        The file is a safetensors file: numbers, and a description in JSON. :func:`skautoseqrec.load_model` reads it and
        runs nothing that it holds. It replaces an older file in one step, once it is on the disk. It holds parameters,
        ids, events, weights and what :meth:`fit` reported; callbacks and metadata requests are not saved.

        Parameters
        ----------
        path : str or path
            The file.
        journal : str, path or None, default=None
            A file to keep a journal in. An old one is replaced by an empty one that belongs to the file just saved;
            from then on every :meth:`partial_update` and :meth:`forget` is in it, on the disk, before it returns. Then
            ``load_model(path, journal=journal)`` returns the recommender as it is after the last of them, also after a
            crash. The lock on the journal ends with :meth:`close_journal`, with the process, or where the recommender
            is saved with another one. A copy (pickle, joblib, deepcopy, clone) has no journal; one that
            shares the events (``copy.copy``, :meth:`with_blend`) must not take any in. Do not update in one
            thread while another one saves with a journal.

        Raises
        ------
        NotFittedError
            If there is nothing to save yet.
        TypeError
            If the recommender is of a subclass.
        ValueError
            If a parameter is not valid or cannot be saved (a ``random_state`` that is a RandomState instance), or
            ``journal`` is a file that is no journal.
        BlockingIOError
            If another process or estimator has the journal open.
        OSError
            If the file cannot be written, or the platform cannot lock a journal; an older file is as it was.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from skautoseqrec import AutoSeqRecRecommender, load_model
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3)]
        >>> parameters = {"blend": {"direct": 1.0}, "early_stopping": False, "max_iter": 1}
        >>> recommender = AutoSeqRecRecommender(n_components=4, random_state=0, **parameters).fit(log)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path, journal = Path(folder) / "model.safetensors", Path(folder) / "model.journal"
        ...     recommender.save_model(path, journal=journal)
        ...     _ = recommender.partial_update([("bob", "jam", 4)])
        ...     recommender.close_journal()
        ...     load_model(path, journal=journal).item_ids_
        array(['tea', 'milk', 'jam'], dtype=object)
        """
        check_is_fitted(self)
        if type(self).__name__ != SAVED_CLASS:
            raise TypeError(f"Only {SAVED_CLASS} itself can be loaded again, not its subclass {type(self).__name__}.")
        path, place = Path(path).resolve(), None if journal is None else Path(journal).resolve()
        if place == path:
            raise ValueError(f"The model and its journal cannot be one file, {path}.")
        model_id, served = uuid4(), self._served
        manifest = {
            "class": SAVED_CLASS,
            "parameters": describe_parameters(self),
            "libraries": describe_libraries(),
            "model_id": model_id.hex,
            **describe_fitted(self, served.scorer),
        }
        with self._replaced_journal(place) as replaced:
            manifest["journal"] = describe_journal(place, *replaced)
            write_model_file(path, state_arrays(served.state), manifest)
            if place is not None:
                try:
                    started = Journal.start(place, model_id.bytes)
                except BaseException:
                    # A journal elsewhere is not of the file that is there now: nothing may be added to it.
                    if self._journal is not None and self._journal.path != place:
                        self._journal.close()
                    raise
                self.close_journal()
                attach_journal(self, started)

    def close_journal(self) -> None:
        """End the journal that :meth:`save_model` or :func:`skautoseqrec.load_model` opened, and release its lock.

        Updates are not recorded from here on. Without an open journal nothing happens.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> AutoSeqRecRecommender().close_journal()
        """
        if self._journal is not None:
            self._journal.close()
            del self._journal

    def _take_in(self, columns: Columns) -> None:
        """Let the events of a log into the state, and into the journal if one is open."""
        if self._journal is None:
            self._state.update(columns)
            return
        with self._journaled(UPDATE, pack_columns(columns)):
            self._state.update(columns)

    def _take_out(self, is_forgotten: NDArray[np.bool_]) -> None:
        """Let some events out of the state, and have their sequence numbers in the journal if one is open."""
        if self._journal is None:
            self._served = without(self._served, is_forgotten)
            return
        numbers = self._state.events.arrivals[is_forgotten]
        with self._journaled(FORGET, {"arrivals": numbers}):
            self._served = without(self._served, is_forgotten)

    @contextmanager
    def _journaled(self, kind: int, arrays: dict[str, NDArray[Any]]) -> Iterator[None]:
        """Record what the block does to the state, and when, before it does it."""
        journal = cast(Journal, self._journal)
        if journal.subject is not self._state.model.objective:
            raise RuntimeError(
                f"The journal {journal.path} belongs to the model as it was before the last fit. Save the new one with "
                "save_model(path, journal=...), or call close_journal() to go on without."
            )
        clock = self._state.events.clock
        if journal.clock != clock:
            raise RuntimeError(
                f"The journal {journal.path} does not know of all events: a copy that shares them, of with_blend or of "
                "copy.copy, took some in. Save again with save_model(path, journal=...), and let only this one do so."
            )
        content = safetensors_numpy.save({**arrays, "clock": np.array([clock])})
        with journal.record(kind, content, lambda: (self._served, len(self._state.events))):
            yield
        journal.clock = self._state.events.clock

    @contextmanager
    def _replaced_journal(self, place: Path | None) -> Iterator[tuple[bytes | None, int]]:
        """Yield which journal is contained in what is saved now, and up to where; the one at a place is locked."""
        mine = self._journal
        if mine is not None and (place is None or mine.path == place):
            if place is not None:
                mine.require_process()
            is_contained = place is not None or mine.subject is self._state.model.objective
            yield (mine.model_id, mine.end) if is_contained else (None, 0)
        elif place is None:
            yield None, 0
        else:
            held = Journal.open(place, create=True)
            try:
                yield held.model_id, held.end
            finally:
                held.close()


def attach_journal(recommender: Any, journal: Journal) -> None:
    """Have what happens to a recommender recorded from here on."""
    # Every fit has one of its own, and forgetting keeps it.
    journal.subject = recommender._state.model.objective
    journal.clock = recommender._state.events.clock
    recommender._journal = journal


def describe_parameters(recommender: Any) -> dict[str, Any]:
    """Return a recommender's parameters as JSON holds them.

    Raises
    ------
    ValueError
        If one is not valid, or cannot be saved.
    """
    return {name: to_json(value, name) for name, value in valid_parameters(recommender).items()}


def valid_parameters(recommender: Any) -> dict[str, Any]:
    """Return a recommender's parameters, or raise ValueError if one is not valid."""
    recommender._validate_params()
    parameters: dict[str, Any] = recommender.get_params(deep=False)
    resolve_parameters(parameters)
    return parameters


def describe_journal(place: Path | None, contained: bytes | None, end: int) -> dict[str, Any]:
    """Return what a file says of journals: the name of the one that begins with it, and what it has of an older one.

    Only between the renaming of the model and that of its journal does an older one stand where the newer should.
    """
    name, model_id = "" if place is None else place.name, "" if contained is None else contained.hex()
    return {"name": to_json(name, "journal"), "contains": model_id, "end": end}


def replay(recommender: Any, record: Record) -> Callable[[], None]:
    """Return what a record says was done to a recommender.

    Raises
    ------
    ModelFileError
        If the record is of no known kind, or its content is none of that kind.
    """
    if record.kind not in (UPDATE, FORGET):
        raise ModelFileError(
            f"the record at byte {record.start} is of kind {record.kind}, which this version of skautoseqrec does not "
            "know. Update it."
        )
    try:
        arrays = safetensors_numpy.load(record.content)
        events, clock = recommender._state.events, vector("clock", arrays, "i")
        if clock.tolist() != [events.clock]:
            raise ModelFileError(
                f"the record at byte {record.start} is of a moment after {clock.tolist()} events, and before it "
                f"{events.clock} have arrived."
            )
        if record.kind == UPDATE:
            columns = unpack_columns(arrays)
            return lambda: recommender._state.update(columns)
        numbers = vector("arrivals", arrays, "i")
        if not np.isin(numbers, events.arrivals).all():
            raise ModelFileError(f"the record at byte {record.start} takes out events that are not known.")
        return lambda: recommender._take_out(np.isin(events.arrivals, numbers))
    except (SafetensorError, KeyError) as error:
        raise ModelFileError(f"the record at byte {record.start} holds no log ({error}).") from error
