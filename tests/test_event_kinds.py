"""Kinds of events: which are judged, in scores, scorers, searches and comparisons, and what their weights are for."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from worlds import FIXED

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.baselines import PopularityRecommender
from skautoseqrec.datasets import make_shop_log
from skautoseqrec.metrics import RankingScorer, get_scorer, mrr_scorer, recall_scorer
from skautoseqrec.model_selection import Reblended, TemporalSplit, compare, temporal_train_test_split
from skautoseqrec.preprocessing import InteractionEncoder

CLOSED = {**FIXED, "objective": "closed_form", "blend": {"direct": 1.0, "trend": (0, 0, 0, 1)}, "exclude_seen": False}
KINDS = {"view": 0.1, "buy": 1}


def frame_of(log):
    ids = log.user_ids[log.users], log.item_ids[log.items]
    return pd.DataFrame({"user": ids[0], "item": ids[1], "time": log.times, "action": log.events})


LOG = make_shop_log(n_users=40, n_items=15, n_purchases=4, n_views=2, random_state=0)
FRAME = frame_of(LOG)
PAST, NEWER = FRAME[:350], FRAME[350:]
IS_BOUGHT = (NEWER["action"] == "buy").to_numpy()


@pytest.fixture(scope="module")
def fitted():
    return AutoSeqRecRecommender(**CLOSED, event_weights=KINDS).fit(PAST)


@pytest.mark.parametrize("ties", ["row", "together"])
def test_only_events_of_one_kind_are_judged_and_all_are_added(fitted, ties):
    every = fitted.score_samples(NEWER, ties=ties)
    judged = fitted.score_samples(NEWER, ties=ties, judge="buy")
    np.testing.assert_array_equal(judged[IS_BOUGHT], every[IS_BOUGHT])
    assert np.isnan(judged[~IS_BOUGHT]).all()
    assert fitted.score(NEWER, ties=ties, judge="buy") == pytest.approx(every[IS_BOUGHT].mean())
    weights = np.arange(len(NEWER))
    expected = np.average(every[IS_BOUGHT], weights=weights[IS_BOUGHT])
    assert fitted.score(NEWER, sample_weight=weights, ties=ties, judge="buy") == pytest.approx(expected)


def test_kinds_are_judged_without_weights_of_them():
    recommender = AutoSeqRecRecommender(**CLOSED).fit(PAST)
    assert np.isnan(recommender.score_samples(NEWER, judge="view")).sum() == IS_BOUGHT.sum()
    baseline = PopularityRecommender(exclude_seen=False).fit(PAST)
    assert np.isnan(baseline.score_samples(NEWER, judge="buy")).sum() == (~IS_BOUGHT).sum()
    assert 0 < baseline.score(NEWER, judge="buy") < 1
    numbered = NEWER.assign(action=np.where(IS_BOUGHT, 4, 1))
    assert np.isnan(recommender.score_samples(numbered, judge=np.int64(4))).sum() == (~IS_BOUGHT).sum()


@pytest.mark.parametrize("call", ["score_samples", "score"])
def test_what_cannot_be_judged_is_refused(fitted, call):
    for recommender in (fitted, PopularityRecommender().fit(PAST)):
        judge = getattr(recommender, call)
        with pytest.raises(ValueError, match=r"'action' has no event of the kind 'like'; it has \['buy', 'view'\]"):
            judge(NEWER, judge="like")
        with pytest.raises(ValueError, match="asks for the kind of each event, and the log has none"):
            judge(NEWER.drop(columns="action"), judge="buy")


def test_scorers_judge(fitted):
    expected = fitted.score(NEWER, judge="buy")
    pipeline = make_pipeline(InteractionEncoder({"event": "action"}), AutoSeqRecRecommender(**CLOSED)).fit(PAST)
    for estimator in (fitted, pipeline):
        value = estimator.score_samples(NEWER)[IS_BOUGHT].mean()
        assert RankingScorer("mrr", judge="buy")(estimator, NEWER) == pytest.approx(value)
        assert mrr_scorer(estimator, NEWER, judge="buy") == pytest.approx(value)
        assert RankingScorer(("mrr",), ties="row", judge="buy")(estimator, NEWER)["mrr"] == pytest.approx(value)
    assert mrr_scorer(fitted, NEWER) != pytest.approx(expected)
    assert repr(recall_scorer(5, judge="buy")) == "RankingScorer('recall@5', judge='buy')"
    assert get_scorer("mrr", judge="buy")(fitted, NEWER) == pytest.approx(expected)
    weights = np.arange(len(NEWER))
    weighted = fitted.score(NEWER, sample_weight=weights, judge="buy")
    assert mrr_scorer(fitted, NEWER, sample_weight=weights, judge="buy") == pytest.approx(weighted)
    with pytest.raises(ValueError, match="ties and judge cannot change a scorer that is there already"):
        get_scorer(mrr_scorer, judge="buy")


def test_a_search_over_weights_of_kinds_finds_those_that_serve_purchases():
    grid = {"event_weights": [None, KINDS]}
    recommender = AutoSeqRecRecommender(**CLOSED)
    search = GridSearchCV(recommender, grid, scoring=RankingScorer("mrr", judge="buy"), cv=TemporalSplit(2)).fit(FRAME)
    assert search.best_params_ == {"event_weights": KINDS}


def test_weights_are_routed_through_searches_and_pipelines():
    weights = np.where(FRAME["action"] == "buy", 1.0, 0.1)
    with sklearn.config_context(enable_metadata_routing=True):
        recommender = AutoSeqRecRecommender(**CLOSED).set_fit_request(sample_weight=True)
        scorer = mrr_scorer.set_score_request(sample_weight=False)
        search = GridSearchCV(recommender, {"context_size": [1]}, scoring=scorer, cv=TemporalSplit(1))
        found = search.fit(FRAME, sample_weight=weights).best_estimator_
        pipeline = make_pipeline(InteractionEncoder(), recommender).fit(FRAME, sample_weight=weights)
        updated = recommender.set_params(context_size=1).fit(FRAME, sample_weight=weights)
    for each in (found, pipeline[-1], updated):
        events = each._serving.state.events
        assert events.weights(0, len(events)).tolist() == np.rint(weights * 1024).astype(int).tolist()


def test_reblended_recommenders_take_weights_and_judge(tmp_path):
    weights = np.where(PAST["action"] == "buy", 1.0, 0.1)
    for memory in (None, str(tmp_path)):
        reblended = Reblended(AutoSeqRecRecommender(**CLOSED), memory=memory).fit(PAST, sample_weight=weights)
        plain = Reblended(AutoSeqRecRecommender(**CLOSED), memory=memory).fit(PAST)
        assert reblended.recommender_._serving.state.events.has_weights
        assert not plain.recommender_._serving.state.events.has_weights
        assert reblended.score(NEWER, judge="buy") == pytest.approx(
            reblended.score_samples(NEWER, judge="buy")[IS_BOUGHT].mean()
        )


def test_comparisons_judge():
    models = {"popularity": PopularityRecommender(exclude_seen=False)}
    models |= {
        name: AutoSeqRecRecommender(**CLOSED, event_weights=weights)
        for name, weights in (("alike", None), ("weighted", KINDS))
    }
    cv = TemporalSplit(2, test_size=100)
    comparison = compare(models, FRAME, cv=cv, metrics="mrr", judge="buy", n_resamples=10, random_state=0)
    kinds = FRAME["action"].to_numpy()
    assert (kinds[comparison.rows] == "buy").all()
    assert len(comparison.users) == len(comparison.folds) == (kinds[-200:] == "buy").sum()
    assert len(comparison.reciprocal_ranks["alike"]) == len(comparison.rows)
    with pytest.raises(ValueError, match="has no event of the kind 'like'"):
        compare(models, FRAME, judge="like")


@pytest.mark.parametrize("seed", range(3))
def test_weights_of_purchases_serve_purchases(seed):
    log = make_shop_log(n_users=80, n_items=30, random_state=seed)
    train, test = temporal_train_test_split(log, test_size=0.2)
    parameters = {"objective": "closed_form", "exclude_seen": False}
    alike, weighted = (
        AutoSeqRecRecommender(**parameters, event_weights=weights).fit(train).score(test, judge="buy")
        for weights in (None, {"view": 0.05, "buy": 1})
    )
    assert weighted > 2 * alike


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"n_users": 0}, "n_users must be a whole"), ({"n_items": 1}, "n_items"), ({"noise": 2}, r"noise must be in \[0")],
)
def test_a_shop_that_cannot_be_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_shop_log(**arguments)
