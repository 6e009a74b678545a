"""A model without a network: it counts, solves and blends, and does all else that the others do."""

import numpy as np
import pytest
import torch
from comparisons import assert_same_answers
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skautoseqrec import AutoSeqRecRecommender, load_model
from skautoseqrec._counts.counted_log import count_log
from skautoseqrec._counts.settings import SequenceSettings
from skautoseqrec._data.reading import read_columns
from skautoseqrec._fitting import linear_fit
from skautoseqrec._fitting.linear_fit import solve_linear
from skautoseqrec.datasets import make_interactions
from skautoseqrec.model_selection import TemporalSplit

LOG = make_interactions(n_users=200, n_items=40, n_events=3000, random_state=0)
NETWORK = ("collaborative", "one_hop", "two_hop")


@pytest.fixture(scope="module")
def fitted():
    return AutoSeqRecRecommender(objective="closed_form").fit(LOG[:2500])


def counts_of(log):
    return count_log(read_columns(log), None, SequenceSettings(1, 1.0, 1.0, 1, 1.0, ()), 0).counts


def test_nothing_is_trained(fitted):
    assert (fitted.n_iter_, fitted.loss_curve_, fitted.validation_scores_) == (0, [], [])
    assert not hasattr(fitted, "module_")
    with pytest.raises(AttributeError, match="objective='closed_form' has no network"):
        _ = fitted.module_
    assert not hasattr(fitted, "item_embeddings")
    assert all(fitted.blend_[part] == 0.0 for part in NETWORK)
    assert any(np.any(weight) for weight in fitted.blend_.values())


def test_it_ranks_far_better_than_chance(fitted):
    assert fitted.score(LOG[2500:]) > 2 * np.mean(1 / np.arange(1, 41))


def test_a_fit_depends_on_no_seed(fitted):
    assert_same_answers(clone(fitted).set_params(random_state=5).fit(LOG[:2500]), fitted)


def test_updates_files_and_searches_work_alike(fitted, tmp_path):
    fitted.save_model(tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    assert_same_answers(loaded, fitted)
    loaded.partial_update(LOG[2500:]).forget(users=LOG[:1, 0])
    assert loaded.similar_items(LOG[:3, 1], k=2).shape == (3, 2)
    grid = {"linear_penalty": [None, 100.0], "neighbour_window": [0, 20]}
    search = GridSearchCV(clone(fitted), grid, cv=TemporalSplit(2)).fit(LOG)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_a_network_is_not_weighed(fitted):
    message = r"blend weighs \['collaborative'\], which objective='closed_form' has not"
    with pytest.raises(ValueError, match=message):
        clone(fitted).set_params(blend={"collaborative": 1.0, "direct": 1.0}).fit(LOG)
    with pytest.raises(ValueError, match=message):
        fitted.with_blend({"collaborative": 1.0})
    assert fitted.with_blend(fitted.blend_).blend_ == fitted.blend_


def test_a_network_starts_anew_after_a_fit_without_one(fitted):
    warm = clone(fitted).set_params(warm_start=True, n_components=4, max_iter=1).fit(LOG[:1200])
    warm.set_params(objective="multinomial").fit(LOG[:1200])
    assert warm.module_.encoder_weight.shape[1] == 4


def test_a_short_log_takes_fixed_weights_and_says_so():
    with pytest.warns(UserWarning, match="nothing is validated. The blend is the objective's fixed one"):
        short = AutoSeqRecRecommender(objective="closed_form").fit(LOG[:90])
    assert short.blend_["neighbours"] == 0.5


@pytest.mark.parametrize("penalty", [0.5, 300.0])
def test_the_autoencoder_is_the_best_one_without_a_diagonal(penalty):
    counts = counts_of(LOG)
    weights = solve_linear(counts, penalty).weights.double().numpy()
    met = (counts.user_item().toarray() > 0).astype(float)
    assert (np.diag(weights) == 0).all()
    # The gradient of |met - met B|^2 + penalty |B|^2 vanishes off the diagonal.
    gradient = met.T @ (met @ weights - met) + penalty * weights
    np.fill_diagonal(gradient, 0.0)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-3)


def test_only_the_most_frequent_items_of_a_large_catalogue_are_autoencoded(monkeypatch):
    monkeypatch.setattr(linear_fit, "MOST_ITEMS", 10)
    counts = counts_of(LOG)
    linear = solve_linear(counts, 5.0)
    assert linear.weights.shape == (10, 10)
    assert set(linear.items) == set(np.argsort(-counts.popularity, kind="stable")[:10])


def test_answers_need_no_components_in_several_threads(fitted):
    """Torch's bags of rows without components fail where there are two threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert fitted.predict_topk(np.unique(LOG[:, 0]), k=3).shape == (200, 3)
        assert np.isfinite(fitted.score_samples(LOG[2500:])).all()
    finally:
        torch.set_num_threads(before)


def test_all_that_is_autoencoded_may_be_forgotten(monkeypatch):
    monkeypatch.setattr(linear_fit, "MOST_ITEMS", 1)
    recommender = AutoSeqRecRecommender(objective="closed_form").fit(LOG)
    model = recommender._serving.scorer.model
    recommender.forget(items=recommender.item_ids_[model.linear.items])
    assert recommender._serving.scorer.model.linear is None
    assert np.isfinite(recommender.predict_topk([LOG[0, 0]], k=3, return_scores=True)[1]).all()
