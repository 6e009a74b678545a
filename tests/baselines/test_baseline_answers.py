"""Baselines answer in frames and lists, with titles and with a word on unknown ids, as the recommender does."""

import copy
import json
import pickle
import warnings

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from worlds import LOG, TEA_LOG

from skautoseqrec import AutoSeqRecRecommender, baselines

pytestmark = pytest.mark.filterwarnings("ignore:.*repeat an earlier:UserWarning")  # tiny logs repeat much
CLOSED = {"objective": "closed_form", "blend": {"direct": 1.0}, "early_stopping": False, "neighbour_window": 0}
TITLES = {"tea": "Green Tea", "jam": None, "salt": "Salt"}


@pytest.fixture(params=baselines.__all__)
def unfitted(request):
    return getattr(baselines, request.param)()


def rows_of(frame):
    return nw.from_native(frame, eager_only=True).rows()


@pytest.mark.parametrize("exclude_seen", [True, False])
def test_frames_and_lists_say_what_arrays_say(unfitted, exclude_seen):
    users, options = [*unfitted.fit(LOG).user_ids_.tolist(), 10**6], {"k": 22, "exclude_seen": exclude_seen}
    ids, scores = (np.ma.MaskedArray(each) for each in unfitted.predict_topk(users, return_scores=True, **options))
    lists, numbers = unfitted.predict_topk(users, return_scores=True, output="list", **options)
    assert lists == [row.compressed().tolist() for row in ids]
    assert numbers == [row.compressed().tolist() for row in scores]
    assert json.loads(json.dumps([lists, numbers])) == [lists, numbers]
    assert unfitted.predict_topk(users, output="list", **options) == lists
    frame = unfitted.predict_topk(users, output="frame", **options)
    assert list(frame) == ["user_id", "item_id", "rank", "score", "is_known"]
    assert rows_of(frame) == [
        (user, item, rank, score, user != 10**6)
        for user, row, values in zip(users, lists, numbers, strict=True)
        for rank, (item, score) in enumerate(zip(row, values, strict=True), start=1)
    ]


def test_the_frame_is_of_the_kind_and_the_names_that_were_fitted(unfitted):
    columns = dict(zip(("CustomerID", "StockCode", "when"), map(list, zip(*TEA_LOG, strict=True)), strict=True))
    unfitted.set_params(columns={"time": "when"})
    for kind in (pd.DataFrame, pl.DataFrame):
        fitted = clone(unfitted).fit(kind(columns))
        for each in (fitted, copy.deepcopy(fitted), pickle.loads(pickle.dumps(fitted))):
            frame = each.predict_topk(["bob", "zoe"], k=2, output="frame", titles=TITLES)
            assert type(frame) is kind
            assert list(nw.from_native(frame).columns) == [
                "CustomerID", "StockCode", "title", "rank", "score", "is_known",
            ]  # fmt: skip
            nothing = each.predict_topk([], output="frame", titles=TITLES)
            assert nw.from_native(nothing, eager_only=True).schema == nw.from_native(frame, eager_only=True).schema


def test_titles_stand_beside_ids(unfitted):
    listed = unfitted.fit(TEA_LOG).predict_topk(["zoe"], k=3, output="list", titles=TITLES)
    assert sorted((place["item_id"], place["title"] or "") for place in listed[0]) == [
        ("jam", ""), ("milk", ""), ("tea", "Green Tea"),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="no place for titles"):
        unfitted.predict_topk(["zoe"], titles=TITLES)
    with pytest.raises(TypeError, match="a title must be text"):
        unfitted.predict_topk(["zoe"], titles={"tea": 3}, output="list")


#: What both kinds of recommender are asked, and must say the same of.
QUESTIONS = [
    {"users": ["zoe", "ann"], "on_unknown": "raise"},
    {"users": ["zoe", "kim"], "on_unknown": "warn"},
    {"users": ["zoe"], "on_unknown": "ignore", "candidates": ["brick", "tea"]},
    {"users": ["ann"], "candidates": ["brick", "tea"]},
    {"users": ["ann"], "candidates": ["brick", "tea"], "on_unknown": "raise"},
    {"users": ["ann"], "on_unknown": "perhaps"},
    {"users": ["ann"], "output": "json"},
    {"users": ["ann"], "output": None},
    {"users": ["ann"], "output": "frame", "titles": 5},
    {"users": [1], "output": "frame"},
]


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
def test_unknown_ids_and_bad_arguments_are_spoken_of_as_by_the_recommender(unfitted, question):
    said = []
    for recommender in (unfitted, AutoSeqRecRecommender(**CLOSED)):
        recommender.fit(TEA_LOG)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                recommender.predict_topk(k=2, **question)
                said.append(None)
            except (TypeError, ValueError) as error:
                said.append((type(error), str(error)))
        said.append([str(warning.message) for warning in warned])
    assert said[:2] == said[2:]


def test_a_column_named_as_one_of_the_answer_is_refused(unfitted):
    frame = pd.DataFrame({"user": ["ann", "bob"], "score": ["tea", "jam"]})
    unfitted.set_params(columns={"item": "score"}).fit(frame)
    with pytest.raises(ValueError, match="'score' of the fitted log has the name of another column"):
        unfitted.predict_topk(["ann"], output="frame")
