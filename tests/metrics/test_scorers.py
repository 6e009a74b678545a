"""Scorers: one replay for all metrics, weights, ties, requests and names."""

import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skautoseqrec import AutoSeqRecRecommender, metrics
from skautoseqrec.datasets import make_interactions
from skautoseqrec.metrics import (
    RankingScorer,
    get_scorer,
    mean_average_precision_at_k,
    mean_rank,
    mean_reciprocal_rank,
    median_rank,
    mrr_scorer,
    ndcg_at_k,
    precision_at_k,
    recall_at_k,
    recall_scorer,
)
from skautoseqrec.metrics._names import gains
from skautoseqrec.model_selection import Reblended, TemporalSplit
from skautoseqrec.preprocessing import InteractionEncoder

BAD_WEIGHTS = [
    ([1, 2], ValueError, "sample_weight has 2 weights for 3 events"),
    ([1, 2, 3, 4], ValueError, "sample_weight has 4 weights for 3 events"),
    (1.0, ValueError, "one-dimensional"),
    ([[1, 2, 3]], ValueError, "one-dimensional"),
    ([1, -2, 3], ValueError, r"row 1 holds -2\.0"),
    ([1, 2, float("nan")], ValueError, "row 2 holds nan"),
    ([float("inf"), 2, 3], ValueError, "row 0 holds inf"),
    ([None, 2, 3], (TypeError, ValueError), "sample_weight must be"),
    (["1", "2", "3"], TypeError, "sample_weight must be numbers"),
    ([1j, 2, 3], TypeError, "sample_weight must be numbers"),
    ([0, 0, 0], ValueError, "0 for every event"),
    (np.ma.masked_array([1, 2, 3], [0, 1, 0]), ValueError, "holds masked places"),
]


class Fixed:
    """A stand-in for a fitted recommender."""

    def __init__(self, ranks):
        self.values = 1 / np.asarray(ranks, dtype=float)
        self.n_walks = 0

    def score_samples(self, X):
        self.n_walks += 1
        return self.values


def test_a_scorer_walks_once_for_all_metrics():
    estimator = Fixed([1, 4, 30])
    scores = RankingScorer(("mrr", "recall@10", "ndcg@5"))(estimator, None)
    assert scores == {
        "mrr": pytest.approx((1 + 0.25 + 1 / 30) / 3),
        "recall@10": pytest.approx(2 / 3),
        "ndcg@5": pytest.approx((1 + 1 / np.log2(5)) / 3),
    }
    assert estimator.n_walks == 1


def test_scorers_weigh_events():
    estimator = Fixed([1, 4, 30])
    assert mrr_scorer(estimator, None, sample_weight=[0, 1, 3]) == pytest.approx((1 / 4 + 3 / 30) / 4)
    assert recall_scorer(3)(estimator, None, None, sample_weight=np.array([3.0, 1, 0])) == pytest.approx(3 / 4)
    scores = RankingScorer(("mrr", "recall@10", "ndcg@5"))(estimator, None, sample_weight=[1e308, 1e308, 1e308])
    assert scores == RankingScorer(("mrr", "recall@10", "ndcg@5"))(estimator, None)


@pytest.mark.parametrize("score", [mrr_scorer, RankingScorer(("mrr", "ndcg@2"))], ids=repr)
@pytest.mark.parametrize(("weights", "error", "message"), BAD_WEIGHTS)
def test_bad_weights_are_refused(score, weights, error, message):
    with pytest.raises(error, match=message):
        score(Fixed([1, 4, 30]), None, sample_weight=weights)


@pytest.mark.parametrize("weights", [[-1, 1, 1], [float("nan"), 1, 1], [0, 0, 0]])
def test_bad_weights_are_refused_before_the_walk(weights):
    estimator = Fixed([1, 4, 30])
    with pytest.raises(ValueError, match="sample_weight"):
        mrr_scorer(estimator, None, sample_weight=weights)
    assert estimator.n_walks == 0


def test_requests_of_scorers_are_their_own():
    with pytest.raises(RuntimeError, match="enable_metadata_routing=True"):
        mrr_scorer.set_score_request(sample_weight=True)
    with sklearn.config_context(enable_metadata_routing=True):
        asking = mrr_scorer.set_score_request(sample_weight="trust")
        with pytest.raises(ValueError, match="should be either a valid identifier"):
            mrr_scorer.set_score_request(sample_weight=3)
    assert asking.get_metadata_routing().score.requests == {"sample_weight": "trust"}
    assert mrr_scorer.get_metadata_routing().score.requests == {"sample_weight": None}
    assert pickle.loads(pickle.dumps(asking)).get_metadata_routing().score.requests == {"sample_weight": "trust"}


def test_single_scorers_return_floats_and_are_picklable():
    estimator = Fixed([1, 4, 30])
    assert pickle.loads(pickle.dumps(mrr_scorer))(estimator, None, None) == pytest.approx((1 + 0.25 + 1 / 30) / 3)
    assert pickle.loads(pickle.dumps(recall_scorer(3)))(estimator, None) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("map", ""),
        ("recall", ""),
        ("recall@0", ""),
        ("ndcg@x", ""),
        ("recall@-1", ""),
        ("recall@010", ""),
        (3, ""),
        (None, ""),
        ("mrr@10", "with one right answer it is 'map@10'"),
        ("hit_rate@5", "with one right answer it is 'recall@5'"),
        ("hr@5", "it is 'recall@5'"),
        ("mean_rank", "it is called 'neg_mean_rank'"),
        ("auc", "it needs the number of candidates: call skautoseqrec.metrics.roc_auc"),
    ],
)
def test_unknown_metrics_are_refused(name, hint):
    with pytest.raises(ValueError, match=f"Unknown metric {name!r}: .*{hint}.*use 'mrr', 'recall@k'"):
        RankingScorer((name,))
    with pytest.raises(ValueError, match="Unknown metric"):
        get_scorer(name)


def test_no_metric_is_no_scorer():
    with pytest.raises(ValueError, match="metrics holds no name"):
        RankingScorer(())


@settings(max_examples=25)
@given(st.lists(st.integers(2, 60).map(lambda n: n / 2) | st.just(float("inf")), min_size=1, max_size=20))
def test_every_name_is_its_function(ranks):
    functions = {
        "mrr": mean_reciprocal_rank(ranks),
        "recall@3": recall_at_k(ranks, 3),
        "precision@3": precision_at_k(ranks, 3),
        "ndcg@3": ndcg_at_k(ranks, 3),
        "map@3": mean_average_precision_at_k(ranks, 3),
        "neg_mean_rank": -mean_rank(ranks),
        "neg_median_rank": -median_rank(ranks),
    }
    estimator = Fixed(ranks)
    assert RankingScorer(tuple(functions))(estimator, None) == pytest.approx(functions)
    assert estimator.n_walks == 1
    for name, expected in functions.items():
        assert get_scorer(name)(estimator, None) == pytest.approx(expected)
        if name not in ("neg_mean_rank", "neg_median_rank"):
            assert gains(name, np.array(ranks)).mean() == pytest.approx(expected)


def test_get_scorer_gives_back_a_callable():
    assert get_scorer(mrr_scorer) is mrr_scorer
    assert repr(get_scorer("recall@7", ties="row")) == "RankingScorer('recall@7', ties='row')"
    with pytest.raises(ValueError, match="ties and judge cannot change a scorer"):
        get_scorer(mrr_scorer, ties="row")


@pytest.mark.parametrize("ties", ["auto", "none", 3, ["row"]])
def test_unknown_ties_are_refused(ties):
    for make in (RankingScorer, recall_scorer, partial(get_scorer, "mrr")):
        with pytest.raises(ValueError, match="ties must be 'row' or 'together'"):
            make(ties=ties)


def shuffled_ties(log, seed):
    """Return a log in time order, rows of one time in any order."""
    log = np.random.default_rng(seed).permutation(log)
    return log[np.argsort(log[:, 2], kind="stable")]


@pytest.fixture(scope="module")
def shop():
    """Return the past and the newest part of a shop's log, and a recommender that knows its past."""
    log = make_interactions(n_users=60, n_items=40, n_events=900, basket_size=4, random_state=0)
    past, newest = log[log[:, 2] < 180], log[log[:, 2] >= 180]
    return past, newest, AutoSeqRecRecommender(objective="closed_form", random_state=0).fit(past)


@pytest.mark.filterwarnings("ignore:With ties='row':UserWarning")
def test_a_shops_figure_does_not_change_when_tied_rows_are_shuffled(shop):
    past, newest, recommender = shop
    assert recommender.ties_ == "together"
    expected = mrr_scorer(recommender, newest)
    assert expected > 0.05
    for seed in range(3):
        refitted = AutoSeqRecRecommender(objective="closed_form", random_state=0).fit(shuffled_ties(past, seed))
        assert mrr_scorer(refitted, shuffled_ties(newest, seed)) == pytest.approx(expected, abs=1e-6)
        assert recommender.score(shuffled_ties(newest, seed)) == pytest.approx(expected, abs=1e-6)
    by_row = [RankingScorer("mrr", ties="row")(recommender, shuffled_ties(newest, seed)) for seed in range(3)]
    assert np.ptp(by_row) > 1e-3  # which is what would happen


@pytest.mark.filterwarnings("ignore:With ties='row':UserWarning")
@pytest.mark.filterwarnings("ignore:The newest:UserWarning")  # the log is too short to validate on
@pytest.mark.parametrize("ties", ["row", "together", None])
def test_ties_reach_the_recommender_through_what_is_around_it(shop, ties):
    past, newest, recommender = shop
    scorer = RankingScorer(("mrr", "recall@5"), ties=ties)
    expected = recommender.score(newest, ties=ties)
    assert scorer(recommender, newest)["mrr"] == pytest.approx(expected)
    assert recall_scorer(5, ties=ties)(recommender, newest) == scorer(recommender, newest)["recall@5"]
    unfitted = AutoSeqRecRecommender(objective="closed_form", random_state=0)
    pipe = make_pipeline(InteractionEncoder(), unfitted).fit(past)
    assert scorer(pipe, newest)["mrr"] == pytest.approx(expected)
    assert scorer(make_pipeline(unfitted).fit(past), newest)["mrr"] == pytest.approx(expected)
    search = GridSearchCV(pipe, {"autoseqrecrecommender__gate": [True]}, scoring=mrr_scorer, cv=TemporalSplit(1))
    assert scorer(search.fit(past), newest)["mrr"] == pytest.approx(expected)
    reblended = Reblended(unfitted).fit(past)
    assert scorer(reblended, newest)["mrr"] == pytest.approx(expected)
    assert reblended.score(newest, ties=ties) == pytest.approx(expected)


def test_a_score_takes_ties_beside_weights_with_and_without_routing(shop):
    past, newest, recommender = shop
    weights = np.arange(1.0, len(newest) + 1)
    values = recommender.score_samples(newest, ties="together")
    assert recommender.score(newest, None, weights, "together") == pytest.approx(np.average(values, weights=weights))
    with sklearn.config_context(enable_metadata_routing=True):
        asking = clone(recommender).set_score_request(sample_weight=True, ties=True)
        pipe = make_pipeline(InteractionEncoder(), asking).fit(past)
        found = pipe.score(newest, sample_weight=weights, ties="together")
    assert found == pytest.approx(np.average(values, weights=weights))


def test_what_is_public_says_so():
    for name in metrics.__all__:
        public = getattr(metrics, name)
        assert (type(public) if name == "mrr_scorer" else public).__module__ == "skautoseqrec.metrics"
        assert pickle.loads(pickle.dumps(public)) is public or name == "mrr_scorer"


@pytest.mark.parametrize("first", ["passthrough", None, FunctionTransformer()])
def test_columns_are_those_of_the_first_step_that_reads_a_log(first):
    columns = {"user": "who", "item": "what", "time": "when", "event": "kind"}
    log = pd.DataFrame(
        {"who": [1, 1, 2, 2] * 5, "what": [7, 8, 9, 7] * 5, "when": range(20), "kind": ["view", "buy"] * 10}
    )
    recommender = AutoSeqRecRecommender(
        objective="closed_form", blend={"direct": 1.0}, early_stopping=False, exclude_seen=False, columns=columns
    )
    pipeline = Pipeline([("first", first), ("model", recommender)]).fit(log[:12])
    scorer = RankingScorer("mrr", judge="buy")
    assert scorer(pipeline, log[12:]) == scorer(recommender.fit(log[:12]), log[12:])
