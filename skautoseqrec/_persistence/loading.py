"""Reading a saved recommender back, and what its journal says happened since."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._data.packing import Arrays
from .._utils.arguments import check_path
from .._utils.torch_state import in_usual_torch_state
from .._utils.warn import warn_caller
from .._utils.words import counted
from ..exceptions import ModelFileError
from .files import naming, read_model_file
from .format import read_fitted
from .journal import Journal
from .manifest import from_json, take
from .recording import attach_journal, replay
from .saving import valid_parameters

#: How a manifest writes the id of a model.
HEXADECIMAL = re.compile(r"[0-9a-f]{32}")


@in_usual_torch_state
def load(kind: type[Any], path: str | os.PathLike[str], journal: str | os.PathLike[str] | None) -> Any:
    """Do what ``load_model`` says, for a class that is handed in.

    Parameters
    ----------
    kind : type
        The recommender's class.
    path, journal : str or path
        The file, and its journal; None to leave the journal alone.

    Raises
    ------
    ModelFileError, BlockingIOError, OSError
        As ``load_model``.
    """
    path = check_path(path, "path").resolve()
    if journal is None:
        recommender, manifest = _read(kind, path)
        _warn_of_journal(path.parent / manifest["journal"]["name"])
        return recommender
    place = check_path(journal, "journal").resolve()
    # Before the model is read: from here on, nobody replaces either.
    opened = Journal.open(place)
    try:
        recommender, manifest = _read(kind, path)
        with naming(place):
            if opened.model_id is None:
                _begin(opened, manifest)
            _replay(recommender, opened, _count_contained(opened, manifest))
    except BaseException:
        # What was not understood stays as it is.
        opened.abandon()
        raise
    attach_journal(recommender, opened)
    return recommender


def _warn_of_journal(place: Path) -> None:
    """Warn where the journal that a model was saved with lies beside it."""
    if place.is_file():
        warn_caller(
            f"The journal {place} is left alone: this is the model as it was saved, and not what happened since. "
            "load_model(path, journal=...) reads both."
        )


def _read(kind: type[Any], path: Path) -> tuple[Any, Mapping[str, Any]]:
    """Return the recommender in a file, and the file's manifest."""
    with naming(path):
        manifest, arrays = read_model_file(path)
        return _build(kind, manifest, arrays), manifest


def _build(kind: type[Any], manifest: Mapping[str, Any], arrays: Arrays) -> Any:
    if take(manifest, "class", str) != kind.__name__:
        raise ModelFileError(f"the file holds a {manifest['class']}, not an {kind.__name__}.")
    _check_journal(manifest)
    parameters = _read_parameters(kind, manifest.get("parameters"))
    fitted = read_fitted(manifest, arrays)
    recommender = kind(**parameters)
    try:
        valid_parameters(recommender)
    except ValueError as error:
        raise ModelFileError(f"the parameters in the file are not valid: {error}") from error
    vars(recommender).update(fitted)
    return recommender


def _read_parameters(kind: type[Any], described: Any) -> dict[str, Any]:
    known = kind().get_params(deep=False)
    if not isinstance(described, dict) or not set(described) <= set(known):
        raise ModelFileError(f"the manifest's 'parameters' are not those of an {kind.__name__} of this version.")
    return {name: from_json(value, name) for name, value in described.items()}


def _check_journal(manifest: Mapping[str, Any]) -> None:
    """Raise ModelFileError unless a manifest says well-formed things of journals."""
    journal = manifest.get("journal")
    if not isinstance(journal, dict):
        raise ModelFileError("the manifest's 'journal' is no description of one.")
    take(journal, "name", str)
    for text in (take(manifest, "model_id", str), take(journal, "contains", str) or "0" * 32):
        if HEXADECIMAL.fullmatch(text) is None:
            raise ModelFileError(f"the manifest holds {text[:80]!r}, which is no id of a model.")
    if take(journal, "end", int) < 0:
        raise ModelFileError(f"the manifest says that a journal has {journal['end']} changes.")


def _begin(empty: Journal, manifest: Mapping[str, Any]) -> None:
    """Start the journal whose start a crash cut short: nothing was recorded in it."""
    name = manifest["journal"]["name"]
    if name not in ("", empty.path.name):
        raise ModelFileError(
            f"the journal is empty, and the model was saved with the journal {name!r}: load it with that."
        )
    empty.start(bytes.fromhex(manifest["model_id"]))


def _count_contained(journal: Journal, manifest: Mapping[str, Any]) -> int:
    """Return how many changes of a journal the model holds already."""
    owner, contained = (journal.model_id or b"").hex(), manifest["journal"]
    if owner == manifest["model_id"]:
        return 0
    if owner != contained["contains"]:
        raise ModelFileError("the journal belongs to another saved model than this one.")
    if journal.n_changes < contained["end"]:
        raise ModelFileError(
            f"the journal is cut off: it has {counted(journal.n_changes, 'change')}, and had {contained['end']} when "
            "the model was saved."
        )
    return int(contained["end"])


def _replay(recommender: Any, journal: Journal, n_contained: int) -> None:
    for change in journal.changes(n_contained + 1):
        repeat = replay(recommender, change)
        try:
            repeat()
        except (TypeError, ValueError) as error:
            if change.number < journal.n_changes:
                raise ModelFileError(f"change {change.number} cannot have happened: {error}") from error
            # It had failed when it was recorded, and a crash came before it was taken back.
            journal.cut(change.number - 1)
