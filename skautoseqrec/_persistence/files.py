"""The file of a saved model: safetensors, with a sealed manifest and a checksum for each array. Nothing is unpickled.

A file is written beside the old one under a name of its own, forced to disk and renamed, so that a crash leaves the old
file or the new one. What is read back has been checked against the length of the file before anything is allocated.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from .._data.packing import DTYPES, Arrays
from ..exceptions import ModelFileError
from .manifest import FORMAT_VERSION, check_version

#: The entries of the metadata.
MANIFEST, SEAL = "skautoseqrec", "sha256"


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the name of the file before the message of what is wrong in it."""
    try:
        yield
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}") from error
    except RecursionError as error:
        raise ModelFileError(f"{path}: the manifest is nested too deep.") from error


def write_model_file(path: Path, arrays: Arrays, manifest: Mapping[str, Any]) -> None:
    """Write arrays and a manifest, all or nothing.

    Parameters
    ----------
    path : Path
        Where; a file of that name is replaced.
    arrays : mapping of str to ndarray
        int64, float64, float32 or uint8.
    manifest : mapping
        What JSON can hold.
    """
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    listed = {name: _describe(array) for name, array in arrays.items()}
    text = json.dumps({"version": FORMAT_VERSION, **manifest, "arrays": listed})
    metadata = {MANIFEST: text, SEAL: _digest(text.encode())}
    try:
        write_atomically(path, lambda temporary: save_file(dict(arrays), temporary, metadata=metadata))
    except (SafetensorError, OSError) as error:
        raise OSError(f"{path} cannot be written: {error}") from error


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Have a file written under a temporary name, force it to disk and rename it: no half of it is ever seen.

    It has the mode of the file that it replaces, or the one that a new file has.
    """
    temporary = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    try:
        temporary.touch(exist_ok=False)
        mode = stat.S_IMODE((path if path.exists() else temporary).stat().st_mode)
        write(temporary)  # which may replace it by a file of a mode of its own
        temporary.chmod(mode)
        sync_file(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Force what a file holds to disk."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Force the names in a folder to disk; on Windows the file system does it by itself."""
    if os.name != "nt":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def identify(path: Path) -> tuple[int, int] | None:
    """Return which file a path names, None if there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def read_model_file(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return the manifest and the arrays of a file, every byte of them checked.

    Raises
    ------
    ModelFileError
        If anything in the file is not as it was written.
    OSError
        If there is no such file, or it cannot be read.
    """
    if not path.is_file():
        if path.exists():
            raise ModelFileError("this is not a file.")
        raise FileNotFoundError(f"There is no file {path}.")
    try:
        with safe_open(path, "numpy") as file:
            manifest = _read_manifest(file.metadata())
            listed = manifest.pop("arrays", None)
            _check_listed(file, listed)
            return manifest, {name: _read_array(file, name, listed[name]) for name in listed}
    except SafetensorError as error:
        raise ModelFileError(f"this is no saved model, or it is cut off or damaged ({error}).") from error


def _read_manifest(metadata: Mapping[str, str] | None) -> dict[str, Any]:
    if metadata is None or MANIFEST not in metadata:
        raise ModelFileError("this safetensors file was not written by save_model: it has no manifest.")
    if set(metadata) != {MANIFEST, SEAL}:
        raise ModelFileError(f"the metadata should hold {MANIFEST!r} and {SEAL!r}, not {sorted(metadata)}.")
    text = metadata[MANIFEST]
    if _digest(text.encode()) != metadata[SEAL]:
        raise ModelFileError("the manifest is not as it was written: its checksum is another.")
    try:
        manifest = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"the manifest is not JSON ({error}).") from error
    if not isinstance(manifest, dict):
        raise ModelFileError(f"the manifest is a {type(manifest).__name__}, not a dict.")
    check_version(manifest)
    return manifest


def _check_listed(file: Any, listed: Any) -> None:
    """Raise ModelFileError unless exactly the arrays that the manifest lists are there, each in its shape."""
    if not isinstance(listed, dict) or set(listed) != set(file.keys()):
        raise ModelFileError("the manifest lists other arrays than the file holds.")
    for name, description in listed.items():
        entry = file.get_slice(name)
        found = {"dtype": entry.get_dtype(), "shape": entry.get_shape()}
        if not isinstance(description, dict) or found != {key: description.get(key) for key in found}:
            raise ModelFileError(f"array {name!r} is {found}, and the manifest says {description}.")
        if found["dtype"] not in DTYPES:
            raise ModelFileError(f"array {name!r} has dtype {found['dtype']}; known are {sorted(DTYPES)}.")


def _read_array(file: Any, name: str, description: Mapping[str, Any]) -> NDArray[Any]:
    array: NDArray[Any] = file.get_tensor(name)
    if _digest(array) != description.get("sha256"):
        raise ModelFileError(f"array {name!r} is damaged: its checksum is another.")
    return array


def _describe(array: NDArray[Any]) -> dict[str, Any]:
    dtype = next(name for name, dtype in DTYPES.items() if dtype == array.dtype)
    return {"dtype": dtype, "shape": list(array.shape), "sha256": _digest(array)}


def _digest(content: bytes | NDArray[Any]) -> str:
    # A hash takes one dimension only.
    flat = content if isinstance(content, bytes) else content.reshape(-1).view(np.uint8).data
    return hashlib.sha256(flat).hexdigest()
