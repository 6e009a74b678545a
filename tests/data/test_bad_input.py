"""A sample of benchmarks/reliability_inputs.py, what bad input says for itself, and that reading stays quick."""

import datetime
import unicodedata
from time import perf_counter

import numpy as np
import pandas as pd
import polars as pl
import pytest
from attempts import try_cases

from skautoseqrec import AutoSeqRecRecommender, Interactions
from skautoseqrec._data.reading import read_columns

N_ROWS = 10**6


def test_every_case_works_or_is_refused_by_the_package():
    counted = try_cases(500, derandomize=True)
    assert min(sum(n for (_, outcome), n in counted.items() if outcome == each) for each in ("worked", "refused")) > 50


def test_text_is_never_interpreted():
    alike = ["", " ", "nan", "None", "NULL", "1", "1.0", "a", "a ", "a\u200b", "\u0430", "\ud800", "x" * 10_000]
    alike += [unicodedata.normalize(form, "\u00e9") for form in ("NFC", "NFD")]
    recommender = AutoSeqRecRecommender(
        n_components=2, max_iter=1, early_stopping=False, blend={"direct": 1.0}, random_state=0
    ).fit([(text, text) for text in alike])
    assert recommender.user_ids_.tolist() == recommender.item_ids_.tolist() == alike
    assert recommender.partial_update([(text, "a") for text in alike]).user_ids_.tolist() == alike


@pytest.mark.parametrize(
    ("log", "error", "message"),
    [
        ([(2**53 + 1, 1), (1.0, 1)], ValueError, r"'user_id' holds 9007199254740993 in row 0: among floats"),
        (np.array([[2**24, 1]], dtype=np.float32), ValueError, r"float32 is too coarse for ids from 2\*\*24 on"),
        ([(10**5000, 1)], ValueError, "'user_id' holds an integer of 16610 bits in row 0"),
        ([(1, 2, 10**400), (1, 2, 0.5)], ValueError, "'timestamp' holds an integer of 1329 bits in row 0"),
        ([(np.timedelta64(1, "s"), 1)], TypeError, "'user_id' holds .* in row 0: ids must be"),
        ([("a", 1), (np.array([1, 2]), 1)], TypeError, "'user_id' holds array.* in row 1: ids must be"),
        ([("a", 1), 5], ValueError, "row 1 is 5"),
        ([b"ab"], ValueError, "row 0 is b'ab'"),
        (np.array([["a"], ["b"]], dtype=object), ValueError, "at least 2"),
        (np.zeros((2, 2), dtype="i4,i4"), ValueError, "of records"),
        (pl.DataFrame({"user_id": [[1]], "item_id": [1]}), TypeError, "'user_id' has dtype List"),
        (pl.DataFrame({"user_id": [1], "item_id": [True]}), TypeError, "'item_id' has dtype Boolean"),
        (
            [("a", 1, np.datetime64(1, "ns")), ("a", 1, datetime.datetime(9999, 1, 1))],
            ValueError,
            "'timestamp' holds .* in row 1: others are in ns",
        ),
    ],
)
def test_messages(log, error, message):
    with pytest.raises(error, match=message):
        read_columns(log)


def test_moments_at_the_ends_of_the_calendar_and_a_nanosecond_apart():
    zone = datetime.timezone(datetime.timedelta(hours=-14))
    ends = [datetime.datetime(9999, 12, 31, 23, tzinfo=zone), datetime.datetime(1, 1, 1, tzinfo=zone)]
    assert read_columns([("a", 1, end) for end in ends]).time_order().tolist() == [1, 0]
    close = pd.Series([pd.Timestamp(2), pd.Timestamp(1)], dtype=object)
    frame = pd.DataFrame({"user_id": ["a", "b"], "item_id": [1, 2], "timestamp": close})
    assert read_columns(frame).time_order().tolist() == [1, 0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0], [0], None, [5, 5], [1]), "user_ids holds 5 twice, as codes 0 and 1"),
        (([0], [1], None, [5], [1]), "items holds codes outside its vocabulary of 1 ids"),
        (([0.0], [0], None, [5], [1]), "users must be codes"),
        (([0], [0], [np.nan], [5], [1]), "'times' has a missing value"),
        (([0], [0], None, [None], [1]), "'user_ids' has a missing value"),
        (([0], [0], None, [[5]], [1]), "user_ids must be a one-dimensional array"),
    ],
)
def test_a_container_is_checked_when_it_is_made(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Interactions(*arguments)


def test_a_container_of_integer_objects_is_one_of_integers():
    ids = np.array([5, 6], dtype=object)
    assert Interactions([0, 1], [1, 0], None, ids, ids).user_ids.dtype == np.int64


def test_nothing_is_half_done_when_new_ids_do_not_fit_beside_the_known():
    parameters = {"n_components": 2, "max_iter": 1, "early_stopping": False, "blend": {"direct": 1.0}}
    recommender = AutoSeqRecRecommender(**parameters, random_state=0).fit([(1, 1), (2, 2)])
    snapshot = recommender._serving.state.snapshot
    with pytest.raises(TypeError, match="'item_id': the known ids are integers, but these are fractions"):
        recommender.partial_update([(3, 0.5)])
    assert recommender._serving.state.snapshot is snapshot
    fractions = AutoSeqRecRecommender(**parameters, random_state=0).fit([(0.5, 1), (1.5, 2)])
    with pytest.raises(TypeError, match=r"'user_id': the known ids are fractions, beside which integers from 2\*\*53"):
        fractions.partial_update([(2**53 + 1, 1)])


def test_a_far_year_is_refused_beside_nanoseconds():
    parameters = {"n_components": 2, "max_iter": 1, "early_stopping": False, "blend": {"direct": 1.0}}
    log = [("a", "b", np.datetime64("2024-01-01", "ns")), ("a", "c", np.datetime64("2024-01-02", "ns"))]
    recommender = AutoSeqRecRecommender(**parameters, random_state=0).fit(log)
    snapshot = recommender._serving.state.snapshot
    with pytest.raises(ValueError, match=r"'timestamp': 9999-01-01.* does not fit datetime64\[ns\]"):
        recommender.partial_update([("a", "b", datetime.datetime(9999, 1, 1))])
    assert recommender._serving.state.snapshot is snapshot


@pytest.mark.parametrize("kind", ["integers", "strings", "objects", "rows"])
def test_a_million_rows_with_a_bad_one_are_refused_quickly(kind):
    items = np.arange(N_ROWS) % 1000
    if kind == "integers":
        frame = pd.DataFrame({"user_id": items, "item_id": items, "timestamp": items.astype(float)})
        frame.loc[N_ROWS - 3, "timestamp"] = np.inf
    elif kind == "strings":
        frame = pl.DataFrame({"user_id": items, "item_id": items.astype(str)})
        frame[N_ROWS - 3, "item_id"] = None
    elif kind == "objects":
        frame = pd.DataFrame({"user_id": items, "item_id": items.astype(object)})
        frame.loc[N_ROWS - 3, "item_id"] = True
    else:
        frame = [*zip(items.tolist(), items.tolist(), strict=True)]
        frame[N_ROWS - 3] = (1, 1j)
    start = perf_counter()
    with pytest.raises((TypeError, ValueError), match=f"row {N_ROWS - 3}"):
        read_columns(frame)
    assert perf_counter() - start < 30  # two orders above what it takes alone


def test_one_value_is_no_list_and_huge_integers_are_named():
    recommender = AutoSeqRecRecommender(n_components=4, max_iter=1, blend={"direct": 1.0}, early_stopping=False)
    recommender.fit([("ann", "tea", 1), ("bob", "tea", 2)])
    with pytest.raises(TypeError, match="exclude must be one list of item ids"):
        recommender.predict_topk(["ann"], exclude=np.array("tea"))
    with pytest.raises(TypeError, match="sequences must be a list of lists"):
        recommender.predict_topk_sequences(np.array("tea"))
    with pytest.raises(ValueError, match=r"'user_id' holds -9223372036854775809 in row 1: among floats"):
        recommender.predict([(1.5, 1, 1), (-(2**63) - 1, 1, 1)])
