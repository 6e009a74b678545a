"""Times of any zone and kind order a log, or are refused by row."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from worlds import SMALL

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._data.reading import read_columns

DAY = datetime.datetime(2024, 3, 1, 12)


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


def test_moments_at_the_ends_of_the_calendar_and_a_nanosecond_apart():
    zone = datetime.timezone(datetime.timedelta(hours=-14))
    ends = [datetime.datetime(9999, 12, 31, 23, tzinfo=zone), datetime.datetime(1, 1, 1, tzinfo=zone)]
    assert read_columns([("a", 1, end) for end in ends]).time_order().tolist() == [1, 0]
    close = pd.Series([pd.Timestamp(2), pd.Timestamp(1)], dtype=object)
    frame = pd.DataFrame({"user_id": ["a", "b"], "item_id": [1, 2], "timestamp": close})
    assert read_columns(frame).time_order().tolist() == [1, 0]


def test_a_misspelt_timestamp_is_noticed():
    frame = pd.DataFrame({"user_id": [1], "item_id": [2], "tmestamp": [3]})
    with pytest.warns(UserWarning, match=r"row order is taken for time.*\['tmestamp'\].*columns=\{'time'"):
        assert read_columns(frame).times is None


@pytest.mark.parametrize(
    ("log", "error", "message"),
    [
        ([("a", "b", 1), ("a", "c", float("nan"))], ValueError, "'timestamp' has a missing value.* row 1"),
        ([("a", "b", DAY), ("a", "c", pd.NaT)], ValueError, "'timestamp' has a missing value.* row 1"),
        (
            pd.DataFrame({"user_id": [1, 2], "item_id": [1, 2], "timestamp": pd.to_datetime(["2024-01-01", None])}),
            ValueError,
            "'timestamp' has a missing value.* row 1",
        ),
        (np.array([[1.0, 2.0, 3.0], [1.0, 2.0, np.inf]]), ValueError, "'timestamp' holds inf in row 1"),
        ([("a", "b", "noon")], TypeError, "'timestamp' holds 'noon' .*in row 0: timestamps must be"),
        (np.array([["a", "b", "noon"]]), TypeError, "'timestamp' holds 'noon' in row 0"),
        ([("a", "b", DAY), ("a", "b", 3)], TypeError, "one kind in the whole column"),
        ([("a", "b", 2**63)], ValueError, r"'timestamp' holds 9223372036854775808 in row 0.*below 2\*\*63"),
        ([(1, 2, 10**400), (1, 2, 0.5)], ValueError, "'timestamp' holds an integer of 1329 bits in row 0"),
        (
            [("a", 1, np.datetime64(1, "ns")), ("a", 1, datetime.datetime(9999, 1, 1))],
            ValueError,
            "'timestamp' holds .* in row 1: others are in ns",
        ),
    ],
)
def test_bad_times_are_refused_by_row(log, error, message):
    with pytest.raises(error, match=message):
        read_columns(log)


def test_a_far_year_is_refused_beside_nanoseconds():
    log = [("a", "b", np.datetime64("2024-01-01", "ns")), ("a", "c", np.datetime64("2024-01-02", "ns"))]
    recommender = AutoSeqRecRecommender(**SMALL).fit(log)
    snapshot = recommender._serving.state.snapshot
    with pytest.raises(ValueError, match=r"'timestamp': 9999-01-01.* does not fit datetime64\[ns\]"):
        recommender.partial_update([("a", "b", datetime.datetime(9999, 1, 1))])
    assert recommender._serving.state.snapshot is snapshot
