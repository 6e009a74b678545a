"""Logs and ids as nobody should send them, and what each of their values is worth as an id or a time."""

import datetime
import enum
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from hypothesis import strategies as st
from scipy import sparse

from skautoseqrec import Interactions

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


LAYOUTS = ["plain", "fortran", "strided", "reversed", "matrix", "masked", "read-only"]
DTYPES = [
    "i1", "u1", "i4", ">i8", "<i8", "u8", ">u2", "f2", "f4", ">f8", "f8", "g", "c8", "?", "U6", ">U6", "S6", "M8[ns]",
    ">M8[s]", "m8[s]", "O", "V8",
]  # fmt: skip


@st.composite
def typed_arrays(draw, shape):
    """Draw an array of any dtype and layout."""
    dtype = draw(st.sampled_from([*DTYPES, "T"]))
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


@st.composite
def array_logs(draw, values):
    """Draw a log as an array: of objects, or of one dtype."""
    if draw(st.booleans()):
        array = np.empty((len(values[0]), len(values)), dtype=object)
        for place, column in enumerate(values):
            array[:, place] = object_array(column)
        array = laid_out(array, draw(st.sampled_from(LAYOUTS)))
        return Case("array of objects", lambda: array, values)
    array = draw(typed_arrays((len(values[0]), len(values))))
    flat = np.ma.asarray(array) if isinstance(array, np.ma.MaskedArray) else np.asarray(array)
    spelt = [plain(flat[:, place]) for place in range(flat.shape[1])]
    return Case("array of one dtype", lambda: array, spelt)


@st.composite
def row_logs(draw, values):
    """Draw a log as rows."""
    make = draw(st.sampled_from([list, tuple, object_array]))
    rows = [make(list(row)) for row in zip(*values, strict=True)]
    outer = draw(st.sampled_from([list, tuple, deque]))
    return Case("rows", lambda: outer(rows), values)


PANDAS_DTYPES = [
    None, "object", "string", "string[pyarrow]", "Int64", "UInt8", "Float32", "boolean", "category", "Sparse[int64]",
    "float16", "timedelta64[s]", "period[D]", "datetime64[ns]", "datetime64[s, Europe/Berlin]", "int64[pyarrow]",
    "timestamp[us][pyarrow]", "double[pyarrow]", "interval",
]  # fmt: skip


def pandas_column(values, dtype):
    """Return a pandas column, of objects where the dtype does not hold the values."""
    try:
        if dtype == "interval":
            return pd.Series(pd.arrays.IntervalArray.from_breaks(np.arange(len(values) + 1)))
        column = pd.Series(values, dtype=dtype)
        column.tolist()
        return column.cat.add_categories(["unused"]) if dtype == "category" else column
    except Exception:  # whatever pandas says of it is pandas' own
        return pd.Series(object_array(values), dtype=object)


@st.composite
def pandas_logs(draw, values):
    """Draw a log as a pandas frame, with columns and indices of any kind."""
    made = [pandas_column(column, draw(st.sampled_from(PANDAS_DTYPES) | st.just("object"))) for column in values]
    frame = pd.concat(made, axis=1)
    n_rows = len(frame)
    index = draw(st.sampled_from(["range", "doubled", "many", "text"]))
    if index == "doubled":
        frame.index = [0] * n_rows
    elif index == "many":
        frame.index = pd.MultiIndex.from_arrays([[0] * n_rows, [1] * n_rows])
    elif index == "text":
        frame.index = ["row"] * n_rows
    spelt = [made_column.tolist() for made_column in made]
    names = draw(st.sampled_from(["own", "own", "other", "numbers", "doubled", "many", "more", "mixed", "lacking"]))
    if names == "numbers":
        frame.columns = range(len(values))
    elif names == "doubled":
        frame.columns = ["user_id", "item_id", "item_id"][: len(values)]
    elif names == "many":
        frame.columns = pd.MultiIndex.from_tuples([("a", name) for name in NAMES[: len(values)]])
    elif names == "mixed":
        frame.columns = [0, "item_id", None][: len(values)]
    elif names == "lacking":
        frame.columns = ["user_id", "item", "time"][: len(values)]
    else:
        frame.columns = ["who", "what", "when"][: len(values)] if names == "other" else NAMES[: len(values)]
    if names == "more":
        frame[3] = "extra"
    good = names in ("own", "other", "more", "numbers", "many") or (names == "doubled" and len(values) == 2)
    return Case(f"pandas frame, {'usual' if good else names} columns", lambda: frame, spelt if good else None, True)


POLARS_DTYPES = [
    None, None, pl.String, pl.Categorical, pl.Enum(["ann", "bob", "0", "1"]), pl.Decimal(10, 2), pl.List(pl.Int64),
    getattr(pl, "Int128", None), pl.UInt64, pl.UInt8, pl.Float32, pl.Boolean, pl.Binary, pl.Object, pl.Date, pl.Time,
    pl.Duration("ms"), pl.Datetime("ns"), pl.Datetime("ms", "Asia/Tokyo"), pl.Null, pl.Struct({"a": pl.Int64}),
]  # fmt: skip


@st.composite
def polars_logs(draw, values):
    """Draw a log as a polars frame."""
    frame, spelt = {}, []
    for name, column in zip(NAMES, values, strict=False):
        dtype = draw(st.sampled_from(POLARS_DTYPES))
        try:
            series = pl.Series(name, column, dtype=dtype, strict=dtype is None)
            # As a list, polars cuts nanoseconds off.
            spelt.append(list(series.to_numpy()) if series.dtype == pl.Datetime("ns") else series.to_list())
        except KeyboardInterrupt:
            raise
        except BaseException:  # polars panics at some objects, and its panics are no Exceptions
            series = pl.Series(name, [str(place) for place in range(len(column))])
            spelt.append(series.to_list())
        frame[name] = series
    made = pl.DataFrame(frame)
    return Case("polars frame", lambda: made, spelt, True)


ARROW_TYPES = [
    None, None, pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string()), pa.uint64(),
    pa.int8(), pa.float16(), pa.decimal128(10, 2), pa.list_(pa.int64()), pa.binary(), pa.null(), pa.bool_(),
    pa.date32(), pa.timestamp("ns"), pa.timestamp("s", "Asia/Kolkata"), pa.duration("s"), pa.time64("us"),
]  # fmt: skip


@st.composite
def arrow_logs(draw, values):
    """Draw a log as a pyarrow table of chunks."""
    table = {}
    for name, column in zip(NAMES, values, strict=False):
        cells = [None if cell is None or cell is pd.NA else cell for cell in column]
        dtype = draw(st.sampled_from(ARROW_TYPES))
        try:
            whole = pa.array(cells, type=dtype)
            whole.to_pylist()
        except Exception:  # whatever pyarrow says of it is pyarrow's own
            whole = pa.array([str(place) for place in range(len(cells))]).dictionary_encode()
        cut = draw(st.integers(0, len(cells)))
        table[name] = pa.chunked_array([whole[:cut], whole[cut:]], type=whole.type)
    made = pa.table(table)
    return Case("pyarrow table", lambda: made, [column.to_pylist() for column in made.columns], True)


ODD = [
    ("None", lambda: None), ("text", lambda: "log.csv"), ("bytes", lambda: b"ab"), ("a number", lambda: 5),
    ("a generator", lambda: (row for row in [(1, 2)])), ("a set", lambda: {(1, 2)}),
    ("a dict", lambda: {"user_id": [1]}), ("rows of dicts", lambda: [{"user_id": 1, "item_id": 2}]),
    ("rows of sets", lambda: [{1, 2}]), ("rows of text", lambda: ["ab", "cd"]),
    ("rows of bytes", lambda: [b"ab", b"cd"]), ("a range", lambda: range(4)),
    ("ragged rows", lambda: [(1, 2), (1, 2, 3)]), ("nested rows", lambda: [[[1, 2], [3, 4]], [[1, 2], [3, 4]]]),
    ("rows of 0-d arrays", lambda: [np.array(1), np.array(2)]), ("rows of types", lambda: [int, str]),
    ("rows of frames", lambda: [pd.DataFrame({"a": [1, 2]})]), ("no rows", list), ("empty rows", lambda: [(), ()]),
    ("no rows of 3 columns", lambda: np.empty((0, 3))), ("3 rows of no columns", lambda: np.empty((3, 0))),
    ("a 0-d array", lambda: np.array(5)), ("a 0-d masked array", lambda: np.ma.masked), ("1-d", lambda: np.arange(4)),
    ("1-d masked", lambda: np.ma.MaskedArray([1, 2], [0, 1])), ("3-d", lambda: np.ones((2, 2, 2))),
    ("3-d objects", lambda: np.ones((2, 2, 2), dtype=object)), ("structured", lambda: np.zeros(3, "i4,i4")),
    ("structured and masked", lambda: np.ma.MaskedArray(np.zeros((2, 2), "i4,i4"), [[(0, 1), (0, 0)]] * 2)),
    ("records", lambda: np.rec.fromarrays([[1, 2], [3, 4]], names="user_id,item_id")),
    ("sparse", lambda: sparse.csr_array(np.eye(3))), ("a series", lambda: pd.Series([1, 2])),
    ("a polars series", lambda: pl.Series([1, 2])), ("a chunked array", lambda: pa.chunked_array([[1, 2]])),
    ("a lazy frame", lambda: pl.LazyFrame({"user_id": [1], "item_id": [1]})), ("an index", lambda: pd.Index([1, 2])),
    ("an empty frame", lambda: pd.DataFrame()), ("an empty polars frame", lambda: pl.DataFrame()),
    ("a frame of no rows", lambda: pd.DataFrame({"user_id": [], "item_id": []})), ("a type", lambda: pd.DataFrame),
    ("a memory view", lambda: memoryview(b"abcd")), ("an object", object), ("a Mapping of rows", lambda: {0: (1, 2)}),
]  # fmt: skip
odd_logs = st.sampled_from(ODD).map(lambda odd: Case(f"no log: {odd[0]}", odd[1], None))

CODES = [
    np.array([0, 1, 1]), np.array([0, 1, 2]), np.array([0, -1, 1]), np.array([0.0, 1.0, 1.0]),
    np.array([True, False, True]), np.array([0, 1, 1], dtype=object), [0, 1, 1], np.array([[0], [1], [1]]),
    np.array([0, 1, 1], dtype=">i4"), np.array([0, 1, 1], dtype=np.uint8), np.array(0), None,
    np.array(["a", "b", "b"]), np.array([0, 1]),
]  # fmt: skip
VOCABULARIES = [
    np.array([5, 6]), np.array(["a", "b"]), np.array(["a", "b"], dtype=object), np.array([5, 6], dtype=object),
    np.array([5, 5]), np.array(["a", "a"], dtype=object), np.array([5, "5"], dtype=object),
    np.array([5, 5.0], dtype=object), np.array([np.nan, 1.0]), np.array([None, "a"], dtype=object),
    np.array([1, True], dtype=object), np.array([b"a", b"b"]), [5, 6], None, np.array([[5, 6]]), np.array([0.5, 1.5]),
    np.array([2.0**53, 1]), np.array([5, 6], dtype=">i2"),
]  # fmt: skip
STAMPS = [None, np.array([1, 2, 3]), np.array([1.0, np.nan, 2]), np.array([1, 2]), [1, 2, 3], np.array(["a", "b", "c"])]


@st.composite
def containers(draw):
    """Draw Interactions of any codes and vocabularies."""
    users, items = draw(st.sampled_from(CODES)), draw(st.sampled_from(CODES))
    user_ids, item_ids = draw(st.sampled_from(VOCABULARIES)), draw(st.sampled_from(VOCABULARIES))
    times = draw(st.sampled_from(STAMPS))
    try:
        codes = [np.asarray(users).tolist(), np.asarray(items).tolist()]
        spelt = [[list(user_ids)[code] for code in codes[0]], [list(item_ids)[code] for code in codes[1]]]
        fit = all(np.asarray(each).dtype.kind in "iu" and min(each) >= 0 for each in codes)
        fit = fit and np.asarray(users).dtype.kind in "iu" and np.asarray(items).dtype.kind in "iu"
        fit = fit and all(len(set(ids)) == len(ids) and np.ndim(ids) == 1 for ids in (user_ids, item_ids))
        fit = fit and len(users) == len(items) and (times is None or len(times) == len(users))
    except (AttributeError, IndexError, TypeError):
        fit = False
    spelt = [*spelt, list(times)] if fit and times is not None else spelt if fit else None
    return Case("Interactions", lambda: Interactions(users, items, times, user_ids, item_ids), spelt)


@st.composite
def logs(draw):
    """Draw a hostile log."""
    family = draw(st.integers(0, 11))
    if family == 0:
        return draw(odd_logs)
    if family == 1:
        return draw(containers())
    n_rows = draw(st.integers(1, 5))
    values = [draw(id_columns(n_rows)), draw(id_columns(n_rows))]
    if draw(st.booleans()):
        values.append(draw(columns(n_rows, TIME_PALETTES, NO_TIMES)))
    families = [
        row_logs,
        row_logs,
        array_logs,
        array_logs,
        pandas_logs,
        pandas_logs,
        pandas_logs,
        polars_logs,
        arrow_logs,
    ]
    return draw(families[(family - 2) % len(families)](values))


ODD_IDS = [
    ("None", lambda: None), ("text", lambda: "ann"), ("bytes", lambda: b"ab"), ("a number", lambda: 5),
    ("a frame", lambda: pd.DataFrame({"user_id": [1]})), ("nested", lambda: [[1, 2], [3, 4]]), ("an object", object),
    ("nested and ragged", lambda: [[1], [3, 4]]), ("0-d", lambda: np.array(5)), ("2-d", lambda: np.ones((2, 2))),
    ("masked", lambda: np.ma.MaskedArray([1, 2], [0, 1])), ("a bytearray", lambda: bytearray(b"ab")),
    ("a type", lambda: int), ("arrays", lambda: [np.array([1, 2]), np.array([1, 2])]),
    ("sparse", lambda: sparse.csr_array(np.eye(2))), ("a memory view", lambda: memoryview(b"abcd")),
    ("a lazy frame", lambda: pl.LazyFrame({"user_id": [1]})),
]  # fmt: skip


@st.composite
def ids(draw):
    """Draw hostile ids."""
    family = draw(st.integers(0, 6))
    if family == 0:
        name, make = draw(st.sampled_from(ODD_IDS))
        return Case(f"no ids: {name}", make, None)
    values = draw(id_columns(draw(st.integers(1, 5))))
    if family == 1:
        array = draw(typed_arrays((len(values),)))
        return Case("array of ids of one dtype", lambda: array, [plain(array)])
    if family == 2:
        series = pandas_column(values, draw(st.sampled_from(PANDAS_DTYPES)))
        return Case("pandas series of ids", lambda: series, [series.tolist()])
    if family == 3:
        case = draw(draw(st.sampled_from([polars_logs, arrow_logs]))([values]))
        column = case.make()[NAMES[0]]
        return Case(f"column of a {case.kind}", lambda: column, case.columns)
    if family == 4:
        return Case("generator of ids", lambda: (value for value in values), [values])
    make = draw(st.sampled_from([list, tuple, deque, object_array]))
    return Case("list of ids", lambda: make(values), [values])
