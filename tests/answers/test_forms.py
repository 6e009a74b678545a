"""Answers as frames and lists say what the arrays say, in the frame and the names that were fitted."""

import copy
import json
import pickle
import warnings

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import logs, recommenders
from worlds import TEA_LOG

from skautoseqrec import AutoSeqRecRecommender, load_model
from skautoseqrec._data.form import LogForm
from skautoseqrec.preprocessing import InteractionEncoder

COUNTED = {"objective": "closed_form", "blend": {"direct": 1.0, "trend": (1.0,)}, "trend_half_lives": (30.0,)}
COUNTED |= {"early_stopping": False, "device": "cpu"}
FRAMES = {
    "pandas": pd.DataFrame,
    "polars": lambda columns: pl.DataFrame(columns),
    "pyarrow": lambda columns: pa.table(columns),
}
TITLES = {"tea": "Green Tea", "jam": None, "salt": "Salt"}
pytestmark = pytest.mark.filterwarnings("ignore:.*repeat an earlier:UserWarning")  # tiny logs repeat everything


def framed(kind, names=("CustomerID", "StockCode", "when")):
    return FRAMES[kind](dict(zip(names, map(list, zip(*TEA_LOG, strict=True)), strict=True)))


def rows_of(frame):
    return nw.from_native(frame, eager_only=True).rows()


@pytest.fixture(scope="module")
def fitted():
    return AutoSeqRecRecommender(**COUNTED).fit(TEA_LOG)


@settings(max_examples=20)
@given(logs(), recommenders(), st.integers(1, 9), st.booleans())
def test_frames_and_lists_say_what_arrays_say(log, recommender, k, exclude_seen):
    recommender.fit(log)
    stranger = "nobody" if recommender.user_ids_.dtype == object else 10**6
    users = [*recommender.user_ids_.tolist(), stranger]
    options = {"k": k, "exclude_seen": exclude_seen}
    ids, scores = (np.ma.MaskedArray(each) for each in recommender.predict_topk(users, return_scores=True, **options))
    lists, numbers = recommender.predict_topk(users, return_scores=True, output="list", **options)
    assert lists == [row.compressed().tolist() for row in ids]
    assert numbers == [row.compressed().tolist() for row in scores]
    assert json.loads(json.dumps([lists, numbers])) == [lists, numbers]
    expected = [
        (user, item, rank, score, user != stranger)
        for user, row, values in zip(users, lists, numbers, strict=True)
        for rank, (item, score) in enumerate(zip(row, values, strict=True), start=1)
    ]
    frame = recommender.predict_topk(users, output="frame", **options)
    assert list(frame) == ["user_id", "item_id", "rank", "score", "is_known"]
    assert rows_of(frame) == expected
    histories = [[], recommender.item_ids_[:2].tolist()]
    by_place = recommender.predict_topk_sequences(histories, output="frame", **options)
    alone = recommender.predict_topk_sequences(histories, output="list", **options)
    assert [row[:3] for row in rows_of(by_place)] == [
        (place, item, rank) for place, row in enumerate(alone) for rank, item in enumerate(row, start=1)
    ]
    assert {row[0] for row in rows_of(by_place) if row[4]} <= {1}


@pytest.mark.parametrize("kind", FRAMES)
def test_the_frame_is_of_the_kind_and_the_names_that_were_fitted(kind, tmp_path):
    recommender = AutoSeqRecRecommender(**COUNTED, columns={"time": "when"}).fit(framed(kind))
    recommender.save_model(tmp_path / "model")
    copies = [pickle.loads(pickle.dumps(recommender)), copy.deepcopy(recommender), load_model(tmp_path / "model")]
    copies += [recommender.with_blend({"direct": 1.0}), copies[-1].forget(users=["ann"])]
    for each in [recommender, *copies]:
        frame = each.predict_topk(["bob", "zoe"], k=2, output="frame", titles=TITLES)
        assert type(frame) is type(framed(kind))
        dtypes = nw.from_native(frame, eager_only=True).schema
        assert list(dtypes) == ["CustomerID", "StockCode", "title", "rank", "score", "is_known"]
        assert [dtypes[name] for name in ("rank", "score", "is_known")] == [nw.Int64(), nw.Float32(), nw.Boolean()]
        nothing = each.predict_topk([], output="frame", titles=TITLES)
        assert nw.from_native(nothing, eager_only=True).schema == dtypes


@pytest.mark.parametrize(
    ("log", "form"),
    [
        (TEA_LOG, LogForm()),
        (np.array(TEA_LOG, dtype=object), LogForm()),
        ([{"customer": user, "sku": item} for user, item, _ in TEA_LOG], LogForm(None, "customer", "sku")),
        (framed("pandas", ("who", "what", "when")), LogForm("pandas", "who", "what", "when")),
        (framed("pandas", (0, 1, 2)), LogForm("pandas")),
        (framed("pandas", ("user_id", "item_id", "t")).set_index("user_id"), LogForm("pandas", time="t")),
        (InteractionEncoder().fit_transform(TEA_LOG), LogForm()),
        (np.array(TEA_LOG, dtype=[("uid", "U9"), ("iid", "U9"), ("t", "i8")]), LogForm(None, "uid", "iid", "t")),
    ],
    ids=["rows", "array", "dicts", "by position", "numbered columns", "index", "interactions", "records"],
)
def test_the_form_of_a_log_is_remembered(log, form):
    assert LogForm.of(log, {}) == form
    recommender = AutoSeqRecRecommender(**COUNTED).fit(log)
    frame = recommender.predict_topk(["ann"], output="frame")
    assert isinstance(frame, pd.DataFrame)
    assert list(frame)[:2] == [form.user, form.item]


def test_a_frame_that_cannot_be_made_is_asked_for(fitted, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"fitted on no frame, .*pip install pandas.*output='list'"):
        fitted.predict_topk(["ann"], output="frame")
    polars = AutoSeqRecRecommender(**COUNTED).fit(framed("polars", ("user", "item", "time")))
    with pytest.raises(ImportError, match="fitted on a frame of polars, which is not installed"):
        polars.predict_topk(["ann"], output="frame")


def test_columns_are_not_named_twice():
    recommender = AutoSeqRecRecommender(**COUNTED, columns={"user": "rank", "item": "what"})
    recommender.fit(framed("pandas", ("rank", "what", "time")))
    with pytest.raises(ValueError, match="The column 'rank' of the fitted log has the name of another column"):
        recommender.predict_topk(["ann"], output="frame")
    assert recommender.predict_topk(["ann"], k=1, output="list") == [["jam"]]


@pytest.mark.parametrize(
    "titles",
    [
        TITLES,
        pd.Series(TITLES),
        pd.DataFrame({"sku": [*TITLES], "name": [*TITLES.values()], "price": [1, 2, 3]}),
        pl.DataFrame({"text": [*TITLES.values()], "item_id": [*TITLES]}),
        pa.table({"item": [*TITLES], "title": [*TITLES.values()]}),
        np.array([*TITLES.items()], dtype=[("item_id", object), ("title", object)]),
    ],
    ids=["dict", "series", "pandas", "polars", "pyarrow", "records"],
)
def test_titles_are_joined(fitted, titles):
    asked = {"users": ["zoe"], "k": 3, "titles": titles}
    titled = {item: TITLES.get(item) for item in fitted.predict_topk(["zoe"], k=3, output="list")[0]}
    assert "Green Tea" in titled.values()
    listed = fitted.predict_topk(**asked, output="list")[0]
    assert listed == [{"item_id": item, "title": title} for item, title in titled.items()]
    column = fitted.predict_topk(**asked, output="frame")["title"]
    assert [None if pd.isna(title) else title for title in column] == [*titled.values()]
    similar = fitted.similar_items(["milk"], k=2, output="list", titles=titles)[0]
    assert {"similar_item_id": "tea", "title": "Green Tea"} in similar


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"output": "json"}, ValueError, "output must be 'array' or 'frame' or 'list', not 'json'"),
        ({"output": None}, ValueError, "output must be"),
        ({"titles": TITLES}, ValueError, "An array of ids has no place for titles"),
        ({"output": "list", "titles": ["Tea"]}, TypeError, "titles must be a dict from item ids"),
        ({"output": "list", "titles": {1: "Tea"}}, TypeError, "the known ids are strings, but these are numbers"),
        ({"output": "list", "titles": {"tea": 5}}, TypeError, "titles holds 5 .int. for the item 'tea'"),
        (
            {"output": "list", "titles": pd.Series(["a", "b"], index=["tea", "tea"])},
            ValueError,
            "titles holds the item 'tea' twice, in rows 0 and 1",
        ),
        (
            {"output": "list", "titles": pd.DataFrame({"item": ["tea"], "a": ["x"], "b": ["y"]})},
            ValueError,
            "which one is meant is not clear.*'title'",
        ),
        ({"output": "list", "titles": pd.DataFrame({"a": ["x"], "b": ["y"]})}, ValueError, "needs one of item ids"),
        ({"on_unknown": "skip"}, ValueError, "on_unknown must be 'ignore' or 'warn' or 'raise' or None"),
    ],
)
def test_forms_that_are_none_are_refused(fitted, arguments, error, message):
    with pytest.raises(error, match=message):
        fitted.predict_topk(["ann"], **arguments)


@pytest.mark.parametrize("on_unknown", [None, "ignore", "warn", "raise"])
def test_unknown_ids_are_spoken_of_as_asked(fitted, on_unknown):
    def ask(**arguments):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            answer = fitted.predict_topk(**{"users": ["ann"], "output": "list", "on_unknown": on_unknown} | arguments)
        return answer, [str(warning.message) for warning in told]

    many = {"candidates": [["jam", "salt", "oil"], ["salt"]], "users": ["ann", "ann"]}
    if on_unknown == "raise":
        with pytest.raises(ValueError, match="candidates holds 'salt', which is not known"):
            ask(**many)
        with pytest.raises(ValueError, match=r"users holds 'zoe', which is not known.*user_ids_"):
            ask(users=["ann", "zoe"])
        with pytest.raises(ValueError, match=r"sequences holds 'salt', which is not known.*item_ids_"):
            fitted.predict_topk_sequences([["tea"], ["salt"]], on_unknown="raise")
        return
    answer, told = ask(**many)
    assert answer == [["jam"], []]
    assert len(told) == (on_unknown != "ignore")
    assert all("candidates holds 'salt' and 2 more, which are not known" in message for message in told)
    told = ask(users=["zoe"])[1]
    assert len(told) == (on_unknown == "warn")


@pytest.mark.parametrize(
    ("log", "at", "message"),
    [
        (TEA_LOG, np.datetime64("2026-01-01"), "at: the known times are numbers, but these are datetimes .*Timestamp"),
        (
            [(*row[:2], np.datetime64(row[2], "s")) for row in TEA_LOG],
            5,
            r"at: the known times are datetimes, but these are numbers \(first: 5\).*to_datetime\(times, unit='s'\)",
        ),
    ],
)
def test_a_time_of_another_kind_is_converted_by_a_message(log, at, message):
    recommender = AutoSeqRecRecommender(**COUNTED).fit(log)
    for ask in (recommender.predict_topk, lambda users, at: recommender.explain(users, ["tea"], at)):
        with pytest.raises(TypeError, match=message):
            ask(["ann"], at=at)
    with pytest.raises(TypeError, match=message):
        recommender.predict_users(["tea"], at=at)
