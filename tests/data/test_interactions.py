import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from scipy import sparse
from strategies import logs

from skautoseqrec import Interactions
from skautoseqrec._data.reading import read_columns
from skautoseqrec.preprocessing import InteractionEncoder

FRAMES = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}
DAY = datetime.datetime(2024, 3, 1, 12)


def frame_of(log, make=pd.DataFrame):
    names = ["user_id", "item_id", "timestamp"][: len(log[0])]
    return make({name: list(column) for name, column in zip(names, zip(*log, strict=True), strict=True)})


def rows_of(columns):
    present = [column.tolist() for column in columns if column is not None]
    return list(zip(*present, strict=True))


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


@given(logs())
def test_containers_decode_to_what_was_encoded(log):
    assert rows_of(read_columns(InteractionEncoder().fit_transform(log))) == log


def test_other_columns_are_ignored_and_other_names_read_by_position():
    named = pd.DataFrame({"rating": [5.0], "timestamp": [3], "item_id": [2], "user_id": [1]})
    assert rows_of(read_columns(named)) == [(1, 2, 3)]
    assert rows_of(read_columns(pd.DataFrame({"who": [1], "what": [2]}))) == [(1, 2)]


@pytest.mark.parametrize(
    "times",
    [
        pd.Series(pd.to_datetime(["2024-03-01 12:00", "2024-03-01 13:00"])),
        pd.Series(pd.to_datetime(["2024-03-01 07:00", "2024-03-01 08:00"])).dt.tz_localize("America/New_York"),
        pl.Series([DAY, DAY + datetime.timedelta(hours=1)]),
        pl.Series([DAY, DAY + datetime.timedelta(hours=1)]).dt.replace_time_zone("UTC"),
        pd.Series([DAY, DAY + datetime.timedelta(hours=1)], dtype=object),
    ],
    ids=["naive", "zoned", "polars", "polars zoned", "objects"],
)
def test_datetimes_and_their_zones(times):
    frame = (pd.DataFrame if isinstance(times, pd.Series) else pl.DataFrame)(
        {"user_id": ["a", "b"], "item_id": [1, 2], "timestamp": times}
    )
    read = read_columns(frame).times
    assert read.dtype.kind == "M"
    assert read.astype("datetime64[us]").tolist() == [DAY, DAY + datetime.timedelta(hours=1)]


def test_datetimes_of_rows_of_any_zone():
    zone = datetime.timezone(datetime.timedelta(hours=2))
    rows = [("a", 1, DAY), ("a", 2, datetime.datetime(2024, 3, 1, 13, tzinfo=zone))]
    assert read_columns(rows).time_order().tolist() == [1, 0]


@pytest.mark.parametrize(
    ("log", "error", "message"),
    [
        (np.empty((0, 3)), ValueError, "The log is empty: it has 0 rows"),
        ([], ValueError, "The log is empty"),
        (pd.DataFrame({"user_id": [], "item_id": []}), ValueError, "The log is empty"),
        (np.ones((3, 1)), ValueError, r"needs at least 2 columns .* shape \(3, 1\)"),
        (pd.DataFrame({"user_id": [1]}), ValueError, r"columns \['user_id'\]; wanted 'user_id', 'item_id'"),
        (pd.DataFrame({"a": [1], "b": [1], "c": [1], "d": [1]}), ValueError, "wanted 'user_id', 'item_id'"),
        (
            pd.DataFrame([[1, 2, 3]], columns=["user_id", "item_id", "item_id"]),
            ValueError,
            "(?s)more than once.*'item_id'",
        ),
        ([(1, 2), (1, 2, 3)], ValueError, "all of one length"),
        (
            pd.DataFrame({"user_id": [1.0, np.nan], "item_id": [1, 2]}),
            ValueError,
            "'user_id' has a missing value.* row 1",
        ),
        (
            pl.DataFrame({"user_id": [1, 2], "item_id": [None, "a"]}),
            ValueError,
            "'item_id' has a missing value.* row 0",
        ),
        (
            pd.DataFrame({"user_id": [1, 2], "item_id": pd.array([1, pd.NA], dtype="Int64")}),
            ValueError,
            "'item_id' has a missing value.* row 1",
        ),
        ([("a", "b", 1), ("a", None, 2)], ValueError, "'item_id' has a missing.* row 1"),
        ([("a", "b", 1), ("a", pd.NA, 2)], ValueError, "'item_id' has a missing.* row 1"),
        ([("a", "b", 1), ("a", "c", float("nan"))], ValueError, "'timestamp' has a missing value.* row 1"),
        ([("a", "b", DAY), ("a", "c", pd.NaT)], ValueError, "'timestamp' has a missing value.* row 1"),
        (
            pd.DataFrame({"user_id": [1, 2], "item_id": [1, 2], "timestamp": pd.to_datetime(["2024-01-01", None])}),
            ValueError,
            "'timestamp' has a missing value.* row 1",
        ),
        (np.array([[1.0, 2.0, 3.0], [1.0, 2.0, np.inf]]), ValueError, "'timestamp' holds inf in row 1"),
        (np.array([[1.0, 2.0], [np.inf, 2.0]]), ValueError, "'user_id' holds inf in row 1"),
        ([("a", 1), (2, 1)], TypeError, "'user_id' mixes types: row 0 holds 'a' .* row 1 holds 2"),
        ([(1, "a"), (2, 1.5)], TypeError, "'item_id' mixes types"),
        ([("a", "b", "noon")], TypeError, "'timestamp' holds 'noon' .*in row 0: timestamps must be"),
        (np.array([["a", "b", "noon"]]), TypeError, "'timestamp' holds 'noon' in row 0"),
        ([("a", "b", DAY), ("a", "b", 3)], TypeError, "one kind in the whole column"),
        (np.array([[True, False]]), TypeError, "'user_id' has dtype bool"),
        ([(True, 1)], TypeError, "'user_id' holds True"),
        ([(b"a", 1)], TypeError, "'user_id' holds b'a'"),
        ([(2**64, 1)], ValueError, "'user_id' holds 18446744073709551616 in row 0"),
        (np.array([[1, 2**63]], dtype=np.uint64), ValueError, "'item_id' holds 9223372036854775808 in row 0"),
        (np.array([[1e17, 2.0]]), ValueError, r"'user_id' holds 1e\+17 in row 0: float64 is too coarse"),
        (pd.DataFrame({"user_id": [0.5], "item_id": [1]}), ValueError, "'user_id' holds 0.5 in row 0"),
        (sparse.eye(3).tocsr(), TypeError, "sparse matrix is not supported"),
        (pl.LazyFrame({"user_id": [1], "item_id": [1]}), TypeError, "collected, if lazy"),
        (np.ma.MaskedArray([[1, 2], [3, 4]], mask=[[0, 0], [0, 1]]), ValueError, "missing value .* in row 1"),
        ([("a", "b", 2**63)], ValueError, r"'timestamp' holds 9223372036854775808 in row 0.*below 2\*\*63"),
        ([{"user_id": 1, "item_id": 2}], TypeError, "list of dicts is not read as a log: make it a dataframe"),
        (("ann", "tea", 1), ValueError, "Wrap a single event in a list"),
        ("log.csv", TypeError, "Cannot read a log from str"),
        (None, TypeError, "Cannot read a log from NoneType"),
    ],
)
def test_bad_logs_are_refused_by_column_and_row(log, error, message):
    with pytest.raises(error, match=message):
        read_columns(log)


def test_a_misspelt_timestamp_is_noticed():
    frame = pd.DataFrame({"user_id": [1], "item_id": [2], "time": [3]})
    with pytest.warns(UserWarning, match=r"no column 'timestamp', so row order is taken for time.*\['time'\]"):
        assert read_columns(frame).times is None


def test_a_wide_array_warns_of_what_is_read():
    with pytest.warns(UserWarning, match="4 columns; the first three are read"):
        columns = read_columns(np.array([[1, 2, 5, 881250949]]))
    assert rows_of(columns) == [(1, 2, 5)]


class TestInteractions:
    log = [("ann", "tea", 3), ("bob", "milk", 1), ("ann", "milk", 2)]

    @pytest.fixture
    def interactions(self):
        return InteractionEncoder().fit_transform(self.log)

    def test_looks_like_an_array(self, interactions):
        assert len(interactions) == 3
        assert interactions.shape == (3, 3)
        assert np.asarray(interactions).tolist() == [list(row) for row in self.log]

    def test_untimed_numbers_stay_numbers(self):
        array = np.asarray(InteractionEncoder().fit_transform([(1, 2), (3, 4)]))
        assert array.dtype == np.int64
        assert array.tolist() == [[1, 2], [3, 4]]

    @pytest.mark.parametrize("key", [slice(1, 3), [1, 2], np.array([False, True, True]), (np.array([1, 2]), ...)])
    def test_slices_keep_the_vocabulary(self, interactions, key):
        part = interactions[key]
        assert rows_of(part.to_columns()) == self.log[1:]
        assert part.user_ids is interactions.user_ids

    def test_is_frozen(self, interactions):
        with pytest.raises(AttributeError):
            interactions.users = None

    def test_refuses_codes_outside_the_vocabulary(self):
        ids, codes = np.array([5]), np.array([1])
        with pytest.raises(ValueError, match="users holds codes outside its vocabulary of 1 ids"):
            Interactions(codes, np.array([0]), None, ids, ids)
        with pytest.raises(ValueError, match="one entry per row"):
            Interactions(np.array([0, 0]), np.array([0]), None, ids, ids)
