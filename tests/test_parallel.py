"""Searches whose fits run side by side: in processes, in threads, in a cluster."""

import joblib
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.datasets import make_interactions
from skautoseqrec.metrics import mrr_scorer
from skautoseqrec.model_selection import TemporalSplit

LOG = make_interactions(n_users=30, n_items=25, n_events=300, random_state=0)
SMALL = {"n_components": 4, "max_iter": 1, "random_state": 0, "early_stopping": False, "blend": {"collaborative": 1.0}}


def search(n_jobs=None):
    recommender = AutoSeqRecRecommender(**SMALL)
    grid = {"transition_window": [1, 5], "n_components": [2, 4]}
    found = GridSearchCV(recommender, grid, scoring=mrr_scorer, cv=TemporalSplit(2), n_jobs=n_jobs)
    return found.fit(LOG)


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
