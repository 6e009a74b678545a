"""Events that count more or less: every invariant of the state holds with weights, and those of 1 change nothing."""

import copy
import pickle

import numpy as np
import pytest
from comparisons import (
    PAIR_LAYOUTS,
    UPDATE_PATHS,
    answered,
    assert_same_answers,
    assert_same_base,
    assert_same_weights,
    assert_walks_as,
    pairs_as_array,
    rebuilt,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracle import Oracle, in_time_order, plain_row
from strategies import Timed, consecutive_logs, gated, gates, recommenders, weighted_logs, with_weights
from worlds import LONG_LOG, SMALL, TEA_LOG

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._counts.pairs import PairCounts
from skautoseqrec._data.weights import WEIGHT_UNIT

pytestmark = [
    pytest.mark.filterwarnings("ignore:The items of:UserWarning"),  # tiny logs repeat everything
    pytest.mark.filterwarnings("ignore:.*repeat an earlier:UserWarning"),
]
PATHS = st.sampled_from([*UPDATE_PATHS.values()])


def patched(patch, values):
    for name, value in values.items():
        patch.setattr(name, value)


@pytest.mark.usefixtures("layout")
@settings(max_examples=12)
@given(weighted_logs(n_parts=2), recommenders(), gates(), st.booleans(), PATHS)
def test_scores_equal_the_formula(parts, recommender, gate, exclude_seen, path):
    with pytest.MonkeyPatch.context() as patch:
        patched(patch, path)
        gated(recommender.fit(parts[0]), gate).partial_update(parts[1])
        oracle = Oracle(recommender, parts[0])
        oracle.let_in_log(parts[1])
        for user in recommender.user_ids_.tolist():
            expected = oracle.eligible_scores(user, exclude_seen)
            actual = answered(recommender, user, exclude_seen=exclude_seen)
            assert actual == pytest.approx(expected, rel=1e-4, abs=1e-4)


@pytest.mark.usefixtures("layout")
@settings(max_examples=12)
@given(
    weighted_logs(n_parts=3, max_size=15),
    recommenders(),
    st.sampled_from(["row", "together"]),
    st.sampled_from([1, 3, 256]),
    st.sampled_from([*PAIR_LAYOUTS.values()]),
)
def test_walking_equals_the_one_by_one_replay(parts, recommender, ties, block_size, pair_layout):
    fitted, updated, walked = parts
    recommender.fit(fitted).partial_update(updated)
    oracle = Oracle(recommender, fitted)
    oracle.let_in_log(updated)
    with pytest.MonkeyPatch.context() as patch:
        patched(patch, {"skautoseqrec._scoring.scorer.BLOCK_SIZE": block_size, **pair_layout})
        assert_walks_as(oracle, recommender, walked, ties)


@settings(max_examples=12)
@given(weighted_logs(n_parts=3), recommenders(objective="closed_form"), st.sampled_from([0, 5, 1000]), PATHS)
def test_updates_equal_a_rebuild_in_any_split(parts, recommender, smallest_merge, path):
    fitted, first, second = parts
    if recommender.ties == "together":  # what happens at one time comes in one order only if it comes at once
        second = [row._replace(timestamp=row.timestamp + 1) if hasattr(row, "timestamp") else row for row in second]
    one_by_one = copy.deepcopy(recommender.fit(fitted))
    together = copy.deepcopy(recommender)
    state = recommender._serving.state
    state.snapshot.base.pairs(state.model.settings)  # now counted, so that updates must add to them
    with pytest.MonkeyPatch.context() as patch:
        patched(patch, {"skautoseqrec._state.state.SMALLEST_MERGE": smallest_merge, **path})
        recommender.partial_update(first).partial_update(second)
        for row in in_time_order(first + second, recommender.ties == "together"):
            one_by_one.partial_update([row])
        together.partial_update(first + second)
    merged = recommender._serving.state.merged()
    assert_same_base(merged, rebuilt(recommender))
    for other in (one_by_one, together):
        assert_same_base(other._serving.state.merged(), merged)
        assert_same_answers(other, recommender)


@settings(max_examples=10)
@given(weighted_logs(n_parts=3, max_size=15), recommenders(objective="closed_form"), st.data())
def test_forgetting_equals_a_rebuild_of_what_remains(parts, recommender, data):
    fitted, updated, walked = parts
    recommender.fit(fitted)
    oracle = Oracle(recommender, fitted)
    oracle.let_in_log(updated)
    recommender.partial_update(updated)
    user = data.draw(st.sampled_from(recommender.user_ids_.tolist()))
    remaining = [event for event in oracle.events if event[1] != user]
    assume(any(item in oracle.trained for _, _, item, *_ in remaining))
    recommender.forget(users=[user])
    oracle.forget(lambda event: event[0] == user)
    for other in recommender.user_ids_.tolist():
        assert answered(recommender, other) == pytest.approx(oracle.eligible_scores(other), rel=1e-4, abs=1e-4)
    events = recommender._serving.state.events
    expected = [oracle.weight_of[number] for number, *_ in oracle.events]
    assert (events.weights(0, len(events)) / WEIGHT_UNIT).tolist() == expected
    assert_same_base(recommender._serving.state.merged(), rebuilt(recommender, oracle.events))
    assert_walks_as(oracle, recommender, walked)


@settings(max_examples=12)
@given(weighted_logs(n_parts=2), recommenders(objective="closed_form"), st.randoms(use_true_random=False))
def test_the_order_of_rows_means_nothing(parts, recommender, random):
    (log, update), twin = parts, copy.deepcopy(recommender)
    assume(hasattr(log[0], "timestamp"))
    if recommender.ties == "row":  # ties keep their row order
        log, update = (
            [row._replace(timestamp=place) for place, row in enumerate(part, start=shift)]
            for part, shift in ((log, 0), (update, 1000))
        )
    recommender.fit(log).partial_update(update)
    twin.fit(random.sample(log, len(log))).partial_update(random.sample(update, len(update)))
    assert_same_base(twin._serving.state.merged(), recommender._serving.state.merged())


@settings(max_examples=10)
@given(weighted_logs(n_parts=3), recommenders(objective="closed_form"))
def test_pickles_and_copies_hold_the_weights(parts, recommender):
    recommender.fit(parts[0]).partial_update(parts[1])
    loaded = pickle.loads(pickle.dumps(recommender))
    for each in (recommender, loaded):
        each.partial_update(parts[2]).refresh()
    assert_same_base(loaded._serving.state.merged(), recommender._serving.state.merged())
    assert_same_answers(loaded, recommender)


def exact_answers(recommender):
    everything = {"k": len(recommender.item_ids_), "return_scores": True, "exclude_seen": False}
    return recommender.predict_topk(recommender.user_ids_, **everything)


@pytest.mark.usefixtures("layout")
@settings(max_examples=10)
@given(consecutive_logs(n_parts=3), recommenders())
def test_weights_of_one_change_not_a_bit(parts, recommender):
    plain, weighted = copy.deepcopy(recommender), recommender
    ones = [with_weights(part, np.ones(len(part))) for part in parts]
    plain.fit(parts[0]).partial_update(parts[1])
    weighted.fit(ones[0]).partial_update(ones[1])
    assert_same_weights(weighted, plain)
    for mine, other in zip(exact_answers(weighted), exact_answers(plain), strict=True):
        np.testing.assert_array_equal(mine, other)
    np.testing.assert_array_equal(weighted.score_samples(ones[2]), plain.score_samples(parts[2]))


@pytest.mark.parametrize("objective", ["closed_form", "multinomial"])
def test_a_fit_with_weights_of_one_changes_not_a_bit(objective):
    log = LONG_LOG.tolist()
    parameters = {"objective": objective, "n_components": 8, "max_iter": 2, "random_state": 0, "device": "cpu"}
    plain = AutoSeqRecRecommender(**parameters).fit(log)
    weighted = AutoSeqRecRecommender(**parameters).fit(log, sample_weight=np.ones(len(log)))
    assert weighted.blend_ == plain.blend_
    assert weighted.gate_ == plain.gate_
    assert weighted.validation_scores_ == plain.validation_scores_
    assert weighted.loss_curve_ == plain.loss_curve_
    assert_same_weights(weighted, plain)
    for mine, other in zip(exact_answers(weighted), exact_answers(plain), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_counts_grow_with_the_weights():
    log, factor = LONG_LOG[:300].tolist(), 8
    parameters = {**SMALL, "objective": "closed_form", "blend": {"direct": 1.0}}
    weights = np.random.default_rng(0).integers(0, 5, len(log))
    states = [
        AutoSeqRecRecommender(**parameters).fit(log, sample_weight=weights * times)._serving.state.merged()
        for times in (1, factor)
    ]
    once, often = (state.counts for state in states)
    assert (once.transitions * factor != often.transitions).nnz == 0
    np.testing.assert_array_equal(once.mass * factor, often.mass)
    pairs = [pairs_as_array(PairCounts.of(counts, window=5)) for counts in (once, often)]
    assert pairs[0].any()
    np.testing.assert_array_equal(pairs[0] * factor, pairs[1])


def test_what_weighs_nothing_is_context():
    log = [("ann", "tea", 1, 1.0), ("ann", "ad", 2, 0.0), ("ann", "jam", 3, 1.0), ("bob", "ad", 4, 0.0)]
    parameters = {**SMALL, "objective": "closed_form", "blend": {"direct": 1.0}, "transition_window": 1}
    recommender = AutoSeqRecRecommender(**parameters).fit([Timed(*row) for row in log])
    counts, items = recommender._serving.state.merged().counts, recommender.item_ids_.tolist()
    tea, ad, jam = map(items.index, ("tea", "ad", "jam"))
    assert counts.transitions[tea, ad] == 0
    assert counts.transitions[ad, jam] > 0
    assert counts.mass[[tea, ad, jam]].tolist() == [1, 0, 1]
    assert recommender.predict_topk(["bob"], k=1).tolist() == [["jam"]]  # from the ad that bob has met
    assert "ad" not in answered(recommender, "bob", exclude_seen=True)


def test_small_weights_are_rounded_to_one_unit_at_least():
    recommender = AutoSeqRecRecommender(**SMALL).fit(TEA_LOG, sample_weight=[1e-12, 0, 1, 0.3, 2.00001])
    events = recommender._serving.state.events
    assert events.weights(0, 5).tolist() == [1, 0, 1024, 307, 2048]
    assert [plain_row(Timed(*TEA_LOG[0], weight))[1] for weight in (1e-12, 0.3)] == [1 / 1024, 307 / 1024]


@settings(max_examples=8)
@given(weighted_logs(n_parts=2, max_size=15), recommenders(objective="closed_form"))
def test_explanations_add_up_to_the_scores(parts, recommender):
    recommender.fit(parts[0]).partial_update(parts[1])
    users, items = recommender.user_ids_, recommender.item_ids_
    told = recommender.explain(users, items)
    for row, user in enumerate(users.tolist()):
        scores = answered(recommender, user, exclude_seen=False)
        np.testing.assert_allclose(told.scores[row], [scores[item] for item in items.tolist()], rtol=1e-4, atol=1e-4)
