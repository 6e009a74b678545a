import matplotlib
import pytest

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.datasets import make_interactions

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _figures_are_closed():
    from matplotlib import pyplot

    yield
    pyplot.close("all")


@pytest.fixture(scope="session")
def world():
    """Return a log that is fitted, one that comes after, and a model of several parts that was fitted on the first."""
    log, oracle = make_interactions(n_users=60, n_items=40, n_events=1200, random_state=1, return_oracle=True)
    blend = {"direct": 1.0, "neighbours": 0.5, "trend": (0.0, 0.2, 0.0, 0.1)}
    recommender = AutoSeqRecRecommender(objective="closed_form", blend=blend).fit(log[:1000])
    return log[:1000], log[1000:], recommender, oracle.ranks[1000:]
