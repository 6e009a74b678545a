"""What hostile ids and times mean, and whether what was read or refused of them is right."""

import datetime
import traceback
from decimal import InvalidOperation
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd

import skautoseqrec

PACKAGE = Path(skautoseqrec.__file__).parent
SKLEARNS_OWN = (
    "Complex data not supported",
    "Expected 2D array",
    "Found array with",
    "Expected a 2-dimensional container",
    "np.matrix is not supported",
)
UNITS = {
    "D": Fraction(86_400),
    "s": Fraction(1),
    "ms": Fraction(1, 1000),
    "us": Fraction(1, 10**6),
    "ns": Fraction(1, 10**9),
}


def meaning_of_id(value):
    """Return what an id stands for, so that two ids are one exactly if they mean the same; None if it is no id."""
    if isinstance(value, str):
        return "text", str.__str__(value)
    if isinstance(value, bool | np.timedelta64) or not isinstance(value, int | float | np.integer | np.floating):
        return None
    if isinstance(value, int | np.integer):
        return ("number", Fraction(int(value))) if -(2**63) <= int(value) < 2**63 else None
    return ("number", Fraction(*value.as_integer_ratio())) if np.isfinite(value) else None


def has_room_for(values):
    """Tell whether float64 and int64 hold these ids beyond doubt: then they have to be read."""
    if all(isinstance(value, str | int | np.integer) for value in values):
        return True
    exact = [meaning_of_id(value)[1] for value in values]
    return all(number.denominator == 1 and abs(number) < 2**11 for number in exact)


def moment(value):
    """Return a time as an exact number that orders like it; None if it is no time."""
    if value is pd.NaT:  # a datetime, though it is none
        return None
    if isinstance(value, pd.Timestamp):
        value = value if value.tzinfo is None else value.tz_convert("UTC").tz_localize(None)
        return moment(value.to_datetime64())
    if isinstance(value, np.datetime64):
        unit, step = np.datetime_data(value.dtype)
        return None if np.isnat(value) else Fraction(int(value.astype(np.int64)) * step) * UNITS[unit]
    if isinstance(value, datetime.datetime):
        naive = value.replace(tzinfo=None) - datetime.datetime(1970, 1, 1)
        offset = value.utcoffset() or datetime.timedelta(0)
        return Fraction((naive - offset) // datetime.timedelta(microseconds=1), 10**6)
    if isinstance(value, datetime.date):
        return Fraction((value - datetime.date(1970, 1, 1)).days * 86_400)
    meaning = meaning_of_id(value)
    return None if meaning is None or meaning[0] == "text" else meaning[1]


def is_moment(value):
    return isinstance(value, datetime.date | np.datetime64)


def check_read(case, read):
    """Raise AssertionError unless ids came back as they went in, none merged, none changed, and times in order."""
    assert case.columns is not None, "what is no log was read as one"
    for spelt, ids in zip(case.columns, read[:2], strict=False):
        check_ids(spelt, ids.tolist(), case.framed)
    if len(case.columns) > 2 and read.times is not None:
        if read.times.dtype.kind == "M":
            moments = [moment(value) for value in read.times]
            assert moments == [moment(value) for value in case.columns[2]], "a moment was changed"
        else:
            assert [float(time) for time in read.times] == [float(time) for time in case.columns[2]], (
                "a time was changed"
            )


def check_ids(spelt, ids, framed=False):
    meanings = [meaning_of_id(value) for value in spelt]
    assert None not in meanings, f"no id was taken for one: {spelt[meanings.index(None)]!r}"
    assert [meaning_of_id(value) for value in ids] == meanings, f"ids were changed: {spelt!r} came back as {ids!r}"
    assert {type(value) for value in ids} <= {str, int, float}, "ids are not plain"
    assert not framed or float not in map(type, ids), "fractions of a frame were taken for ids"


def must_be_read(case):
    """Tell whether a case is a log beyond doubt."""
    if case.columns is None or not case.columns[0]:
        return False
    for spelt in case.columns[:2]:
        meanings = [meaning_of_id(value) for value in spelt]
        if None in meanings or len({kind for kind, _ in meanings}) > 1 or not has_room_for(spelt):
            return False
    times = case.columns[2] if len(case.columns) > 2 else []
    if case.kind == "array of one dtype" and times and all(isinstance(value, str) for value in times):
        return True  # an array of strings spells its times
    if len({is_moment(value) for value in times}) > 1 or any(moment(value) is None for value in times):
        return False
    return all(-(2**63) <= moment(value) < 2**63 for value in times) and not any(map(is_moment, times))


def check_refusal(error):
    """Raise AssertionError unless an error is the package's own, or sklearn's about the shape of an array."""
    if isinstance(error, InvalidOperation):
        return  # pandas itself compares a signalling NaN
    assert isinstance(error, ValueError | TypeError), f"not ValueError or TypeError: {error!r}"
    frames = traceback.extract_tb(error.__traceback__)
    last = Path(frames[-1].filename)
    if last.parts[-3:] == ("sklearn", "utils", "validation.py"):
        assert any(frame.name == "_validated" for frame in frames), f"foreign error: {error!r}"
        assert str(error).startswith(SKLEARNS_OWN) or "features, but" in str(error), f"foreign error: {error!r}"
        return
    assert PACKAGE in last.parents, f"raised from {last}: {error!r}"
    line = frames[-1].line or ""
    assert "raise" in line or "Error(" in line or "_refuse" in line or _is_raising(last, frames[-1].lineno), (
        f"not raised but met at {last.name}:{frames[-1].lineno}: {error!r}"
    )


def _is_raising(path, number):
    """Tell whether a line of the package belongs to a raise statement of several lines."""
    lines = path.read_text(encoding="utf-8").splitlines()
    start = number - 1
    while start > 0 and lines[start - 1].rstrip().endswith(("(", ",", '"')):
        start -= 1
    return "raise" in lines[start]
