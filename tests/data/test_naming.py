"""Which columns of a log hold what: given names, usual names, positions, and what is refused."""

import sqlite3
from collections import namedtuple

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone

from skautoseqrec import AutoSeqRecRecommender, load_model
from skautoseqrec._data.naming import USUAL_NAMES, Chosen, choose_columns, plain
from skautoseqrec._data.reading import read_columns
from skautoseqrec.model_selection import TemporalSplit, temporal_train_test_split
from skautoseqrec.preprocessing import (
    InteractionEncoder,
    ItemTransitionTransformer,
    SequenceMatrixTransformer,
    UserItemTransformer,
)

RIGHT = [(1, 7, 3), (1, 8, 2), (2, 7, 1)]
ODD = {"user": "who", "item": "what", "time": "when"}


def rows_of(columns):
    return list(zip(*(column.tolist() for column in columns if column is not None), strict=True))


def odd_frame():
    return pd.DataFrame(RIGHT, columns=["who", "what", "when"])[["when", "what", "who"]]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["user_id", "item_id", "timestamp"], ("user_id", "item_id", "timestamp")),
        (["timestamp", "item_id", "user_id"], ("user_id", "item_id", "timestamp")),
        (["userId", "movieId", "rating", "timestamp"], ("userId", "movieId", "timestamp")),
        (["ITEM_ID", "USER_ID", "TIMESTAMP"], ("USER_ID", "ITEM_ID", "TIMESTAMP")),
        (["timestamp", "visitorid", "event", "itemid", "transactionid"], ("visitorid", "itemid", "timestamp")),
        (
            ["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"],
            ("CustomerID", "StockCode", "InvoiceDate"),
        ),
        (["user_id:token", "item_id:token", "timestamp:float"], ("user_id:token", "item_id:token", "timestamp:float")),
        (["session_id", "user_id", "item_id", "ts"], ("user_id", "item_id", "ts")),
        (["session_id", "product_id", "Date"], ("session_id", "product_id", "Date")),
        (["reviewerID", "asin", "overall", "unixReviewTime", "reviewTime"], None),  # two times
        (["a", "b", "c"], ("a", "b", "c")),
        (["a", "b"], ("a", "b", None)),
        (["user", "thing"], ("user", "thing", None)),
        # Names that say something else than their places, and names that say too little.
        (["thing", "user"], None),
        (["ts", "a", "b"], None),
        (["a", "b", "rating"], None),
        (["item", "feedback", "x"], None),
        (["a", "b", "c", "d"], None),
        (["movieId", "productId", "userId"], None),
    ],
)
def test_usual_names_are_known_and_others_refused_with_a_spelling_that_works(names, expected):
    if expected is None:
        with pytest.raises(ValueError, match=r"columns=\{'"):
            choose_columns(names)
    else:
        assert choose_columns(names) == Chosen(*expected)


def test_no_usual_name_stands_twice():
    names = [name for groups in USUAL_NAMES.values() for group in groups for name in group]
    assert len(names) == len(set(names))
    assert all(plain(name) == name for name in names)


def test_a_rating_is_never_a_time():
    frame = pd.DataFrame({"userId": [1, 1, 1], "movieId": [7, 8, 9], "rating": [5.0, 3.0, 4.0]})
    with pytest.warns(UserWarning, match=r"row order is taken for time; ignored columns: \['rating'\]"):
        assert rows_of(read_columns(frame)) == [(1, 7), (1, 8), (1, 9)]


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table], ids=["pandas", "polars", "pyarrow"])
def test_given_names_are_taken_in_every_kind_of_frame(make):
    log = make({"when": [3, 2, 1], "what": [7, 8, 7], "who": [1, 1, 2], "user_id": [9, 9, 9]})
    assert rows_of(read_columns(log, ODD)) == RIGHT
    assert (
        rows_of(read_columns(log.rename_columns(["t", "item", "x", "y"]), {"user": "x"}))[0] == (1, 7, 3)
        if (make is pa.table)
        else True
    )


def test_rows_that_carry_names_are_read_by_them():
    frame = pd.DataFrame(RIGHT, columns=["user_id", "item_id", "timestamp"])[["timestamp", "item_id", "user_id"]]
    Event = namedtuple("Event", "timestamp item_id user_id")
    database = sqlite3.connect(":memory:")
    database.row_factory = sqlite3.Row
    database.execute("create table log(timestamp int, item_id int, user_id int)")
    database.executemany("insert into log values(?, ?, ?)", [(time, item, user) for user, item, time in RIGHT])
    named = {
        "itertuples": list(frame.itertuples()),
        "named tuples": [Event(time, item, user) for user, item, time in RIGHT],
        "database": database.execute("select * from log").fetchall(),
        "dicts": frame.to_dict("records"),
        "records": frame.to_records(index=False),
    }
    for kind, rows in named.items():
        assert rows_of(read_columns(rows)) == RIGHT, kind
    assert rows_of(InteractionEncoder().fit_transform(named["records"]).to_columns()) == RIGHT


def test_an_index_that_holds_an_id_or_a_time_is_read():
    frame = pd.DataFrame(RIGHT, columns=["user_id", "item_id", "timestamp"])
    assert rows_of(read_columns(frame.set_index("timestamp"))) == RIGHT
    assert rows_of(read_columns(frame.set_index(["user_id", "timestamp"]))) == RIGHT
    assert rows_of(read_columns(odd_frame().set_index("when"), ODD)) == RIGHT
    moments = pd.to_datetime(["2024-03-01", "2024-01-01", "2024-02-01"])
    assert read_columns(frame[["user_id", "item_id"]].set_index(moments)).time_order().tolist() == [1, 2, 0]
    numbered = frame.set_index(pd.Index([5, 6, 7], name="row"))
    assert rows_of(read_columns(numbered)) == RIGHT


def test_what_carries_names_and_is_no_frame_is_refused():
    class Lazy:
        columns = ("timestamp", "item_id", "user_id")

        def __array__(self, dtype=None, copy=None):
            raise AssertionError("the names would be lost")

        def compute(self):
            """Return a frame."""

    with pytest.raises(TypeError, match=r"carries column names that would be lost.*made by X.compute\(\)"):
        read_columns(Lazy())
    batch = pa.RecordBatch.from_pydict({"timestamp": [1], "item_id": [2], "user_id": [3]})
    with pytest.raises(TypeError, match=r"RecordBatch"):
        read_columns(batch)


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        ({"users": "who"}, ValueError, r"unknown keys \['users'\]; a column is a 'user' or 'item' or 'time'"),
        ({"user": "who", "item": "who"}, ValueError, "gives the column 'who' to 'user' and 'item'"),
        ({"user": "nobody"}, ValueError, r"columns names \['nobody'\], which the log has not"),
        ({"user": "who"}, ValueError, "is not clear"),
    ],
)
@pytest.mark.parametrize("reader", [AutoSeqRecRecommender, InteractionEncoder, UserItemTransformer])
def test_columns_that_cannot_be_are_refused(reader, columns, error, message):
    with pytest.raises(error, match=message):
        reader(columns=columns).fit(odd_frame())
    with pytest.raises(error, match=message):
        list(TemporalSplit(2, columns=columns).split(odd_frame()))


PLAIN = {"n_components": 4, "blend": {"direct": 1.0}, "early_stopping": False, "max_iter": 1, "random_state": 0}


def test_everything_that_takes_a_log_takes_columns(tmp_path):
    recommender = clone(AutoSeqRecRecommender(**PLAIN, columns=ODD)).fit(odd_frame())
    assert recommender.user_ids_.tolist() == [2, 1]
    recommender.save_model(tmp_path / "model")
    for kept in (recommender, load_model(tmp_path / "model"), clone(recommender).fit(odd_frame())):
        assert kept.columns == ODD
        kept.partial_update(odd_frame().assign(who=3, when=[4, 5, 6])).partial_update([(4, 7, 8)])
        assert kept.user_ids_.tolist() == [2, 1, 3, 4]
        assert kept.forget(interactions=odd_frame().assign(who=3, when=[4, 5, 6])).user_ids_.tolist() == [2, 1, 4]
        with pytest.warns(UserWarning, match="had been seen by their user"):
            assert kept.score_samples(odd_frame()).shape == (3,)
        assert len(kept.predict(odd_frame())) == 3
    for transformer in (
        InteractionEncoder(ODD),
        UserItemTransformer(columns=ODD),
        SequenceMatrixTransformer(columns=ODD),
        ItemTransitionTransformer(columns=ODD),
    ):
        assert clone(transformer).fit(odd_frame()).user_ids_.tolist() == [2, 1]
    (split,) = TemporalSplit(1, test_size=1, columns=ODD).split(odd_frame())
    assert split[1].tolist() == [0]
    assert temporal_train_test_split(odd_frame(), test_size=1, columns=ODD)[1]["who"].tolist() == [1]
    assert "columns={'user': 'who'" in repr(TemporalSplit(columns=ODD))


def test_times_of_two_units_are_noticed():
    with pytest.warns(UserWarning, match=r"seconds since 1970 \(1700000000 in row 0\) and milliseconds .*in row 1"):
        read_columns([("a", 1, 1_700_000_000), ("a", 2, 1_700_000_000_000)])
    for times in ([1, 2, 10**12], [1_700_000_000, 1_500_000_000]):
        read_columns([("a", row, time) for row, time in enumerate(times)])


def test_floats_that_cannot_tell_times_apart_are_noticed():
    frame = pd.DataFrame({"user_id": [1], "item_id": [2], "timestamp": np.array([1_700_000_030], dtype=np.float32)})
    with pytest.warns(UserWarning, match=r"float32, which cannot tell whole numbers above 16,777,216 apart"):
        read_columns(frame)
    assert read_columns(frame.assign(timestamp=np.float32(12.5))).times.tolist() == [12.5]


@pytest.mark.parametrize(("verbose", "is_said"), [(0, False), ("auto", False), (1, True)])
def test_a_fit_says_which_columns_it_took(capsys, verbose, is_said):
    frame = pd.DataFrame({"movieId": [7, 8, 7], "rating": [5, 4, 3], "userId": [1, 2, 1], "ts": [1, 2, 3]})
    AutoSeqRecRecommender(**PLAIN, exclude_seen=False, verbose=verbose).fit(frame)
    line = "The log: users are read from 'userId', items from 'movieId', times from 'ts'.\n"
    assert (line in capsys.readouterr().out) == is_said
    AutoSeqRecRecommender(**PLAIN, exclude_seen=False, verbose=verbose).fit(frame[["userId", "movieId"]])
    assert ("items from 'movieId', row order is time.\n" in capsys.readouterr().out) == is_said
    AutoSeqRecRecommender(**PLAIN, exclude_seen=False, verbose=verbose).fit(frame.to_numpy()[:, :2])
    assert "The log:" not in capsys.readouterr().out  # nothing has a name
