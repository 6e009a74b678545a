"""Searches over the blends of one training."""

from unittest.mock import patch
from uuid import uuid4

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import GridSearchCV
from strategies import blends_of, consecutive_logs, recommenders
from worlds import LOG, SMALL

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.baselines import PopularityRecommender
from skautoseqrec.metrics import mrr_scorer
from skautoseqrec.model_selection import Reblended, TemporalSplit

GRID = {"blend": [{"collaborative": 1.0}, {"direct": 1.0}, {"two_hop": 1.0}], "exclude_seen": [True, False]}


class Counting(BaseEstimator):
    """Fits a recommender, and leaves a file for each training, which workers of any kind can do."""

    def __init__(self, recommender, folder):
        self.recommender = recommender
        self.folder = folder

    def fit(self, X):
        (self.folder / uuid4().hex).touch()
        return self.recommender.fit(X)

    def with_blend(self, blend):
        """Nobody asks this one, for its ``fit`` returns the recommender."""


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
def test_bad_blends_are_refused(arguments, error, message, tmp_path):
    with pytest.raises(error, match=message):
        AutoSeqRecRecommender(**SMALL).fit(LOG).with_blend(*arguments)
    blend, exclude_seen = (*arguments, None)[:2]
    unfitted = Reblended(AutoSeqRecRecommender(**SMALL), blend=blend, exclude_seen=exclude_seen, memory=str(tmp_path))
    with patch.object(AutoSeqRecRecommender, "fit") as fit, pytest.raises(error, match=message):
        unfitted.fit(LOG)
    fit.assert_not_called()


def test_a_blend_is_checked_against_what_was_fitted():
    recommender = AutoSeqRecRecommender(**SMALL, trend_half_lives=(5, 50)).fit(LOG)
    recommender.set_params(trend_half_lives=(5,), dropout=-1)  # of the next fit
    assert recommender.with_blend({"trend": (1.0, 2.0)}).blend_["trend"] == (1.0, 2.0)


@pytest.mark.parametrize("other", [PopularityRecommender(), "closed_form", None])
def test_what_has_no_blend_is_refused_before_it_is_trained(other):
    with pytest.raises(
        ValueError, match="The 'recommender' parameter of Reblended must be an object implementing"
    ) as no:
        Reblended(other).fit(LOG)
    assert "with_blend" in str(no.value)


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
