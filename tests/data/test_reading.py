"""Whatever a log is spelt as, it is read as one log, or refused."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from scipy import sparse
from spellings import FRAMES, frame_of, rows_of
from strategies import logs

from skautoseqrec._data.reading import read_columns


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
@given(logs())
def test_frames_are_read_as_they_are(make, log):
    assert rows_of(read_columns(frame_of(log, make))) == log


@given(logs())
def test_rows_and_arrays_are_read_as_they_are(log):
    assert rows_of(read_columns(log)) == log
    assert rows_of(read_columns(np.array([*log, (None,) * len(log[0])], dtype=object)[:-1])) == log


@given(logs(kind="int"))
def test_arrays_of_numbers_are_read_as_they_are(log):
    assert rows_of(read_columns(np.array(log))) == log
    assert rows_of(read_columns(np.array(log, dtype=float))) == log
    assert rows_of(read_columns(np.asfortranarray(np.array(log)))) == log


@given(logs(kind="str"))
def test_an_array_of_strings_spells_its_times(log):
    assert rows_of(read_columns(np.array(log))) == log


def test_other_columns_are_ignored_and_other_names_read_by_position():
    named = pd.DataFrame({"rating": [5.0], "timestamp": [3], "item_id": [2], "user_id": [1]})
    assert rows_of(read_columns(named)) == [(1, 2, 3)]
    assert rows_of(read_columns(pd.DataFrame({"who": [1], "what": [2]}))) == [(1, 2)]


def test_a_wide_array_warns_of_what_is_read():
    with pytest.warns(UserWarning, match="4 columns; the first three are read"):
        columns = read_columns(np.array([[1, 2, 5, 881250949]]))
    assert rows_of(columns) == [(1, 2, 5)]


@pytest.mark.parametrize(
    ("log", "error", "message"),
    [
        (np.empty((0, 3)), ValueError, "The log is empty: it has 0 rows"),
        ([], ValueError, "The log is empty"),
        (pd.DataFrame({"user_id": [], "item_id": []}), ValueError, "The log is empty"),
        (np.ones((3, 1)), ValueError, r"needs at least 2 columns .* shape \(3, 1\)"),
        (pd.DataFrame({"user_id": [1]}), ValueError, r"columns \['user_id'\], and .* is not clear"),
        (pd.DataFrame({"a": [1], "b": [1], "c": [1], "d": [1]}), ValueError, "rename them to 'user_id', 'item_id'"),
        (
            pd.DataFrame([[1, 2, 3]], columns=["user_id", "item_id", "item_id"]),
            ValueError,
            "(?s)more than once.*'item_id'",
        ),
        ([(1, 2), (1, 2, 3)], ValueError, "all of one length"),
        (sparse.eye(3).tocsr(), TypeError, "sparse matrix is not supported"),
        (pl.LazyFrame({"user_id": [1], "item_id": [1]}), TypeError, "collected, if lazy"),
        (np.ma.MaskedArray([[1, 2], [3, 4]], mask=[[0, 0], [0, 1]]), ValueError, "missing value .* in row 1"),
        ([{"user_id": 1, "item_id": 2}, {"user_id": 1}], ValueError, r"row 1, .* has \['user_id'\]: all rows"),
        ([{"user_id": 1, "item_id": 2}, (1, 2)], ValueError, "row 1, .* has no names"),
        (("ann", "tea", 1), ValueError, "Wrap a single event in a list"),
        ("log.csv", TypeError, "Cannot read a log from str"),
        (None, TypeError, "Cannot read a log from NoneType"),
        ([("a", 1), 5], ValueError, "row 1 is 5"),
        ([b"ab"], ValueError, "row 0 is b'ab'"),
        (np.array([["a"], ["b"]], dtype=object), ValueError, "at least 2"),
        (np.zeros((2, 2), dtype="i4,i4"), ValueError, "of records"),
    ],
)
def test_what_is_no_log_is_refused(log, error, message):
    with pytest.raises(error, match=message):
        read_columns(log)
