"""What a user does at one time has no order: whichever way its rows come, everything stays the same."""

import copy
import random

import numpy as np
import pytest
from comparisons import assert_same_answers, assert_same_base, assert_same_weights, rebuilt
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import consecutive_logs, logs, recommenders
from worlds import SMALL

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._counts.counted_log import count_log
from skautoseqrec._counts.moments import Moments, find_steps
from skautoseqrec._counts.pairs import PairCounts
from skautoseqrec._data.reading import read_columns
from skautoseqrec._fit_settings import resolve_parameters
from skautoseqrec._fitting.learner import Learner
from skautoseqrec._state.overlay import Overlay

pytestmark = [
    pytest.mark.filterwarnings("ignore:The items of:UserWarning"),  # tiny logs repeat everything
    pytest.mark.filterwarnings("ignore:.*repeat an earlier:UserWarning"),
]
BASKETS = {"n_users": 3, "times": st.integers(0, 3), "timed": True}


@settings(max_examples=40)
@given(
    logs(**BASKETS),
    logs(**BASKETS, kind="int"),
    recommenders(ties="together"),
    st.randoms(use_true_random=False),
)
def test_the_order_of_rows_of_one_time_means_nothing(fitted, walked, recommender, shuffler):
    if isinstance(fitted[0][0], str):
        walked = [(f"user {user}", f"0{item}", time) for user, item, time in walked]
    shuffled = shuffler.sample(range(len(walked)), len(walked))
    other = copy.deepcopy(recommender).fit(shuffler.sample(fitted, len(fitted)))
    recommender.fit(fitted)
    assert_same_weights(other, recommender)
    assert_same_base(other._serving.state.snapshot.base, recommender._serving.state.snapshot.base)
    ranks = recommender.score_samples(walked)
    np.testing.assert_array_equal(other.score_samples([walked[row] for row in shuffled]), ranks[shuffled])
    for model, log in ((recommender, walked), (other, [walked[row] for row in shuffled])):
        model.partial_update(log)
    assert_same_answers(other, recommender)


@settings(max_examples=40)
@given(consecutive_logs(n_parts=2), recommenders(ties="together"), st.sampled_from([0, 1000]))
def test_an_event_joins_the_last_moment_of_its_user(parts, recommender, smallest_merge):
    fitted, added = parts
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skautoseqrec._state.state.SMALLEST_MERGE", smallest_merge)
        recommender.fit(fitted)
        for event in random.Random(0).sample(added, len(added)):
            recommender.partial_update([event])
    assert_same_base(recommender._serving.state.merged(), rebuilt(recommender))


def test_what_is_counted_across_moments_and_within():
    log = [("ann", "tea", 1), ("ann", "milk", 1), ("ann", "jam", 2), ("ann", "bread", 2)]
    parameters = {"transition_window": 1, "transition_decay": 1.0, "neighbour_window": 1, "exclude_seen": False}
    recommender = AutoSeqRecRecommender(**(SMALL | parameters), ties="together").fit(log)
    counts = recommender._serving.state.snapshot.base.counts
    names = recommender.item_ids_.tolist()
    followed = {(names[i], names[j]) for i, j in zip(*counts.transitions.nonzero(), strict=True)}
    assert followed == {(first, second) for first in ("tea", "milk") for second in ("jam", "bread")}
    pairs = PairCounts.of(counts, 1).together
    np.testing.assert_array_equal(pairs, 1 - np.eye(4))


def test_windows_are_rounded_up_to_whole_moments():
    # Moments of 2, 1, 3 and 1 events, of one user; the last event asks.
    moments = Moments.of(np.array([False, True, False, False, True, True, False]))
    for window, earlier in ((0, []), (1, [5, 4, 3]), (3, [5, 4, 3]), (4, [5, 4, 3, 2]), (5, [5, 4, 3, 2, 1, 0])):
        steps = find_steps(np.array([6]), np.array([0]), moments, window)
        assert steps.earlier.tolist() == earlier
        assert steps.n_moments.tolist() == [1, 1, 1, 2, 3, 3][: len(earlier)]
    steps = find_steps(np.array([5]), np.array([0]), moments, 1, within=True)
    assert (steps.earlier.tolist(), steps.n_moments.tolist()) == ([4, 3, 2], [0, 0, 1])


@given(logs(**BASKETS, kind="int"), st.sampled_from([1, 3, 20]), st.sampled_from([1, 7, 10**6]))
def test_counting_in_slices_changes_nothing(log, window, at_a_time):
    recommender = AutoSeqRecRecommender(**SMALL, neighbour_window=window, ties="together", exclude_seen=False).fit(log)
    counts = recommender._serving.state.snapshot.base.counts
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skautoseqrec._counts.moments.STEPS_AT_A_TIME", at_a_time)
        pairs, base = PairCounts.of(counts, window).together, rebuilt(recommender)
    np.testing.assert_array_equal(pairs, PairCounts.of(counts, window).together)
    assert_same_base(base, recommender._serving.state.snapshot.base)


def test_an_interrupted_update_leaves_the_moments_as_they_were(monkeypatch):
    recommender = AutoSeqRecRecommender(**SMALL, ties="together", exclude_seen=False)
    recommender.fit([("ann", "tea", 1), ("ann", "milk", 1), ("bob", "tea", 3)]).partial_update([("ann", "jam", 4)])
    untouched = copy.deepcopy(recommender)
    with monkeypatch.context() as patch:
        patch.setattr(Overlay, "add_event", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            recommender.partial_update([("ann", "tea", 9), ("cid", "tea", 9)])
    for model in (recommender, untouched):
        model.partial_update([("ann", "milk", 4)])  # joins jam: what was interrupted never came between
    assert_same_answers(recommender, untouched)
    assert recommender._serving.state.events.joins().tolist() == [False, True, False, False, True]


def test_a_row_without_time_is_a_moment_by_itself():
    recommender = AutoSeqRecRecommender(**SMALL, ties="together", exclude_seen=False)
    recommender.fit([("ann", "tea"), ("ann", "milk")]).partial_update([("ann", "jam", 4), ("ann", "tea", 4)])
    recommender.partial_update([("ann", "jam")])
    assert recommender._serving.state.events.joins().tolist() == [False, False, False, True, False]
    assert_same_base(recommender._serving.state.merged(), rebuilt(recommender))


def test_a_walk_over_times_of_another_kind_is_refused():
    recommender = AutoSeqRecRecommender(**SMALL, ties="together").fit([("ann", "tea", 1), ("ann", "milk", 1)])
    with pytest.raises(TypeError, match="known times are numbers, but these are datetimes"):
        recommender.score_samples([("ann", "tea", np.datetime64("2026-01-01"))])


def test_an_encoder_that_reads_items_in_their_order_is_refused():
    recommender = AutoSeqRecRecommender(**SMALL, ties="together", history_encoder="residual")
    with pytest.raises(ValueError, match="ties='together' those of one time have no order"):
        recommender.fit([("ann", "tea", 1), ("ann", "milk", 1)])


@pytest.mark.parametrize("n_rows", range(1, 13))
@pytest.mark.parametrize("ties", ["auto", "together"])
@pytest.mark.filterwarnings("ignore:The newest 10%:UserWarning", "ignore:The log has only:UserWarning")
def test_few_rows_of_one_time_can_be_fitted(n_rows, ties):
    log = [("ann", f"item {row}", row // 7) for row in range(n_rows)]
    recommender = AutoSeqRecRecommender(objective="closed_form", exclude_seen=False, ties=ties).fit(log)
    assert recommender.predict_topk(["ann"], k=1).shape == (1, 1)


def test_a_basket_is_held_out_whole():
    log = [(user, item, time) for time in range(20) for user in range(10) for item in range(10 * user, 10 * user + 7)]
    learner = Learner(resolve_parameters(AutoSeqRecRecommender(ties="together", exclude_seen=False).get_params()))
    counted = count_log(read_columns(log), None, learner._sequence, 0)
    validation = learner.hold_out(counted, 60)
    assert len(validation.head.history) == 1260
    assert len(validation.judged.items) == 63
    assert not validation.judged.joins[0]


def test_few_different_times_are_told_of():
    rated = [(user, item, 1 + (user + item) % 5) for user in range(9) for item in range(20)]
    with pytest.warns(UserWarning, match="only 5 different times, 1 to 5.*no time .a rating, say."):
        AutoSeqRecRecommender(**SMALL).fit(rated)
