import pickle

import numpy as np
import pytest
import sklearn

from skautoseqrec.metrics import (
    RankingScorer,
    mrr_scorer,
    recall_scorer,
)

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


@pytest.mark.parametrize("name", ["map", "recall", "recall@0", "ndcg@x", "mrr@10"])
def test_unknown_metrics_are_refused(name):
    with pytest.raises(ValueError, match=f"Unknown metric '{name}'"):
        RankingScorer((name,))
