"""Ids come back as they went in, or are refused by column and row."""

import unicodedata

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from worlds import SMALL

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._data.ids import id_column, plain_ids
from skautoseqrec._data.reading import read_columns


@pytest.mark.parametrize(
    ("log", "error", "message"),
    [
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
        (np.array([[1.0, 2.0], [np.inf, 2.0]]), ValueError, "'user_id' holds inf in row 1"),
        ([("a", 1), (2, 1)], TypeError, "'user_id' mixes types: row 0 holds 'a' .* row 1 holds 2"),
        ([(1, "a"), (2, 1.5)], TypeError, "'item_id' mixes types"),
        (np.array([[True, False]]), TypeError, "'user_id' has dtype bool"),
        ([(True, 1)], TypeError, "'user_id' holds True"),
        ([(b"a", 1)], TypeError, "'user_id' holds b'a'"),
        ([(2**64, 1)], ValueError, "'user_id' holds 18446744073709551616 in row 0"),
        (np.array([[1, 2**63]], dtype=np.uint64), ValueError, "'item_id' holds 9223372036854775808 in row 0"),
        (np.array([[1e17, 2.0]]), ValueError, r"'user_id' holds 1e\+17 in row 0: float64 is too coarse"),
        (pd.DataFrame({"user_id": [0.5], "item_id": [1]}), ValueError, "'user_id' holds 0.5 in row 0"),
        ([(2**53 + 1, 1), (1.0, 1)], ValueError, r"'user_id' holds 9007199254740993 in row 0: among floats"),
        (np.array([[2**24, 1]], dtype=np.float32), ValueError, r"float32 is too coarse for ids from 2\*\*24 on"),
        ([(10**5000, 1)], ValueError, "'user_id' holds an integer of 16610 bits in row 0"),
        ([(np.timedelta64(1, "s"), 1)], TypeError, "'user_id' holds .* in row 0: ids must be"),
        ([("a", 1), (np.array([1, 2]), 1)], TypeError, "'user_id' holds array.* in row 1: ids must be"),
        (pl.DataFrame({"user_id": [[1]], "item_id": [1]}), TypeError, "'user_id' has dtype List"),
        (pl.DataFrame({"user_id": [1], "item_id": [True]}), TypeError, "'item_id' has dtype Boolean"),
    ],
)
def test_bad_ids_are_refused_by_column_and_row(log, error, message):
    with pytest.raises(error, match=message):
        read_columns(log)


def test_text_is_never_interpreted():
    alike = ["", " ", "nan", "None", "NULL", "1", "1.0", "a", "a ", "a\u200b", "\u0430", "\ud800", "x" * 10_000]
    alike += [unicodedata.normalize(form, "\u00e9") for form in ("NFC", "NFD")]
    recommender = AutoSeqRecRecommender(**SMALL).fit([(text, text) for text in alike])
    assert recommender.user_ids_.tolist() == recommender.item_ids_.tolist() == alike
    assert recommender.partial_update([(text, "a") for text in alike]).user_ids_.tolist() == alike


def test_nothing_is_half_done_when_new_ids_do_not_fit_beside_the_known():
    recommender = AutoSeqRecRecommender(**SMALL).fit([(1, 1), (2, 2)])
    snapshot = recommender._serving.state.snapshot
    with pytest.raises(TypeError, match="'item_id': the known ids are integers, but these are fractions"):
        recommender.partial_update([(3, 0.5)])
    assert recommender._serving.state.snapshot is snapshot
    fractions = AutoSeqRecRecommender(**SMALL).fit([(0.5, 1), (1.5, 2)])
    with pytest.raises(TypeError, match=r"'user_id': the known ids are fractions, beside which integers from 2\*\*53"):
        fractions.partial_update([(2**53 + 1, 1)])


def test_one_value_is_no_list_and_huge_integers_are_named():
    recommender = AutoSeqRecRecommender(**SMALL).fit([("ann", "tea", 1), ("bob", "tea", 2)])
    with pytest.raises(TypeError, match="exclude must be one list of item ids"):
        recommender.predict_topk(["ann"], exclude=np.array("tea"))
    with pytest.raises(TypeError, match="sequences must be a list of lists"):
        recommender.predict_topk_sequences(np.array("tea"))
    with pytest.raises(ValueError, match=r"'user_id' holds -9223372036854775809 in row 1: among floats"):
        recommender.predict([(1.5, 1, 1), (-(2**63) - 1, 1, 1)])


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_a_frame_is_no_list_of_lists(make):
    # Two rows for two users, and two columns: each column would be the list of a user.
    frame, recommender = make({"item_id": ["tea", "jam"], "also": ["tea", "tea"]}), AutoSeqRecRecommender(**SMALL)
    recommender.fit([("ann", "tea", 1), ("bob", "jam", 2)])
    for argument in ("candidates", "exclude"):
        with pytest.raises(TypeError, match=f"{argument} must be one list of item ids, or one .* not a dataframe"):
            recommender.predict_topk(["ann", "bob"], **{argument: frame})
    with pytest.raises(TypeError, match="sequences must be a list of lists of item ids"):
        recommender.predict_topk_sequences(frame)


@pytest.mark.parametrize("values", [[3, -1, 2**62], ["b", "a"], ["a", 1], [True], [1.0], [], [None], [np.int64(3)]])
def test_plain_lists_are_read_as_any_column_is(values):
    plain = plain_ids(values, "users")
    if {*map(type, values)} not in ({int}, {str}):
        assert plain is None
        return
    column = np.fromiter(values, dtype=object, count=len(values))
    expected = id_column(column, "users", allow_fractions=True)
    assert plain.dtype == expected.dtype
    assert plain.tolist() == expected.tolist()
