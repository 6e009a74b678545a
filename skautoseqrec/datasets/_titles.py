"""Titles of items in files of one's own."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from .._data.checks import shown
from .._data.naming import COLUMN_NAMES, USUAL_NAMES, plain
from .._data.text_files import check_separator, parse_ids
from .._data.text_lines import split_lines
from .._data.text_opening import checked_encoding, open_plain, plain_name, text_errors
from .._utils.arguments import check_path

#: The usual names of a column of titles, in lower case and without separators. Those of an earlier group go first.
TITLE_NAMES = (
    frozenset(
        {"title", "itemtitle", "producttitle", "movietitle", "filmtitle", "tracktitle", "songtitle", "booktitle"}
    ),
    frozenset({"name", "itemname", "productname", "trackname", "headline"}),
    frozenset({"description", "label"}),
)
ITEM_NAMES = (frozenset({plain(COLUMN_NAMES["item"])}), *USUAL_NAMES["item"])


def load_titles(
    path: Any, *, item: str | None = None, title: str | None = None, sep: str | None = None, encoding: str | None = None
) -> dict[Any, str]:
    """Read the titles of items from a file of separated fields.

    It may be a table of items (``movies.csv``, ``u.item`` and ``movies.dat`` of MovieLens), or a log with a column of
    titles. Of several titles of one item the last that is not empty counts.

    Parameters
    ----------
    path : str or path-like
        The file, plain or compressed (``.gz``, ``.zst``).
    item, title : str or None, default=None
        Names of the two columns. None finds the usual ones (``title``, ``name``, ``description``, ...). Where the first
        line has none, the file has no header line, and its first two columns are read.
    sep : str or None, default=None
        What stands between fields. None takes a comma in a ``.csv`` file whose first line has one, otherwise the first
        of ``::``, a tab, ``|``, ``;`` and a comma that the first line has.
    encoding : str or None, default=None
        How the file spells characters. None is UTF-8, or Latin-1 where it is no UTF-8.

    Returns
    -------
    titles : dict
        The title of each item, by its id: integers if each is spelled as one, otherwise text.

    Raises
    ------
    ValueError
        If the file is empty, has no such columns, or only one.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skautoseqrec.datasets import load_titles
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "movies.csv"
    ...     _ = path.write_text("movieId,title,genres" + chr(10) + "242,Kolya (1996),Comedy" + chr(10))
    ...     load_titles(path)
    {242: 'Kolya (1996)'}
    """
    path = check_path(path, "path")
    if sep is not None:
        check_separator(sep)
    for given, argument in ((item, "item"), (title, "title")):
        if given is not None and not isinstance(given, str):
            raise TypeError(f"{argument} must be the name of a column, not {shown(given)}.")
    encoding = None if encoding is None else checked_encoding(encoding)
    with open_plain(path) as file, text_errors(path, encoding):
        text = _decoded(file.read(), encoding)
    first = text.split("\n", 1)[0]
    is_csv = plain_name(path).suffix == ".csv"
    is_comma = is_csv and "," in first
    sep = sep or ("," if is_comma else next((mark for mark in ("::", "\t", "|", ";") if mark in first), ","))
    rows = _split(text, sep, path.name)
    if not rows or len(rows[0]) < 2:
        raise ValueError(
            f"{path.name!r} has no two columns with {sep!r} between them: say what stands between fields, sep='|' say."
        )
    places = _title_places(rows[0], item, title, path.name)
    body = rows if places is None else rows[1:]
    titles: dict[str, str] = {}
    for row in body:
        if len(row) > max(places or (0, 1)):
            key, value = (row[place].strip() for place in places or (0, 1))
            titles[key] = value or titles.get(key, "")
    keys = parse_ids(np.array([*titles], dtype=object)).tolist()
    return dict(zip(keys, titles.values(), strict=True))


def _decoded(content: bytes, encoding: str | None) -> str:
    if encoding is not None:
        return content.decode(encoding)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _split(text: str, sep: str, file_name: str) -> list[list[str]]:
    """Return the fields of every line; those of a title may go over several."""
    lines = [*io.StringIO(text, newline="")]
    if sep == "|":  # MovieLens-100K has titles that begin with a quote
        return [line.rstrip("\r\n").split(sep) for line in lines if line.strip()]
    return [fields for _, fields in split_lines(lines, sep, (), file_name, 0)]


def _title_places(header: list[str], item: str | None, title: str | None, file_name: str) -> tuple[int, int] | None:
    """Return the places of the columns of items and titles; None if the first line is no header."""
    found = []
    for given, usual in ((item, ITEM_NAMES), (title, TITLE_NAMES)):
        if given is not None and given not in header:
            raise ValueError(f"{file_name!r} has no column {given!r}; it has {header}.")
        names = [name for group in usual for name in header if plain(name) in group] if given is None else [given]
        found.append([header.index(name) for name in names])
    if not found[0] and not found[1]:
        return None
    if not found[0] or not found[1]:
        raise ValueError(
            f"{file_name!r} has the columns {header}, and which hold the item and its title is not clear: name them, "
            "item=..., title=... ."
        )
    return found[0][0], found[1][0]
