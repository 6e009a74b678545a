"""Ids, times and arrays of them as nobody should send them."""

import datetime
import enum
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from hypothesis import strategies as st

NAMES = ("user_id", "item_id", "timestamp")


class Colour(str, enum.Enum):  # noqa: UP042 - its str() is not its value, which is the point
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Case(NamedTuple):
    """A hostile argument.

    Parameters
    ----------
    kind : str
        What it is, for counts.
    make : callable
        Returns the argument; it may be refused while it is made.
    columns : list of lists or None
        The plain values of its columns, None where it has none that would make sense.
    framed : bool
        Whether it is a frame, whose ids are no fractions.
    """

    kind: str
    make: Callable[[], Any]
    columns: list[list[Any]] | None
    framed: bool = False


TEXT = [
    "", " ", "\t", "\n", "\0", "a", "a\0", "a ", " a", "A", "\u0430", "\uff41", "a\u200b", "\u202ea", "é", "e\u0301",
    "ﬁ", "fi", "ß", "ss", "İ", "i\u0307", "1", "1.0", "\uff11", "01", "True", "nan", "NaN", "None", "NULL", "NaT",
    "inf", "\U0001f600", "\ud800", "\udfff\ud800", "x" * 10_000,
]  # fmt: skip
INTEGERS = [0, 1, -1, 2**31, 2**53 - 1, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63), np.int8(-3), Level.HIGH]
WHOLE = [0.0, -0.0, 1.0, 2.0**11 + 2, 2.0**24 + 2, 2.0**53 - 1, np.float32(3), np.float16(4)]
NO_IDS = [
    None, float("nan"), np.nan, pd.NA, pd.NaT, np.datetime64("NaT"), np.float32("nan"), float("inf"), -np.inf, True,
    np.bool_(False), b"a", np.bytes_(b"a"), bytearray(b"a"), 1j, np.complex64(1), Decimal(1), Decimal("sNaN"),
    Fraction(1), np.timedelta64(1, "s"), datetime.timedelta(1), datetime.date(2020, 1, 1), pd.Timestamp(0),
    pd.Period("2020"), pd.Interval(0, 1), [1, 2], (1,), {1: 2}, {1}, np.array([1, 2]), np.array(1), np.ma.masked,
    object, 2**63, 2**70, 10**400, -(2**63) - 1, np.uint64(2**63), pd.Series([1, 2]), Ellipsis,
]  # fmt: skip
FRACTIONS = [0.5, -1.5, 1e-300, np.longdouble(1) + np.finfo(np.longdouble).eps, 1e300, 2.0**53, 2.0**60]
ZONES = [
    datetime.UTC,
    datetime.timezone(datetime.timedelta(hours=-14)),
    datetime.timezone(datetime.timedelta(hours=5.5)),
]
NUMBERS_OF_TIME = [0, 1, 3, -1, 2**62, 0.5, -1e18, np.int32(7), 2**53, 2**53 + 1, 1e300]
MOMENTS = [
    datetime.datetime(1, 1, 1), datetime.datetime(1969, 12, 31, 23),
    datetime.datetime(9999, 12, 31, 23, 59, 59, 999999), datetime.date(1900, 1, 1), pd.Timestamp(1), pd.Timestamp(2),
    pd.Timestamp("2024-03-10 02:30"), np.datetime64(1, "ns"), np.datetime64("2024-03-01", "s"),
    np.datetime64("9999-01-01", "D"), np.datetime64(5, "ms"),
    pd.Timestamp("2024-11-03 05:30", tz="UTC").tz_convert("America/New_York"),
    datetime.datetime(9999, 12, 31, 23, tzinfo=ZONES[1]), datetime.datetime(1, 1, 1, tzinfo=ZONES[2]),
    datetime.datetime(2024, 3, 1, tzinfo=ZONES[2]),
]  # fmt: skip
NO_TIMES = [
    None, float("nan"), pd.NA, pd.NaT, np.datetime64("NaT"), float("inf"), -np.inf, True, "noon", "", b"1", 1j,
    Decimal(1), 2**63, 2**64, 10**400, -(2**63) - 1, [1], np.array([1, 2]), datetime.timedelta(1),
    np.timedelta64(1, "s"), {},
]  # fmt: skip
texts = st.one_of(st.sampled_from(TEXT), st.sampled_from(["ann", "bob"]), st.text(max_size=4))
integers = st.one_of(st.integers(0, 4), st.sampled_from(INTEGERS))
ID_PALETTES = [texts, integers, st.one_of(integers, st.sampled_from(WHOLE)), st.sampled_from(WHOLE + FRACTIONS)]
MORE_TEXT = st.one_of(texts, st.sampled_from([Colour.RED, np.str_("a"), np.str_("a\u200b")]))
TIME_PALETTES = [
    st.integers(0, 5),
    st.sampled_from(NUMBERS_OF_TIME),
    st.sampled_from(MOMENTS),
    st.datetimes(
        datetime.datetime(1960, 1, 1), datetime.datetime(2100, 1, 1), timezones=st.sampled_from([None, *ZONES])
    ),
]


@st.composite
def columns(draw, n_rows, palettes, bad):
    """Draw a column of one palette, now and then with values of another or with no ids at all."""
    cells = draw(st.lists(draw(st.sampled_from(palettes)), min_size=n_rows, max_size=n_rows))
    if draw(st.integers(0, 3)) == 0:
        spoilt = draw(st.sampled_from([st.sampled_from(bad), *palettes]))
        cells[draw(st.integers(0, n_rows - 1))] = draw(spoilt)
    return cells


def id_columns(n_rows):
    return columns(n_rows, [*ID_PALETTES, MORE_TEXT], NO_IDS)


def object_array(values):
    return np.fromiter(values, dtype=object, count=len(values))


def laid_out(array, layout):
    """Return the same array, laid out in memory in another way."""
    if layout == "fortran":
        return np.asfortranarray(array)
    if layout == "strided":
        return np.repeat(array, 2, axis=0)[::2]
    if layout == "reversed":
        return array[::-1].copy()[::-1]
    if layout == "matrix" and array.ndim == 2:
        return np.asmatrix(array)
    if layout == "masked":
        return np.ma.MaskedArray(array)
    array = array.copy()
    array.flags.writeable = layout != "read-only"
    return array


IS_NUMPY_2 = int(np.__version__.split(".")[0]) >= 2  # which brought strings of any length
LAYOUTS = ["plain", "fortran", "strided", "reversed", "matrix", "masked", "read-only"]
DTYPES = [
    "i1", "u1", "i4", ">i8", "<i8", "u8", ">u2", "f2", "f4", ">f8", "f8", "g", "c8", "?", "U6", ">U6", "S6", "M8[ns]",
    ">M8[s]", "m8[s]", "O", "V8",
]  # fmt: skip


@st.composite
def typed_arrays(draw, shape):
    """Draw an array of any dtype and layout."""
    dtype = draw(st.sampled_from([*DTYPES, "T"] if IS_NUMPY_2 else DTYPES))
    numbers = np.array(draw(st.lists(st.integers(0, 99), min_size=int(np.prod(shape)), max_size=int(np.prod(shape)))))
    numbers = numbers.reshape(shape)
    if dtype == "T":
        dtype = np.dtypes.StringDType(na_object=draw(st.sampled_from([None, np.nan])))
        array = numbers.astype("U6").astype(dtype)
        if draw(st.booleans()):
            array.flat[draw(st.integers(0, array.size - 1))] = dtype.na_object
    elif dtype == "V8":
        array = np.zeros(shape, dtype=[("user_id", "i4"), ("item_id", "i4")])
    else:
        array = numbers.astype("U6").astype(dtype) if dtype[-1] == "S" else numbers.astype(dtype)
    if array.dtype.kind == "f" and draw(st.integers(0, 3)) == 0:
        array.flat[draw(st.integers(0, array.size - 1))] = draw(st.sampled_from([np.nan, np.inf, 0.5, 3e3, 6e4]))
    if array.dtype.kind in "iu" and draw(st.integers(0, 3)) == 0:
        array.flat[0] = np.iinfo(array.dtype).max
    if array.dtype.kind in "Mm" and draw(st.integers(0, 3)) == 0:
        array.flat[0] = "NaT"
    array = laid_out(array, draw(st.sampled_from(LAYOUTS)))
    if isinstance(array, np.ma.MaskedArray) and array.dtype.names is None and draw(st.booleans()):
        array[np.unravel_index(draw(st.integers(0, array.size - 1)), array.shape)] = np.ma.masked
    return array


def plain(array):
    """Return the values of a flat array as its own plain values, None where one is masked."""
    return list(array) if array.dtype.kind in "Mm" else array.tolist()
