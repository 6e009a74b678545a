"""The settings of a fit: what the estimator's parameters become."""

import warnings
from dataclasses import fields

import numpy as np
import pytest

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._counts.counts import Counts
from skautoseqrec._counts.events import Events
from skautoseqrec._fit_settings import FitSettings, resolve_parameters
from skautoseqrec._network.heads import HEADS
from skautoseqrec._training.objectives import OBJECTIVES


def counted(n_events, n_items):
    """Return the counts of a log whose items come in turn."""
    events = Events(np.zeros(n_events, int), np.arange(n_events) % n_items, 1, n_items)
    return Counts.empty().add_events(events, np.array([1]))[0]


def test_every_objective_has_heads_and_every_head_an_objective():
    trained = {name: heads for name, heads in HEADS.items() if heads.PARTS}
    assert {name: objective.HEADS for name, objective in OBJECTIVES.items()} == trained


def test_every_parameter_is_a_setting_but_what_is_read_before():
    names = {field.name for field in fields(FitSettings)}
    assert names == set(AutoSeqRecRecommender().get_params()) - {"warm_start", "columns", "event_weights"}


@pytest.mark.parametrize(
    ("n_events", "n_items", "trained_encoder", "encoder", "n_negatives"),
    [
        (1000, 10, None, "residual", None),
        (999, 10, None, "shared", None),
        (1000, 10, "shared", "shared", None),
        (10, 8193, "residual", "residual", 1024),
    ],
)
def test_what_is_left_open_is_resolved_for_a_log(n_events, n_items, trained_encoder, encoder, n_negatives):
    settings = resolve_parameters(AutoSeqRecRecommender().get_params())
    assert (settings.history_encoder, settings.n_negatives) == ("auto", "auto")
    resolved = settings.for_log(counted(n_events, n_items), trained_encoder)
    assert (resolved.history_encoder, resolved.n_negatives) == (encoder, n_negatives)
    rates = {"encoder": 1e-3, "collaborative": 4e-3, "source": 2e-3, "target": 2e-3}
    assert resolved.learning_rate == (rates if encoder == "shared" else dict.fromkeys(rates, 1e-3))
    given = resolve_parameters(AutoSeqRecRecommender(learning_rate=0.5).get_params())
    assert given.for_log(counted(n_events, n_items)).learning_rate == dict.fromkeys(rates, 0.5)


def test_the_published_model_keeps_no_other_history_encoder():
    parameters = AutoSeqRecRecommender(objective="paper").get_params()
    assert resolve_parameters(parameters).for_log(counted(10, 5), "residual").history_encoder == "shared"


def test_a_subclass_may_have_parameters_of_its_own():
    assert resolve_parameters({**AutoSeqRecRecommender().get_params(), "colour": "red"}).n_components == 256


def baskets(n_each):
    """Return a log in which everybody has several items at each time."""
    rng, rows = np.random.default_rng(0), []
    favourites = [rng.choice(40, 6, replace=False) for _ in range(30)]
    for time in range(30):
        for user in range(30):
            rows += [(user, int(item), time) for item in rng.permutation(favourites[user])[:n_each]]
    return rows


@pytest.mark.parametrize(("n_each", "resolved"), [(1, "row"), (2, "row"), (3, "together"), (5, "together")])
def test_what_people_do_at_one_time_is_a_basket_from_three_events_on(n_each, resolved):
    parameters = {"objective": "closed_form", "exclude_seen": False}
    recommender = AutoSeqRecRecommender(**parameters)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        recommender.fit(baskets(n_each))
    assert recommender.ties_ == resolved
    said = ["3.0 events share a user and a time" in str(warning.message) for warning in caught]
    assert said == [True] * (n_each == 3)
    assert AutoSeqRecRecommender(**parameters, ties="row").fit(baskets(n_each)).ties_ == "row"
    assert AutoSeqRecRecommender(**parameters).fit([row[:2] for row in baskets(n_each)]).ties_ == "row"


@pytest.mark.filterwarnings("ignore:With ties='row':UserWarning")  # the order of rows is looked at on purpose
def test_a_blend_for_baskets_is_fitted_to_baskets():
    log = baskets(5)
    fitted, later = log[:3600], log[3600:]
    together, row = (
        AutoSeqRecRecommender(objective="closed_form", exclude_seen=False, ties=ties).fit(fitted)
        for ties in ("auto", "row")
    )
    assert together.score(later) == together.score_samples(later, ties="together").mean()
    assert row.score(later) == row.score_samples(later, ties="row").mean()
    # Of six favourites in any order, the best possible mean of 1 / rank.
    assert together.score(later) == pytest.approx(np.mean(1 / np.arange(1, 7)), abs=0.02)
    # Within a basket nothing comes back at once, which is all that a blend fitted row by row has seen.
    assert sum(together.blend_["repeat"][:2]) > together.blend_["repeat"][2] - 1e-6
