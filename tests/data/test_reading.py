"""Whatever a log is spelt as, it is read as one log, or refused."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from scipy import sparse
from spellings import FRAMES, frame_of, rows_of
from strategies import logs

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._data.naming import COLUMN_NAMES, KEYS, PAIR
from skautoseqrec._data.reading import read_columns
from skautoseqrec.baselines import PopularityRecommender
from skautoseqrec.metrics import catalogue_coverage
from skautoseqrec.preprocessing import InteractionEncoder


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


COLUMNS = {"user": "who", "item": "what", "time": "when", "weight": "stars", "event": "kind"}
NAMED = pd.DataFrame({"who": [1, 2], "what": [7, 8], "when": [1, 2], "stars": [1.0, 2.0], "kind": "view"})
UNREADABLE = NAMED.assign(when=[None, "soon"], stars=-5.0)


@pytest.mark.parametrize("make", [*FRAMES.values(), pd.DataFrame.to_dict])
@pytest.mark.parametrize("log", [UNREADABLE, NAMED[["who", "what"]], NAMED[["what", "stars", "who"]]])
def test_what_is_not_read_may_hold_anything_or_be_missing(make, log):
    made = make(log) if make is not pd.DataFrame.to_dict else log.to_dict("records")
    assert rows_of(read_columns(made, COLUMNS, keys=PAIR)) == [(1, 7), (2, 8)]


def test_what_is_not_read_is_left_out_of_every_form():
    rows = [(1, 7, "soon"), (2, 8, None)]
    array, records = np.array(rows, dtype=object), UNREADABLE.to_records(index=False)
    for log in (rows, array, records):
        assert rows_of(read_columns(log, COLUMNS, keys=PAIR)) == [(1, 7), (2, 8)]
    packed = InteractionEncoder(COLUMNS).fit_transform(NAMED)
    assert packed.weights.tolist() == [1, 2]
    assert read_columns(packed, keys=PAIR)[2:] == (None, None, None)
    assert read_columns(packed, keys=COLUMN_NAMES).times is not None
    assert read_columns(NAMED, COLUMNS, keys=COLUMN_NAMES).weights is None


def test_columns_that_are_not_read_are_no_users_nor_items():
    assert rows_of(read_columns(pd.DataFrame({"a": [1], "b": [2], "weight": [-5]}), keys=PAIR)) == [(1, 2)]
    with pytest.raises(ValueError, match="not clear"):
        read_columns(pd.DataFrame({"who": [1], "stars": [2]}), {"weight": "stars"}, keys=PAIR)


@pytest.mark.parametrize("objective", ["closed_form", None])
def test_who_asks_for_pairs_reads_nothing_else_of_a_log(objective):
    log = pd.concat([NAMED, NAMED.assign(what=[8, 9], when=[3, 4])])
    if objective is None:
        model = PopularityRecommender(columns=COLUMNS).fit(log)
    else:
        options = {"blend": {"direct": 1.0}, "early_stopping": False, "objective": objective}
        model = AutoSeqRecRecommender(**options, columns=COLUMNS).fit(log)
        assert model.dislike(UNREADABLE[:1]).dislikes_.tolist() == [[1, 7]]
        assert len(model.forget(interactions=UNREADABLE.assign(when=[1, 2])[:1]).item_ids_) == 2
    assert model.predict(UNREADABLE).tolist() == model.predict(NAMED[["who", "what"]]).tolist()
    assert catalogue_coverage([[7]], UNREADABLE, columns=COLUMNS) == 0.5


UNCLEAR = [
    pd.DataFrame({"a": [1, 2], "timestamp": [10, 11]}),
    pd.DataFrame({"timestamp": [10, 11], "a": [1, 2], "b": [7, 8]}),
    pd.DataFrame({"event": ["view", "buy"], "a": [1, 2], "b": [7, 8]}),
    pd.DataFrame({"a": [1, 2], "event": ["view", "buy"]}),
]


@pytest.mark.parametrize("log", UNCLEAR, ids=lambda log: " ".join(log.columns))
@pytest.mark.parametrize("keys", [PAIR, COLUMN_NAMES, KEYS])
def test_times_and_kinds_are_no_ids_whether_they_are_read_or_not(log, keys):
    with pytest.raises(ValueError, match="which of them hold the user and the item is not clear"):
        read_columns(log, keys=keys)


def test_who_weighs_kinds_finds_them_in_every_log_that_it_is_given():
    log = pd.DataFrame({"event": ["view", "buy"] * 3, "a": [1, 1, 2, 2, 3, 3], "b": [7, 8, 8, 7, 9, 7]})
    options = {"objective": "closed_form", "blend": {"direct": 1.0}, "early_stopping": False}
    model = AutoSeqRecRecommender(**options, event_weights={"view": 0.5, "buy": 1.0}).fit(log)
    assert model.predict(log).tolist() == model.predict(log[["a", "b"]]).tolist()
    assert model.predict_topk([1], k=1, output="frame").columns[:2].tolist() == ["a", "b"]
    assert model.dislike(log[:1]).dislikes_.tolist() == [[1, 7]]
    assert model.forget(interactions=log[4:5]).item_ids_.tolist() == [7, 8]


def test_a_column_may_be_called_by_a_number():
    log = pd.DataFrame([[1, 7, 5, 30], [1, 8, 4, 20], [2, 7, 3, 10]])
    columns = {"user": 0, "item": 1, "time": 3}
    assert rows_of(read_columns(log, columns)) == [(1, 7, 30), (1, 8, 20), (2, 7, 10)]
    assert rows_of(read_columns(log, {"user": 1, "item": 2, "time": 0}))[0] == (7, 5, 1)
    options = {"objective": "closed_form", "blend": {"direct": 1.0}, "early_stopping": False}
    assert AutoSeqRecRecommender(**options, columns=columns).fit(log).user_ids_.tolist() == [2, 1]


@pytest.mark.parametrize("make", [pa.Table.from_pandas, lambda frame: pl.from_arrow(pa.Table.from_pandas(frame))])
def test_an_index_without_a_name_is_no_column_of_a_table(make):
    log = pd.DataFrame({"who": [1, 2, 3], "what": [7, 8, 9]}).iloc[[2, 0, 1]]
    assert rows_of(read_columns(make(log))) == rows_of(read_columns(log)) == [(3, 9), (1, 7), (2, 8)]


def test_what_of_an_array_is_not_read_may_be_masked():
    rows = np.ma.array([[1, 7, 5], [2, 8, 6]], mask=[[False, False, True], [False, False, False]])
    assert rows_of(read_columns(rows, keys=PAIR)) == [(1, 7), (2, 8)]
    with pytest.raises(ValueError, match="timestamp"):
        read_columns(rows)


def test_an_index_of_datetimes_is_the_time_where_no_column_is():
    log = pd.DataFrame({"user": [1, 2, 3], "item": [7, 8, 9]}, index=pd.date_range("2024-01-01", periods=3))
    assert [time for *_, time in rows_of(read_columns(log))] == log.index.to_numpy().tolist()
    assert rows_of(read_columns(log.assign(time=[30, 20, 10]))) == [(1, 7, 30), (2, 8, 20), (3, 9, 10)]
    assert rows_of(read_columns(log.assign(when=[30, 20, 10]), {"time": "when"}))[0] == (1, 7, 30)
