"""Text files, plain or compressed: opened by their suffix, and what is wrong with their bytes told in words."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

#: The suffixes of compressed files.
GZIP, ZSTANDARD = ".gz", ".zst"


def plain_name(path: Path) -> Path:
    """Return a path without the suffix that says how its file is compressed."""
    return path.with_suffix("") if path.suffix in (GZIP, ZSTANDARD) else path


@contextmanager
def open_text(path: Path, encoding: str) -> Iterator[TextIO]:
    """Open a text file; line ends stay as they are.

    Raises
    ------
    ValueError
        If there is no such encoding, or while it is read, if the file is no text in it, is cut off or is not compressed
        as its suffix says; the message names the file.
    ImportError
        If what it is compressed with is not installed.
    """
    encoding = checked_encoding(encoding)
    with (
        text_errors(path, encoding),
        open_plain(path) as content,
        io.TextIOWrapper(content, encoding=encoding, newline="") as text,
    ):
        yield text


@contextmanager
def text_errors(path: Path, encoding: str | None) -> Iterator[None]:
    """Have what is no text in an encoding raise ValueError that names the file and the encoding; None is UTF-8."""
    try:
        yield
    except UnicodeError as error:
        name = (encoding or "utf-8").removesuffix("-sig").upper()
        raise ValueError(
            f"{path.name!r} is no text in {name}: {error}. Save it as UTF-8, or say what it is, encoding='latin-1' for "
            "instance."
        ) from error


def checked_encoding(name: Any) -> str:
    """Return an encoding as files are opened in it: UTF-8 may begin with a mark, which is no part of the text.

    Raises
    ------
    ValueError
        If there is none of this name.
    """
    try:
        "".encode(name)  # there are codecs that spell something else than text
        is_utf_8 = codecs.lookup(name).name == "utf-8"
    except (LookupError, TypeError, ValueError) as error:
        raise ValueError(f"There is no encoding {name!r:.80}: 'utf-8' and 'latin-1' are usual ones.") from error
    return "utf-8-sig" if is_utf_8 else str(name)


@contextmanager
def open_plain(path: Path) -> Iterator[BinaryIO]:
    """Open the plain bytes of a file, which may be compressed.

    Raises
    ------
    ValueError
        While it is read, if it is cut off or not compressed as its suffix says. The message names the file.
    ImportError
        If what it is compressed with is not installed.
    """
    try:
        if path.suffix == ZSTANDARD:
            with _open_zstandard(path) as content:
                yield content
        else:
            with cast(BinaryIO, gzip.open(path, "rb") if path.suffix == GZIP else path.open("rb")) as content:
                yield content
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path.name!r} is cut off, or not compressed as it says: {error}") from error


@contextmanager
def _open_zstandard(path: Path) -> Iterator[BinaryIO]:
    if find_spec("zstandard") is None:
        raise ImportError(f"Reading {path.name!r} needs zstandard: pip install zstandard.")
    import zstandard

    try:
        with path.open("rb") as file:
            yield io.BufferedReader(_Frames(file, lambda: zstandard.ZstdDecompressor().decompressobj()))
    except zstandard.ZstdError as error:
        raise ValueError(f"{path.name!r} is no zstandard file: {error}") from error


class _Frames(io.RawIOBase):
    """The plain bytes of compressed frames; unlike the library's own reader it tells where the last one is cut off."""

    def __init__(self, file: BinaryIO, begin: Callable[[], Any]) -> None:
        self._file, self._begin = file, begin
        self._frame, self._plain = begin(), b""
        self._is_begun = False

    def readable(self) -> bool:
        """Tell that it can be read from."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with the next bytes; returns how many, 0 at the end."""
        while not self._plain:
            content = self._frame.unused_data if self._frame.eof else b""
            content = content or self._file.read(io.DEFAULT_BUFFER_SIZE)
            if not content:
                if self._is_begun and not self._frame.eof:
                    raise EOFError("the last frame has no end")
                return 0
            if self._frame.eof:
                self._frame = self._begin()
            self._is_begun = True
            self._plain = self._frame.decompress(content)
        part, self._plain = self._plain[: len(buffer)], self._plain[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)
