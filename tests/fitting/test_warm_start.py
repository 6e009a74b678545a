"""Fits that start from the weights of the one before."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from strategies import consecutive_logs, recommenders
from worlds import FIXED, LEARNING, LONG_LOG

from skautoseqrec import PAPER_PARAMS, AutoSeqRecRecommender

PARAMETERS = LEARNING | {"exclude_seen": False}
#: Steps too small for any weight to move.
STANDING_STILL = 1e-30


trained_recommenders = st.sampled_from(["paper", "multinomial"]).flatmap(
    lambda objective: recommenders(objective=objective, exclude_seen=False, warm_start=True)
)


def rows_by_id(recommender):
    """Return every weight of each trained item, by its id."""
    parts = recommender.module_.item_parts().values()
    rows = torch.cat([weight.reshape(len(weight), -1) for part in parts for weight in part], 1)
    return dict(zip(recommender.item_ids_.tolist(), rows, strict=False))


@settings(max_examples=30)
@given(consecutive_logs(n_parts=3), trained_recommenders)
def test_weights_of_the_same_items_are_taken_over(parts, recommender):
    first, updated, second = parts
    recommender.fit(first).partial_update(updated)
    before, shared = rows_by_id(recommender), recommender.module_.shared_parts()
    assert len(before) == len({row[1] for row in first})
    recommender.set_params(learning_rate=STANDING_STILL)
    afresh = rows_by_id(clone(recommender).fit(second))
    after = rows_by_id(recommender.fit(second))
    assert set(after) == {row[1] for row in second}
    for item, row in after.items():
        torch.testing.assert_close(row, before.get(item, afresh[item]), rtol=0, atol=1e-20)
    for name, weights in recommender.module_.shared_parts().items():
        for weight, earlier in zip(weights, shared[name], strict=True):
            torch.testing.assert_close(weight, earlier, rtol=0, atol=1e-20)


def test_both_trainings_start_from_the_earlier_weights():
    recommender = AutoSeqRecRecommender(**PARAMETERS, warm_start=True).fit(LONG_LOG)
    before = rows_by_id(recommender)
    for refit in (False, True):
        recommender.set_params(learning_rate=STANDING_STILL, refit=refit).fit(LONG_LOG)
        after = rows_by_id(recommender)
        assert all(torch.allclose(row, before[item], rtol=0, atol=1e-20) for item, row in after.items())


def test_a_second_fit_goes_on_where_the_first_stopped():
    recommender = AutoSeqRecRecommender(**{**PARAMETERS, **FIXED, "learning_rate": 0.02})
    cold = recommender.fit(LONG_LOG).loss_curve_
    assert recommender.fit(LONG_LOG).loss_curve_ == cold
    warm = recommender.set_params(warm_start=True).fit(LONG_LOG).loss_curve_
    assert warm[0]["source"] < cold[1]["source"] < cold[0]["source"]


@pytest.mark.parametrize(
    ("name", "value"), [("n_components", 4), ("activation", "tanh"), ("history_encoder", "residual")]
)
def test_a_network_of_another_shape_is_refused(name, value):
    recommender = AutoSeqRecRecommender(**PARAMETERS, **FIXED, warm_start=True).fit(LONG_LOG)
    before = dict(vars(recommender))
    with pytest.raises(ValueError, match=rf"which had {name}=.*Set {name} back, or warm_start=False"):
        recommender.set_params(**{name: value}).fit(LONG_LOG)
    assert {**vars(recommender), name: None} == {**before, name: None}
    recommender.set_params(warm_start=False).fit(LONG_LOG)


def test_an_objective_without_a_network_has_nothing_to_go_on_from():
    recommender = AutoSeqRecRecommender(**PARAMETERS, **FIXED, warm_start=True).fit(LONG_LOG)
    with pytest.raises(ValueError, match="objective='closed_form' has none"):
        recommender.set_params(objective="closed_form", blend={"direct": 1.0}).fit(LONG_LOG)


def test_a_log_that_has_grown_dense_keeps_the_history_encoder_of_the_weights():
    recommender = AutoSeqRecRecommender(**PARAMETERS, **FIXED, warm_start=True, history_encoder="residual")
    recommender.fit(LONG_LOG).set_params(history_encoder="auto").fit(LONG_LOG)
    assert recommender.module_.history is not None
    assert clone(recommender).fit(LONG_LOG).module_.history is None
    with pytest.raises(ValueError, match="which had history_encoder='residual', not 'shared'"):
        recommender.set_params(**{**PAPER_PARAMS, "n_components": 8, "history_encoder": "auto"}).fit(LONG_LOG)


def test_ids_of_another_kind_are_refused():
    recommender = AutoSeqRecRecommender(**PARAMETERS, **FIXED, warm_start=True).fit(LONG_LOG)
    with pytest.raises(TypeError, match="the known ids are numbers, but these are strings"):
        recommender.fit([(f"user {row[0]}", f"item {row[1]}") for row in np.asarray(LONG_LOG).tolist()])
