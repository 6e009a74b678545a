"""A publisher's file, downloaded once, checked against its checksum, and kept in scikit-learn's data folder."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from filelock import FileLock
from sklearn.datasets import get_data_home

from .._utils.arguments import check_count, check_flag, check_path

#: Seconds without a byte after which a download has failed.
TIMEOUT = 30


@dataclass(frozen=True)
class Source:
    """Where a file is published, and the checksum of its bytes.

    Parameters
    ----------
    url : str
        Its address.
    file_name : str
        Its name in the data folder.
    checksum : str or None
        Algorithm and digest, "md5:...". None for a file that its publisher changes: the checksum is then the one that
        stands beside it, at the same address with ``.md5``.
    """

    url: str
    file_name: str
    checksum: str | None


def fetch(
    source: Source, data_home: str | PathLike[str] | None, *, download_if_missing: bool = True, n_retries: int = 3
) -> Path:
    """Return the path of a published file, downloading it where it is missing or damaged.

    Several processes may ask at once: one downloads, the others wait for it.

    Raises
    ------
    OSError
        If the file is not there and may not or cannot be downloaded, or is not what its checksum says.
    ImportError
        If it is to be downloaded and pooch is not installed.
    """
    check_count(n_retries, "n_retries", 0)
    check_flag(download_if_missing, "download_if_missing", may_be_none=False)
    home = None if data_home is None else check_path(data_home, "data_home")
    folder = Path(get_data_home(home)) / "skautoseqrec"
    folder.mkdir(exist_ok=True)
    path = folder / source.file_name
    with FileLock(f"{path}.lock"):
        if _is_whole(path, _kept_checksum(source, path)):
            return path
        if not download_if_missing:
            state = "is damaged, or not the version that is known" if path.exists() else "is not there"
            raise OSError(f"{path} {state}, and download_if_missing=False. Set it to True to fetch {source.url}.")
        _download(source, path, n_retries)
    return path


def _kept_checksum(source: Source, path: Path) -> str | None:
    """Return the checksum of the file in the folder; None if none is known yet."""
    if source.checksum is not None:
        return source.checksum
    kept = _beside(path)
    return _md5_in(kept.read_text(encoding="utf-8")) if kept.exists() else None


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.md5")


def _md5_in(text: str) -> str | None:
    """Return the checksum in what md5sum or BSD's md5 has written; None if there is none."""
    found = re.search(r"(?<![0-9a-fA-F])[0-9a-fA-F]{32}(?![0-9a-fA-F])", text)
    return f"md5:{found[0].lower()}" if found else None


def _is_whole(path: Path, checksum: str | None) -> bool:
    if checksum is None or not path.exists():
        return False
    algorithm, _, digest = checksum.partition(":")
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest() == digest


def _download(source: Source, path: Path, n_retries: int) -> None:
    """Write a file whole or not at all."""
    try:
        import pooch
    except ImportError as error:
        raise ImportError(
            f"Downloading {source.file_name} needs pooch: pip install pooch, or put the file at {path} yourself."
        ) from error
    downloader = pooch.HTTPDownloader(timeout=TIMEOUT)
    checksum = source.checksum
    if checksum is None:
        checksum = _explained(source, path, lambda: _published_checksum(source.url, downloader))
    registry, urls = {source.file_name: checksum}, {source.file_name: source.url}
    store = pooch.create(path.parent, "", registry=registry, urls=urls, retry_if_failed=n_retries)
    _explained(source, path, lambda: store.fetch(source.file_name, downloader=downloader))
    if source.checksum is None:
        _beside(path).write_text(checksum, encoding="utf-8")


def _published_checksum(url: str, downloader: Callable[..., Any]) -> str:
    """Return the checksum that stands beside a file."""
    content = io.BytesIO()
    downloader(f"{url}.md5", content, None)
    text = content.getvalue().decode("utf-8", "replace")
    checksum = _md5_in(text)
    if checksum is None:
        raise ValueError(f"{url}.md5 holds no checksum, but {text[:60]!r}")
    return checksum


def _explained(source: Source, path: Path, call: Callable[[], Any]) -> Any:
    """Return what a call returns; where it fails, say what can be done."""
    try:
        return call()
    except (ValueError, OSError) as error:  # requests raises kinds of OSError
        raise OSError(
            f"{source.url} could not be fetched: {error}. Nothing of it was kept. Without a network, download it "
            f"elsewhere and put it at {path}{'' if source.checksum else ', the .md5 file that stands there beside it'}."
        ) from error
