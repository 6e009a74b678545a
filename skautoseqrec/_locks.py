"""Files that only one process may write to."""

from __future__ import annotations

import os
from pathlib import Path

from ._model_file import sync_folder

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


def lock_file(path: Path, *, create: bool = False) -> int:
    """Return a file, open and locked against all others; an empty one is made where there is none, if wanted."""
    if fcntl is None:
        raise OSError("A journal needs locks of files (fcntl), which this platform has not: save without a journal.")
    is_new = create and not path.exists()
    descriptor = os.open(path, os.O_RDWR | (os.O_CREAT if create else 0), 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not stands_at(descriptor, path):
            raise BlockingIOError
        if is_new:
            sync_folder(path.parent)
    except BlockingIOError as error:
        os.close(descriptor)
        raise BlockingIOError(
            f"The journal {path} is open in another process or estimator: only one may write to it. End the other, or "
            "call its close_journal()."
        ) from error
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def stands_at(descriptor: int, path: Path) -> bool:
    """Tell whether an open file is the one that a path names."""
    return path.exists() and os.path.samestat(os.fstat(descriptor), path.stat())
