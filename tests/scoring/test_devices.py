"""Another device scores and walks as the CPU does, and nothing is mixed up between the two."""

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from stand_in_device import NAME, OnStandIn, stand_in_device
from strategies import consecutive_logs, recommenders

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._fitting.blend_fit import fit_weights
from skautoseqrec._fitting.validation import Validation
from skautoseqrec._scoring.blend import Blend
from skautoseqrec._utils import devices
from skautoseqrec._utils.devices import scoring_device, training_device
from skautoseqrec.datasets import make_interactions

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*repeat an earlier:UserWarning"),  # tiny logs repeat everything
    pytest.mark.filterwarnings("ignore:The items of:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*hold fewer than 50 usable events:UserWarning"),
]


@pytest.fixture(scope="module")
def elsewhere():
    with stand_in_device() as device:
        yield device


@pytest.fixture
def scored_elsewhere(elsewhere, monkeypatch):
    monkeypatch.setattr(devices, "scoring_device", lambda name: elsewhere if name != "cpu" else torch.device("cpu"))
    return elsewhere


def test_the_stand_in_refuses_to_mix_devices(elsewhere):
    there = torch.ones(2).to(elsewhere)
    assert isinstance(there, OnStandIn)
    assert (there + there).cpu().tolist() == [2.0, 2.0]
    with pytest.raises(RuntimeError, match=r"(?i)expected all tensors to be on"):
        there + torch.ones(2)


@settings(max_examples=40)
@given(parts=consecutive_logs(n_parts=3), recommender=recommenders(), exclude_seen=st.booleans())
def test_answers_are_those_of_the_cpu(parts, recommender, exclude_seen, elsewhere):
    recommender.set_params(device="cpu").fit(parts[0]).partial_update(parts[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(devices, "scoring_device", lambda name: torch.device("cpu") if name == "cpu" else elsewhere)
        twin = copy.copy(recommender).set_params(device="auto")
        options = {"k": 3, "exclude_seen": exclude_seen, "return_scores": True}
        for filters in ({}, {"exclude": recommender.item_ids_[:1]}, {"candidates": recommender.item_ids_[1:]}):
            _, there = twin.predict_topk(recommender.user_ids_, **options, **filters)
            _, here = recommender.predict_topk(recommender.user_ids_, **options, **filters)
            np.testing.assert_allclose(np.ma.filled(there, -1), np.ma.filled(here, -1), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(twin.score_samples(parts[2]), recommender.score_samples(parts[2]))


def test_updates_reach_what_is_kept_on_a_device(scored_elsewhere, monkeypatch):
    monkeypatch.setattr("skautoseqrec._state.state.SMALLEST_MERGE", 80)
    log = make_interactions(n_users=40, n_items=30, n_events=600, random_state=0)
    recommender = AutoSeqRecRecommender(8, max_iter=1, random_state=0, device="cpu").fit(log[:400])
    twin = copy.deepcopy(recommender).set_params(device="cuda")
    for start in range(400, 600, 50):
        for known in (recommender, twin):
            known.partial_update(log[start : start + 50])
        here, there = (known.predict_topk(log[:, 0], return_scores=True)[1] for known in (recommender, twin))
        np.testing.assert_allclose(there, here, rtol=1e-4, atol=1e-5)
    assert len(twin._serving.state.snapshot.base.counts.history) > 400  # merged: what is kept is of another base
    recommender._serving.state.refresh()
    twin._serving.state.refresh()
    here, there = (known.predict_topk(log[:, 0], return_scores=True)[1] for known in (recommender, twin))
    np.testing.assert_allclose(there, here, rtol=1e-4, atol=1e-5)


def test_a_device_is_not_pickled(scored_elsewhere):
    log = make_interactions(n_users=20, n_items=20, n_events=200, random_state=0)
    recommender = AutoSeqRecRecommender(4, max_iter=1, early_stopping=False, random_state=0).fit(log)
    expected = recommender.predict_topk(log[:, 0])
    loaded = pickle.loads(pickle.dumps(recommender)).set_params(device="cpu")
    np.testing.assert_array_equal(loaded.predict_topk(log[:, 0]), expected)
    assert loaded._serving.scorer.device.type == "cpu"
    assert any(f"on {NAME}" in name for name in vars(recommender._serving.scorer)["_kept"])
    assert not any(f"on {NAME}" in name for name in vars(loaded._serving.scorer).get("_kept", ()))


def test_blends_are_fitted_there(elsewhere):
    log = make_interactions(n_users=60, n_items=60, n_events=1500, random_state=0)
    log[1300::5, 0] += 1000  # new users
    recommender = AutoSeqRecRecommender(8, max_iter=2, early_stopping=False, random_state=0, device="cpu").fit(log)
    state, model = recommender._serving.state, recommender._serving.scorer.model
    events = state.events.log(len(state.user_vocabulary), len(state.item_vocabulary))
    visible = np.arange(len(state.events) - 1300)
    validation = Validation.of_log(events, 1200, 1300, model.settings.step_weights, False, visible)
    blends = Blend.default(model.heads, model.settings, exclude_seen=False), Blend.cold(model.settings)
    for cold in (False, True):
        start = blends[cold].terms()
        fits = []
        for device in (torch.device("cpu"), elsewhere):
            choices = validation.choices(model, 2**16, start, device, cold)
            assert choices.features.device.type == device.type
            assert len(choices.features)
            fits.append(fit_weights(choices, start, max_iter=5))
        here, there = fits
        assert there.weights == pytest.approx(here.weights, rel=1e-3, abs=1e-4)
        assert there.log_likelihood == pytest.approx(here.log_likelihood, rel=1e-5)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU: it is taken")
def test_without_a_gpu_scores_are_formed_on_the_cpu():
    assert scoring_device("auto").type == scoring_device("cuda").type == scoring_device("cpu").type == "cpu"
    assert training_device("auto").type == "cpu"
    with pytest.raises(ValueError, match="torch sees no GPU here: take 'auto' or 'cpu'"):
        AutoSeqRecRecommender(device="cuda").fit([("ann", "tea"), ("ann", "milk")])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_fits_and_answers_as_the_cpu_does():
    log = make_interactions(n_users=60, n_items=60, n_events=1500, random_state=0)
    recommender = AutoSeqRecRecommender(8, max_iter=3, random_state=0, device="cuda").fit(log[:1200])
    twin = copy.copy(recommender).set_params(device="cpu")
    np.testing.assert_allclose(recommender.score_samples(log[1200:]), twin.score_samples(log[1200:]), rtol=1e-3)
    here, there = (known.predict_topk(log[:, 0], return_scores=True)[1] for known in (twin, recommender))
    np.testing.assert_allclose(there, here, rtol=1e-3, atol=1e-4)
