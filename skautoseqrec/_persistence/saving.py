"""Saving a fitted recommender in a file, and starting the journal that belongs to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from .._fit_settings import resolve_parameters
from .._utils.arguments import check_path
from .description import describe_fitted, describe_libraries
from .files import naming, write_model_file
from .format import state_arrays
from .journal import Journal
from .manifest import to_json
from .recording import attach_journal
from .wal import log_of

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
    path = check_path(path, "path").resolve()
    place = None if journal is None else check_path(journal, "journal").resolve()
    if place is not None and path in (place, log_of(place)):
        raise ValueError(f"The model and its journal cannot be one file, {path}.")
    model_id, served = uuid4(), recommender._serving
    manifest = {
        "class": SAVED_CLASS,
        "parameters": describe_parameters(recommender),
        "libraries": describe_libraries(),
        "model_id": model_id.hex,
        **describe_fitted(recommender, served.scorer),
    }
    with _held_journal(recommender, place) as held:
        manifest["journal"] = describe_journal(place, *_contained(recommender, held))
        write_model_file(path, state_arrays(served.state), manifest)
        if held is not None:
            _start(recommender, held, model_id.bytes)


@contextmanager
def _held_journal(recommender: Any, place: Path | None) -> Iterator[Journal | None]:
    """Yield the journal at a place, which nobody else can open; if the block fails, whoever had it has it again."""
    mine: Journal | None = recommender._journal
    if place is None:
        yield None
        return
    if mine is not None and mine.path == place:
        mine.require_process()
        if mine.is_usable:
            yield mine
            return
        mine.abandon()
    held = Journal.open(place, create=True)
    try:
        yield held
    except BaseException:
        held.close()
        raise


def _contained(recommender: Any, held: Journal | None) -> tuple[bytes | None, int]:
    """Return of which model's journal what is saved now has changes, and how many."""
    journal: Journal | None = held or recommender._journal
    if journal is None or (held is None and journal.subject is not recommender._serving.state.model.heads):
        return None, 0
    return journal.model_id, journal.n_changes


def _start(recommender: Any, held: Journal, model_id: bytes) -> None:
    """Have a journal begin anew, with the model that was just saved."""
    mine: Journal | None = recommender._journal
    try:
        with naming(held.path):
            held.start(model_id)
        if mine is not held:
            recommender.close_journal()
        attach_journal(recommender, held)
    except BaseException:
        # A journal elsewhere is not of the file that is there now: nothing may be added to it.
        if mine is not None and mine.path != held.path:
            mine.close()
        raise


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

    Only between the renaming of the model and the start of its journal does an older one stand where the newer should.
    """
    name, model_id = "" if place is None else place.name, "" if contained is None else contained.hex()
    return {"name": to_json(name, "journal"), "contains": model_id, "end": end}
