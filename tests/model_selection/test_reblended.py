"""Splits in time, and searches over the blends of one training."""

from uuid import uuid4

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import GridSearchCV
from strategies import blends_of, consecutive_logs, logs, recommenders
from worlds import LOG, SMALL

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.metrics import mrr_scorer
from skautoseqrec.model_selection import Reblended, TemporalSplit, temporal_train_test_split
from skautoseqrec.preprocessing import InteractionEncoder


@given(logs(min_size=12, timed=True), st.integers(1, 3), st.integers(0, 2))
def test_training_comes_before_testing(log, n_splits, gap):
    splitter = TemporalSplit(n_splits, gap=gap)
    times, folds = np.array([row[2] for row in log]), list(splitter.split(log))
    assert len(folds) == n_splits == splitter.get_n_splits()
    for train, test in folds:
        assert times[train].max() <= times[test].min()
        assert (np.diff(times[train]) >= 0).all()
        assert not set(train) & set(test)
    tested = np.concatenate([test for _, test in folds])
    assert len(set(tested)) == len(tested) == n_splits * (len(log) // (n_splits + 1))
    assert set(np.argsort(times, kind="stable")[-len(tested) :]) == set(tested)


def test_ties_keep_their_row_order():
    log = [(user, 0, 5) for user in range(6)]
    train, test = next(TemporalSplit(1, test_size=2).split(log))
    assert train.tolist() == [0, 1, 2, 3]
    assert test.tolist() == [4, 5]


@pytest.mark.parametrize(("test_size", "expected"), [(3, 3), (0.3, 3), (0.1, 1), (0.25, 3)])
def test_sizes_are_numbers_or_shares(test_size, expected):
    log = [(0, item, item) for item in range(10)]
    assert len(next(TemporalSplit(1, test_size=test_size).split(log))[1]) == expected
    assert len(temporal_train_test_split(log, test_size=test_size)[1]) == expected


@given(logs(min_size=2, kind="str"))
def test_both_parts_are_of_the_type_of_the_log(log):
    names = ["user_id", "item_id", "timestamp"][: len(log[0])]
    columns = {name: list(column) for name, column in zip(names, zip(*log, strict=True), strict=True)}
    expected = temporal_train_test_split(log, test_size=1)
    for make in (pd.DataFrame, pl.DataFrame, pa.table):
        parts = temporal_train_test_split(make(columns), test_size=1)
        for part, rows in zip(parts, expected, strict=True):
            assert type(part) is type(make(columns))
            assert [tuple(row.values()) for row in pl.DataFrame(part).to_dicts()] == rows
    train, test = temporal_train_test_split(InteractionEncoder().fit_transform(log), test_size=1)
    assert [tuple(row) for row in np.asarray(train).tolist()] == expected[0]
    assert [tuple(row) for row in np.asarray(test).tolist()] == expected[1]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_splits": 0}, "n_splits must be a whole number"),
        ({"gap": -1}, "gap must be a whole number"),
        ({"test_size": 0}, "test_size must be"),
        ({"test_size": 1.5}, "test_size must be"),
        ({"n_splits": 5, "test_size": 2}, "A log of 4 events is too short for n_splits=5"),
        ({"n_splits": 1, "gap": 3}, "nothing is left to train on"),
    ],
)
def test_bad_splits_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        list(TemporalSplit(**parameters).split([(0, item, item) for item in range(4)]))


def test_an_empty_training_part_is_refused():
    with pytest.raises(ValueError, match="leaves nothing to train on"):
        temporal_train_test_split([(0, 1), (0, 2)], test_size=2)


def test_repr_is_the_call():
    assert repr(TemporalSplit(3, test_size=0.1)) == "TemporalSplit(n_splits=3, test_size=0.1, gap=0)"


GRID = {"blend": [{"collaborative": 1.0}, {"direct": 1.0}, {"two_hop": 1.0}], "exclude_seen": [True, False]}


class Counting(BaseEstimator):
    """Fits a recommender, and leaves a file for each training, which workers of any kind can do."""

    def __init__(self, recommender, folder):
        self.recommender = recommender
        self.folder = folder

    def fit(self, X):
        (self.folder / uuid4().hex).touch()
        return self.recommender.fit(X)


@settings(max_examples=15)
@given(consecutive_logs(n_parts=3), recommenders(), st.booleans(), st.data())
@pytest.mark.filterwarnings("ignore:The items of:UserWarning")  # tiny logs repeat everything
@pytest.mark.filterwarnings("ignore:.*repeat an earlier:UserWarning")
def test_another_blend_is_what_a_fit_with_it_would_be(parts, recommender, exclude_seen, data):
    fitted, updated, walked = parts
    blend = data.draw(blends_of(recommender.get_params()))
    twin = recommender.fit(fitted).with_blend(blend, exclude_seen)
    # Training reads the exclude_seen of the fit.
    expected = clone(recommender).set_params(blend=blend).fit(fitted).set_params(exclude_seen=exclude_seen)
    assert twin.get_params() == expected.get_params()
    assert twin.blend_ == expected.blend_
    recommender.partial_update(updated)  # the twin knows what the other one takes in
    expected.partial_update(updated)
    np.testing.assert_array_equal(twin.score_samples(walked), expected.score_samples(walked))


def test_the_recommender_itself_is_left_as_it_is():
    recommender = AutoSeqRecRecommender(**SMALL).fit(LOG)
    before = dict(vars(recommender))
    same = recommender.with_blend()
    assert vars(same) == before
    recommender.with_blend({"direct": 2.0}, exclude_seen=False)
    assert vars(recommender) == before


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (({"repeat": -1.0},), ValueError, "must be a finite number of at least 0"),
        (({"direct": 1e308},), ValueError, r"is above 1e\+15, and scores would overflow"),
        (({"taste": 1.0},), ValueError, "unknown parts"),
        (("auto",), TypeError, "blend must be a dict"),
        ((None, "no"), TypeError, "exclude_seen must be True, False or None"),
    ],
)
def test_bad_blends_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        AutoSeqRecRecommender(**SMALL).fit(LOG).with_blend(*arguments)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_search_over_blends_trains_each_fold_once(tmp_path, n_jobs):
    trainings = tmp_path / "trainings"
    trainings.mkdir()
    options = {"scoring": mrr_scorer, "cv": TemporalSplit(2), "n_jobs": n_jobs}
    estimator = Reblended(Counting(AutoSeqRecRecommender(**SMALL), trainings), memory=str(tmp_path / "cache"))
    search = GridSearchCV(estimator, GRID, **options).fit(LOG)
    # Twelve candidates and folds: one training for each of two folds, and one for the whole log.
    assert len(list(trainings.iterdir())) == 3
    # With the exclude_seen that the recommender is trained with, the same as a search that trains anew.
    plain = GridSearchCV(AutoSeqRecRecommender(**SMALL), {"blend": GRID["blend"]}, **{**options, "n_jobs": 1}).fit(LOG)
    is_trained_with = [setting["exclude_seen"] for setting in search.cv_results_["params"]]
    scores = search.cv_results_["mean_test_score"][is_trained_with]
    np.testing.assert_allclose(scores, plain.cv_results_["mean_test_score"])
    # Parameters of the training are part of the key.
    search.estimator.set_params(recommender__recommender__n_components=3)
    search.fit(LOG)
    assert len(list(trainings.iterdir())) == 6


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, list], ids=["pandas", "polars", "list"])
def test_logs_of_every_kind_are_recognised(tmp_path, kind):
    trainings = tmp_path / "trainings"
    trainings.mkdir()
    columns = dict(zip(("user_id", "item_id", "timestamp"), np.asarray(LOG).T.tolist(), strict=True))
    for _ in range(2):
        log = [*zip(*columns.values(), strict=True)] if kind is list else kind(columns)
        Reblended(Counting(AutoSeqRecRecommender(**SMALL), trainings), memory=str(tmp_path / "cache")).fit(log)
    assert len(list(trainings.iterdir())) == 1


@pytest.mark.filterwarnings("ignore:The items of:UserWarning")  # the fitted log itself is scored
def test_without_memory_each_fit_trains(tmp_path):
    for _ in range(2):
        fitted = Reblended(Counting(AutoSeqRecRecommender(**SMALL), tmp_path), blend={"direct": 1.0}).fit(LOG)
    assert len(list(tmp_path.iterdir())) == 2
    assert fitted.score(LOG[-20:], sample_weight=np.ones(20)) == fitted.score_samples(LOG[-20:]).mean()
    assert set(fitted.predict(LOG[:5])) <= set(LOG[:, 1])
