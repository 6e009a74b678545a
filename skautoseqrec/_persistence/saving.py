"""Saving a fitted recommender in a file, and starting the journal that belongs to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from .._parameters import resolve_parameters
from .description import describe_fitted, describe_libraries
from .files import write_model_file
from .format import state_arrays
from .journal import Journal
from .manifest import to_json
from .recording import attach_journal

#: Whose files there are.
SAVED_CLASS = "AutoSeqRecRecommender"


def save(recommender: Any, path: str | os.PathLike[str], journal: str | os.PathLike[str] | None) -> None:
    """Do what the recommender's ``save_model`` says.

    Parameters
    ----------
    recommender : AutoSeqRecRecommender
        Fitted.
    path, journal : str or path
        Where the file goes, and where its journal; None for no journal.

    Raises
    ------
    TypeError, ValueError, BlockingIOError, OSError
        As ``save_model``.
    """
    if type(recommender).__name__ != SAVED_CLASS:
        raise TypeError(
            f"Only {SAVED_CLASS} itself can be loaded again, not its subclass {type(recommender).__name__}."
        )
    path, place = Path(path).resolve(), None if journal is None else Path(journal).resolve()
    if place == path:
        raise ValueError(f"The model and its journal cannot be one file, {path}.")
    model_id, served = uuid4(), recommender._serving
    manifest = {
        "class": SAVED_CLASS,
        "parameters": describe_parameters(recommender),
        "libraries": describe_libraries(),
        "model_id": model_id.hex,
        **describe_fitted(recommender, served.scorer),
    }
    with _replaced_journal(recommender, place) as replaced:
        manifest["journal"] = describe_journal(place, *replaced)
        write_model_file(path, state_arrays(served.state), manifest)
        if place is not None:
            try:
                started = Journal.start(place, model_id.bytes)
            except BaseException:
                # A journal elsewhere is not of the file that is there now: nothing may be added to it.
                if recommender._journal is not None and recommender._journal.path != place:
                    recommender._journal.close()
                raise
            recommender.close_journal()
            attach_journal(recommender, started)


@contextmanager
def _replaced_journal(recommender: Any, place: Path | None) -> Iterator[tuple[bytes | None, int]]:
    """Yield which journal is contained in what is saved now, and up to where; the one at a place is locked."""
    mine = recommender._journal
    if mine is not None and (place is None or mine.path == place):
        if place is not None:
            mine.require_process()
        is_contained = place is not None or mine.subject is recommender._serving.state.model.heads
        yield (mine.model_id, mine.end) if is_contained else (None, 0)
    elif place is None:
        yield None, 0
    else:
        held = Journal.open(place, create=True)
        try:
            yield held.model_id, held.end
        finally:
            held.close()


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
