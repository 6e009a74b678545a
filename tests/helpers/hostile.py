"""Logs and ids as nobody should send them, of every family, each with what its values are."""

from collections import deque

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from hostile_frames import PANDAS_DTYPES, arrow_logs, pandas_column, pandas_logs, polars_logs
from hostile_values import (
    LAYOUTS,
    NAMES,
    NO_TIMES,
    TIME_PALETTES,
    Case,
    columns,
    id_columns,
    laid_out,
    object_array,
    plain,
    typed_arrays,
)
from hypothesis import strategies as st
from scipy import sparse

from skautoseqrec import Interactions


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


ODD = [
    ("None", lambda: None), ("text", lambda: "log.csv"), ("bytes", lambda: b"ab"), ("a number", lambda: 5),
    ("a generator", lambda: (row for row in [(1, 2)])), ("a set", lambda: {(1, 2)}),
    ("a dict", lambda: {"user_id": [1]}), ("rows of dicts that say too little", lambda: [{"user_id": 1}]),
    ("rows of sets", lambda: [{1, 2}]), ("rows of text", lambda: ["ab", "cd"]),
    ("rows of bytes", lambda: [b"ab", b"cd"]), ("a range", lambda: range(4)),
    ("ragged rows", lambda: [(1, 2), (1, 2, 3)]), ("nested rows", lambda: [[[1, 2], [3, 4]], [[1, 2], [3, 4]]]),
    ("rows of 0-d arrays", lambda: [np.array(1), np.array(2)]), ("rows of types", lambda: [int, str]),
    ("rows of frames", lambda: [pd.DataFrame({"a": [1, 2]})]), ("no rows", list), ("empty rows", lambda: [(), ()]),
    ("no rows of 3 columns", lambda: np.empty((0, 3))), ("3 rows of no columns", lambda: np.empty((3, 0))),
    ("a 0-d array", lambda: np.array(5)), ("a 0-d masked array", lambda: np.ma.masked), ("1-d", lambda: np.arange(4)),
    ("1-d masked", lambda: np.ma.MaskedArray([1, 2], [0, 1])), ("3-d", lambda: np.ones((2, 2, 2))),
    ("3-d objects", lambda: np.ones((2, 2, 2), dtype=object)),
    ("structured and masked", lambda: np.ma.MaskedArray(np.zeros((2, 2), "i4,i4"), [[(0, 1), (0, 0)]] * 2)),
    ("masked records", lambda: np.ma.MaskedArray(np.zeros(2, "i4,i4"), [(0, 1), (0, 0)])),
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
