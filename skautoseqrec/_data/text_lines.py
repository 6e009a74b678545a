"""Lines of separated fields: what logs and titles share, where fields may be quoted and quotes may be stray."""

from __future__ import annotations

import csv
from collections.abc import Sequence

from .._utils.warn import warn_caller


def split_lines(
    lines: Sequence[str], sep: str, places: Sequence[int], file_name: str, n_before: int
) -> list[tuple[int, list[str]]]:
    """Return the number and the fields of every line that is not blank.

    A quoted field may go over several lines where it is not read. If one that is read does, or a quote is never closed
    or stands inside of quotes, it is a character like others: the lines are rows by themselves then, and a warning says
    so.

    Parameters
    ----------
    lines : sequence of str
        The lines.
    sep : str
        What stands between fields; no quotes stand in files where it is longer than one character.
    places : sequence of int
        Which fields are read, and so stand on one line.
    file_name : str
        Name of the file, for messages.
    n_before : int
        How many lines of the file come before.

    Raises
    ------
    ValueError
        If a field is longer than any text is.
    """
    if len(sep) > 1:
        return [(line, fields_of(text, sep)) for line, text in enumerate(lines) if text.strip()]
    reader, rows = csv.reader(lines, delimiter=sep, strict=True), []
    try:
        for row in reader:
            if row:
                rows.append((reader.line_num - 1, row))
        if not any("\n" in row[place] or "\r" in row[place] for _, row in rows for place in places if place < len(row)):
            return rows
    except csv.Error as error:
        if "field larger" in str(error):
            raise ValueError(f"Line {reader.line_num + n_before} of {file_name!r}: {error}.") from error
    unclosed = next((line for line, text in enumerate(lines) if text.count('"') % 2), None)
    stray, does = (unclosed, "opens a quote that it does not close")
    if stray is None:
        stray, does = reader.line_num - 1, "has a quote inside of quotes"
    warn_caller(
        f"Line {stray + n_before + 1} of {file_name!r} {does}: it is taken as a character like others. A quote that "
        "belongs to a field is written twice, inside of quotes."
    )
    return [(line, fields_of(text, sep)) for line, text in enumerate(lines) if text.strip()]


def fields_of(line: str, sep: str) -> list[str]:
    """Return the fields of one line; a quote that is not closed is a character like others."""
    text = line.rstrip("\r\n")
    if len(sep) > 1:
        return text.split(sep)
    try:
        return next(csv.reader([text], delimiter=sep, strict=True), [])
    except csv.Error:
        return text.split(sep)
