"""Reading a saved recommender back, and what its journal says happened since."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ._data.packing import Arrays
from ._persistence.files import naming, read_model_file
from ._persistence.format import read_fitted
from ._persistence.journal import HEADER_SIZE, Journal
from ._persistence.manifest import from_json, take
from ._saving import attach_journal, replay, valid_parameters
from .exceptions import ModelFileError
from .recommender import AutoSeqRecRecommender

#: How a manifest writes the id of a model.
HEXADECIMAL = re.compile(r"[0-9a-f]{32}")


def load_model(path: str | os.PathLike[str], *, journal: str | os.PathLike[str] | None = None) -> AutoSeqRecRecommender:
    """Load a recommender that :meth:`AutoSeqRecRecommender.save_model` saved.

    Nothing in the file is run, and nothing is taken on trust: sizes, checksums, codes, shapes and parameters are
    checked before anything is built from them. The recommender answers as it did, to rounding, and goes on from there.

    Parameters
    ----------
    path : str or path
        The file.
    journal : str, path or None, default=None
        Its journal. What was recorded since the file was saved is let in again, and the journal goes on. An update
        that a crash interrupted is there whole or not at all. None leaves the journal alone, and loads what was saved.

    Returns
    -------
    recommender : AutoSeqRecRecommender
        Fitted.

    Raises
    ------
    ModelFileError
        A ``ValueError``: a file is no saved model or no journal of it, is cut off, damaged or edited, or was written by
        a newer version. The message says what is wrong and where.
    BlockingIOError
        If another process or estimator has the journal open.
    OSError
        If there is no such file, or it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skautoseqrec import AutoSeqRecRecommender, load_model
    >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3)]
    >>> parameters = {"blend": {"direct": 1.0}, "early_stopping": False, "max_iter": 1}
    >>> recommender = AutoSeqRecRecommender(n_components=4, random_state=0, **parameters).fit(log)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "model.safetensors"
    ...     recommender.save_model(path)
    ...     load_model(path).predict_topk(["bob"], k=1)
    array([['milk']], dtype=object)
    """
    path = Path(path).resolve()
    if journal is None:
        return _read(path)[0]
    place = Path(journal).resolve()
    # Before the model is read: from here on, nobody replaces either.
    opened = Journal.open(place)
    try:
        recommender, manifest = _read(path)
        with naming(place):
            if opened.model_id is None:
                opened = _begin(opened, manifest)
            _replay(recommender, opened, _first_record(opened, manifest))
    except BaseException:
        opened.close()
        raise
    attach_journal(recommender, opened)
    return recommender


def _read(path: Path) -> tuple[AutoSeqRecRecommender, Mapping[str, Any]]:
    """Return the recommender in a file, and the file's manifest."""
    with naming(path):
        manifest, arrays = read_model_file(path)
        return _build(manifest, arrays), manifest


def _build(manifest: Mapping[str, Any], arrays: Arrays) -> AutoSeqRecRecommender:
    if take(manifest, "class", str) != AutoSeqRecRecommender.__name__:
        raise ModelFileError(f"the file holds a {manifest['class']}, not an {AutoSeqRecRecommender.__name__}.")
    _check_journal(manifest)
    parameters = _read_parameters(manifest.get("parameters"))
    fitted = read_fitted(manifest, arrays)
    recommender = AutoSeqRecRecommender(**parameters)
    try:
        valid_parameters(recommender)
    except ValueError as error:
        raise ModelFileError(f"the parameters in the file are not valid: {error}") from error
    for name, value in fitted.items():
        setattr(recommender, name, value)
    return recommender


def _read_parameters(described: Any) -> dict[str, Any]:
    known = AutoSeqRecRecommender().get_params(deep=False)
    if not isinstance(described, dict) or not set(described) <= set(known):
        raise ModelFileError("the manifest's 'parameters' are not those of an AutoSeqRecRecommender of this version.")
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
        raise ModelFileError(f"the manifest says that a journal is {journal['end']} bytes long.")


def _begin(empty: Journal, manifest: Mapping[str, Any]) -> Journal:
    """Return the journal whose start a crash cut short: nothing was recorded in it."""
    name = manifest["journal"]["name"]
    if name not in ("", empty.path.name):
        raise ModelFileError(
            f"the file is empty, and the model was saved with the journal {name!r}: load it with that."
        )
    started = Journal.start(empty.path, bytes.fromhex(manifest["model_id"]))
    empty.close()
    return started


def _first_record(journal: Journal, manifest: Mapping[str, Any]) -> int:
    """Return where the records begin that the model does not hold yet."""
    owner, contained = (journal.model_id or b"").hex(), manifest["journal"]
    if owner == manifest["model_id"]:
        return HEADER_SIZE
    if owner != contained["contains"]:
        raise ModelFileError("the journal belongs to another saved model than this one.")
    if journal.end < contained["end"]:
        raise ModelFileError(
            f"the journal is cut off: it has {journal.end} bytes, and had {contained['end']} when the model was saved."
        )
    return int(contained["end"])


def _replay(recommender: AutoSeqRecRecommender, journal: Journal, start: int) -> None:
    for record in journal.records(start):
        repeat = replay(recommender, record)
        try:
            repeat()
        except (TypeError, ValueError) as error:
            if record.end < journal.end:
                raise ModelFileError(f"the record at byte {record.start} cannot have happened: {error}") from error
            # It had failed when it was recorded, and a crash came before it was taken back.
            journal.cut(record.start)
