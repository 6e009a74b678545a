"""Times as text files spell them: numbers, ISO dates, or dates of a form that is given."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .checks import shown
from .times import time_column

INTEGER = re.compile(r"[+-]?[0-9]+")
DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
OFFSET = r"( ?Z|[+-]([01][0-9]|2[0-3]):?[0-5][0-9])"
DATE = re.compile(
    rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}([T ][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}(\.[0-9]{{1,9}})?)?{OFFSET}?)?"
)
#: The zone behind a time of day, and a fraction of a second that microseconds do not hold.
ZONE, NANOSECONDS = re.compile(f"{OFFSET}$"), re.compile(r"\.[0-9]{7,9}")


def parse_times(texts: NDArray[Any], name: str, form: str | None = None) -> NDArray[Any]:
    """Return times that are spelled as whole numbers, as decimals or as ISO dates, all in one way, or in a form given.

    Raises
    ------
    ValueError
        If a text spells none of these, or two are spelled in different ways; the message names the row.
    """
    if form is not None:
        return _formatted_times(texts, name, form)
    kinds = [_kind_of(text.strip()) for text in texts.tolist()]
    for row, kind in enumerate(kinds):
        if kind is None or (kind == "date") != (kinds[0] == "date"):
            beside = "" if kind is None else f", beside {shown(texts[0])} in row 0"
            raise ValueError(
                f"Column {name!r} holds {shown(texts[row])} in row {row}{beside}: times are whole numbers, decimals "
                "or ISO dates, one kind in the whole column. time_format='%m/%d/%Y %H:%M' reads dates of another form."
            )
    if kinds[0] == "date":
        values = [text.strip() for text in texts.tolist()]
        unit = "ns" if any(map(NANOSECONDS.search, values)) else "us"
        return time_column(np.array([_moment(value, unit, name) for value in values]), name)
    return time_column(texts.astype(str), name, allow_text=True)


def _formatted_times(texts: NDArray[Any], name: str, form: str) -> NDArray[Any]:
    """Return dates in UTC that are spelled in a form, each spelling read once."""
    try:
        moments = {text: datetime.strptime(text.strip(), form) for text in dict.fromkeys(texts.tolist())}
    except ValueError as error:
        raise ValueError(f"Column {name!r} is not in the time_format {form!r}: {error}.") from error
    in_utc = {
        text: moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
        for text, moment in moments.items()
    }
    return time_column(np.array([in_utc[text] for text in texts.tolist()], dtype="datetime64[us]"), name)


def _kind_of(text: str) -> str | None:
    if INTEGER.fullmatch(text) or DECIMAL.fullmatch(text):
        return "number"
    return "date" if DATE.fullmatch(text) else None


def _moment(text: str, unit: str, name: str) -> Any:
    """Return an ISO date in UTC."""
    clock, zone = text, ""
    if found := ZONE.search(text):
        clock, zone = text[: found.start()], found[0].strip(" Z").replace(":", "")
    try:
        day = datetime.fromisoformat(clock[:19])
    except ValueError as error:
        raise ValueError(f"Column {name!r} holds {shown(text)}, which is no date: {error}") from error
    if unit == "ns" and not 1678 <= day.year <= 2261:
        raise ValueError(
            f"Column {name!r} holds {shown(text)}, which does not fit nanoseconds, in which others are: round those."
        )
    moment: Any = np.array(clock.replace(" ", "T"), dtype=f"datetime64[{unit}]")[()]
    minutes = 60 * int(zone[1:3]) + int(zone[3:]) if zone else 0
    return moment + np.timedelta64(minutes if zone[:1] == "-" else -minutes, "m")
