"""What parameters may be, what "auto" stands for, and the published settings."""

import numpy as np
import pytest
from networks import counted
from sklearn.base import clone
from sklearn.utils._param_validation import InvalidParameterError
from worlds import SMALL, cycle

from skautoseqrec import PAPER_PARAMS, AutoSeqRecRecommender
from skautoseqrec._fit_settings import resolve_history_encoder, resolve_n_negatives
from skautoseqrec._network.heads import HEADS
from skautoseqrec._scoring.blend import LARGEST_WEIGHT
from skautoseqrec.datasets import make_interactions


@pytest.fixture
def log():
    return cycle()


def test_paper_params_are_the_published_settings():
    recommender = AutoSeqRecRecommender(**PAPER_PARAMS)
    assert recommender.get_params()["objective"] == "paper"
    assert recommender.transition_window == recommender.context_size == recommender.history_decay == 1
    assert recommender.blend == {"collaborative": 0.6, "one_hop": 0.2, "two_hop": 0.2}
    assert recommender.n_components == 256


def test_paper_params_are_not_shared_with_what_is_fitted(log):
    recommender = AutoSeqRecRecommender(**PAPER_PARAMS | {"n_components": 4, "max_iter": 1}).fit(log)
    recommender.blend_["two_hop"] = 5.0
    assert PAPER_PARAMS["blend"]["two_hop"] == 0.2


@pytest.mark.parametrize(
    "parameters",
    [
        {"n_components": 0},
        {"objective": "bpr"},
        {"max_iter": 0},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"dropout": 1.0},
        {"activation": "gelu"},
        {"transition_window": 0},
        {"transition_decay": 0.0},
        {"history_decay": 1.5},
        {"context_size": 0},
        {"context_decay": -0.1},
        {"blend": "none"},
        {"exclude_seen": "yes"},
        {"device": "abacus"},
        {"random_state": "x"},
    ],
    ids=lambda parameters: next(iter(parameters)),
)
def test_parameters_out_of_range_are_refused(log, parameters):
    with pytest.raises(InvalidParameterError, match=next(iter(parameters))):
        AutoSeqRecRecommender(**parameters).fit(log)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"learning_rate": {"encoder": 0.1}}, "learning_rate must have exactly the keys"),
        (
            {"dropout": dict.fromkeys(PAPER_PARAMS["dropout"], 2)},
            r"dropout\['encoder'\] must be a number in \[0, 1\)",
        ),
        ({"blend": {"two_hops": 1.0}}, r"blend has unknown parts \['two_hops'\]"),
        ({"blend": {"two_hop": -1.0}}, r"blend\['two_hop'\] must be a finite number of at least 0"),
        ({"blend": {"two_hop": 0.0}}, "All weights of blend are zero"),
        ({"blend": {"two_hop": 1e-50}}, "All weights of blend are below 1e-15"),
        ({"blend": {"direct": 1e308}}, r"blend\['direct'\] is above 1e\+15, .* Divide all weights by one number"),
        ({"blend": {"trend": (1, 1, 1, 10**400)}}, r"blend\['trend'\]\[3\] is above 1e\+15"),
    ],
)
def test_bad_dicts_are_refused(log, parameters, message):
    with pytest.raises(ValueError, match=message):
        AutoSeqRecRecommender(**parameters).fit(log)


@pytest.mark.parametrize("published", [False, True])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_largest_weights_rank_as_small_ones_do(published, early_stopping):
    log = make_interactions(n_users=60, n_items=30, n_events=800, random_state=0)
    parameters = {**SMALL, **(PAPER_PARAMS if published else {}), "n_components": 4, "trend_half_lives": (30, 300)}
    parameters |= {"early_stopping": early_stopping, "exclude_seen": False, "max_iter": 2}
    answers = []
    for weight in (1.0, LARGEST_WEIGHT):
        blend = dict.fromkeys(("collaborative", "one_hop", "two_hop", "direct", "repeat"), weight)
        recommender = AutoSeqRecRecommender(**{**parameters, "blend": blend | {"trend": (weight, weight)}})
        recommender.fit(log[:-50]).partial_update(log[-50:-40])
        items, scores = recommender.predict_topk([0, 1, 10**9], k=5, return_scores=True)
        assert np.isfinite(scores).all()
        answers.append((items, recommender.score_samples(log[-40:])))
    np.testing.assert_array_equal(answers[0][0], answers[1][0])
    np.testing.assert_allclose(answers[0][1], answers[1][1])


def test_clone_and_set_params(log):
    recommender = AutoSeqRecRecommender(**PAPER_PARAMS).set_params(**SMALL)
    twin = clone(recommender)
    assert twin.get_params() == recommender.get_params()
    twin.fit(log)
    assert not hasattr(recommender, "module_")
    assert twin.set_params(n_components=3) is twin


@pytest.mark.parametrize(
    ("encoder", "objective", "n_events", "by_moment", "resolved"),
    [
        ("auto", "multinomial", 100, False, "residual"),
        ("auto", "multinomial", 100, True, "shared"),
        ("auto", "multinomial", 99, False, "shared"),
        ("auto", "paper", 500, False, "shared"),
        ("shared", "multinomial", 500, True, "shared"),
        ("residual", "multinomial", 1, False, "residual"),
    ],
)
def test_a_history_encoder_of_its_own_needs_a_dense_log(encoder, objective, n_events, by_moment, resolved):
    counts = counted([(user, "tea") for user in range(n_events)])
    assert resolve_history_encoder(encoder, HEADS[objective], counts, by_moment) == resolved


def test_the_published_model_takes_no_history_encoder_of_its_own():
    with pytest.raises(ValueError, match="history_encoder must be 'shared'"):
        resolve_history_encoder("residual", HEADS["paper"], counted([("ann", "tea")]), by_moment=False)


def test_many_items_are_sampled_by_default():
    assert resolve_n_negatives("auto", HEADS["multinomial"], 8192) is None
    assert resolve_n_negatives("auto", HEADS["multinomial"], 8193) == 1024
    assert resolve_n_negatives("auto", HEADS["paper"], 10**6) is None
    assert resolve_n_negatives(None, HEADS["multinomial"], 10**6) is None
    assert resolve_n_negatives(5, HEADS["multinomial"], 3) == 5


def test_the_published_model_reconstructs_whole_rows():
    log = [("ann", "tea"), ("ann", "jam")]
    with pytest.raises(ValueError, match="n_negatives must be None"):
        AutoSeqRecRecommender(objective="paper", n_negatives=3, blend={"collaborative": 1}).fit(log)
