"""Searches whose fits run side by side: in processes, in threads, in a cluster."""

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, current_thread, main_thread

import joblib
import numpy as np
import pytest
import torch
from comparisons import assert_same_weights
from concurrency import switching_often
from sklearn.model_selection import GridSearchCV
from worlds import LOG, LONG_LOG, SMALL

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._training.steps import WholeSteps
from skautoseqrec.metrics import mrr_scorer
from skautoseqrec.model_selection import TemporalSplit


def search(scoring=mrr_scorer, **options):
    recommender = AutoSeqRecRecommender(**SMALL)
    grid = {"transition_window": [1, 5], "n_components": [2, 4]}
    return GridSearchCV(recommender, grid, scoring=scoring, cv=TemporalSplit(2), **options).fit(LOG)


@pytest.fixture(scope="module")
def alone():
    return search()


def assert_same_search(one, other):
    np.testing.assert_allclose(one.cv_results_["mean_test_score"], other.cv_results_["mean_test_score"], rtol=1e-6)
    assert one.best_params_ == other.best_params_
    np.testing.assert_allclose(one.score_samples(LOG[-20:]), other.score_samples(LOG[-20:]))


@pytest.mark.filterwarnings("ignore:The items of:UserWarning")  # the fitted log itself is scored
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_a_search_is_the_same_in_workers(alone, backend):
    with joblib.parallel_backend(backend):
        assert_same_search(search(n_jobs=2), alone)


@pytest.mark.filterwarnings("ignore:The items of:UserWarning")
def test_a_search_is_the_same_in_a_cluster(alone):
    distributed = pytest.importorskip("distributed", reason="dask.distributed is not installed")
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with (
        distributed.LocalCluster(**options) as cluster,
        distributed.Client(cluster),
        joblib.parallel_backend("dask"),
    ):
        assert_same_search(search(), alone)


@pytest.mark.filterwarnings("ignore:The items of:UserWarning")
def test_a_search_is_the_same_in_ray(alone):
    """Not run by the extra "test": ray is large and not built for every platform. ``pip install ray`` has it run."""
    ray = pytest.importorskip("ray", reason="ray is not installed")
    from ray.util.joblib import register_ray

    def score_and_place(recommender, X, y=None):
        return {"mrr": mrr_scorer(recommender, X), "process": os.getpid()}

    try:
        # Of one core, joblib would have the search run in this process. A node that does not start is given up by ray.
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    except Exception as error:
        pytest.skip(f"ray started no node: {error!r}")
    try:
        register_ray()
        with joblib.parallel_backend("ray"):
            found = search(scoring=score_and_place, refit="mrr")
    finally:
        ray.shutdown()
    places = {place for fold in range(2) for place in found.cv_results_[f"split{fold}_test_process"]}
    assert os.getpid() not in places
    found.cv_results_["mean_test_score"] = found.cv_results_["mean_test_mrr"]
    assert_same_search(found, alone)


#: Kinds of trainings: with a validation and without, and with an encoder of histories, which drops at random.
KINDS = [
    SMALL | {"max_iter": 3},
    {"n_components": 4, "max_iter": 3, "random_state": 1, "exclude_seen": False},
    SMALL | {"history_encoder": "residual", "history_dropout": 0.5, "random_state": 2, "max_iter": 3},
]


def assert_same_model(one, other):
    # To rounding: torch may split its sums otherwise in another thread.
    assert_same_weights(one, other, rtol=None, atol=None)
    weights = [
        np.r_[[model.blend_["two_hop"]], model.blend_["direct"], model.blend_["trend"]] for model in (one, other)
    ]
    np.testing.assert_allclose(*weights, rtol=1e-3)


@pytest.fixture(scope="module")
def fitted():
    return [AutoSeqRecRecommender(**kind).fit(LONG_LOG) for kind in KINDS]


def fit_elsewhere(kind, together=None):
    """Fit in a thread that is not the main one."""
    assert current_thread() is not main_thread()
    if together is not None:
        together.wait()
    return AutoSeqRecRecommender(**kind).fit(LONG_LOG)


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_a_fit_in_another_thread_is_the_same(fitted, kind):
    before = torch.get_rng_state()
    with ThreadPoolExecutor(1) as threads:
        assert_same_model(threads.submit(fit_elsewhere, KINDS[kind]).result(), fitted[kind])
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("pair", [(0, 1), (1, 2), (1, 1)])
def test_fits_in_two_threads_are_those_of_one_after_the_other(fitted, pair):
    together = Barrier(len(pair))
    with switching_often(smallest_merge=1024), ThreadPoolExecutor(len(pair)) as threads:
        found = list(threads.map(fit_elsewhere, [KINDS[kind] for kind in pair], [together] * len(pair)))
    for kind, recommender in zip(pair, found, strict=True):
        assert_same_model(recommender, fitted[kind])


def test_an_interrupt_in_another_thread_keeps_whole_epochs_and_lets_others_train(fitted, monkeypatch):
    take, n_taken = WholeSteps.take, [0]

    def interrupted(self, batch):
        n_taken[0] += 1
        if n_taken[0] == n_before + 1:
            raise KeyboardInterrupt
        return take(self, batch)

    monkeypatch.setattr(WholeSteps, "take", interrupted)
    n_before = -1  # nothing is interrupted yet
    once = AutoSeqRecRecommender(**KINDS[0] | {"max_iter": 1}).fit(LONG_LOG)
    n_before, n_taken[0] = n_taken[0], 0
    with ThreadPoolExecutor(1) as threads, pytest.warns(UserWarning, match="interrupted; kept: 1 of 3 epochs"):
        assert_same_model(threads.submit(fit_elsewhere, KINDS[0]).result(), once)
    assert_same_model(AutoSeqRecRecommender(**KINDS[0]).fit(LONG_LOG), fitted[0])
