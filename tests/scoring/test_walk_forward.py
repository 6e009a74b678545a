"""Walking forward: blocks against the formula, asked one event at a time."""

import numpy as np
import pytest
from comparisons import PAIR_LAYOUTS, answered, assert_walks_as
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import Oracle
from strategies import consecutive_logs, gated, gates, recommenders

from skautoseqrec import AutoSeqRecRecommender

pytestmark = [
    pytest.mark.filterwarnings("ignore:The items of:UserWarning"),  # tiny logs repeat everything
    pytest.mark.filterwarnings("ignore:.*repeat an earlier:UserWarning"),
]


@pytest.mark.usefixtures("layout")
@settings(max_examples=30)
@given(
    consecutive_logs(n_parts=3),
    recommenders(),
    gates(),
    st.sampled_from(["row", "together"]),
    st.sampled_from([1, 3, 256]),
    st.sampled_from([*PAIR_LAYOUTS.values()]),
)
def test_blocks_equal_the_one_by_one_replay(parts, recommender, gate, ties, block_size, pair_layout):
    fitted, updated, walked = parts
    gated(recommender.fit(fitted), gate).partial_update(updated)
    oracle = Oracle(recommender, fitted)
    oracle.let_in_log(updated)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skautoseqrec._scoring.scorer.BLOCK_SIZE", block_size)
        for name, value in pair_layout.items():
            patch.setattr(name, value)
        assert_walks_as(oracle, recommender, walked, ties)


@pytest.mark.usefixtures("layout")
@settings(max_examples=20)
@given(consecutive_logs(n_parts=2), recommenders(), st.randoms(use_true_random=False))
def test_taken_together_rows_of_one_time_mean_the_same_in_any_order(parts, recommender, random):
    fitted, walked = parts
    recommender.fit(fitted)
    order = random.sample(range(len(walked)), len(walked))
    values = recommender.score_samples(walked, ties="together")
    if len(walked[0]) == 3:  # without times, the order of rows is time
        shuffled = recommender.score_samples([walked[row] for row in order], ties="together")
        np.testing.assert_allclose(shuffled, values[order])


@pytest.mark.parametrize("pair_layout", PAIR_LAYOUTS.values(), ids=PAIR_LAYOUTS)
@pytest.mark.parametrize("objective", ["closed_form", "multinomial"])
def test_neighbours_are_live_in_every_layout(objective, pair_layout, monkeypatch):
    for name, value in {"skautoseqrec._scoring.scorer.BLOCK_SIZE": 7, **pair_layout}.items():
        monkeypatch.setattr(name, value)
    rng = np.random.default_rng(0)
    log = [(int(user), int(item)) for user, item in zip(rng.integers(0, 9, 400), rng.zipf(1.4, 400) % 23, strict=True)]
    parameters = {"objective": objective, "blend": {"neighbours": 1.0}, "exclude_seen": False, "early_stopping": False}
    recommender = AutoSeqRecRecommender(4, max_iter=1, random_state=0, **parameters).fit(log[:150])
    oracle = Oracle(recommender, log[:150])
    recommender.partial_update(log[150:200])
    for user, item in log[150:200]:
        oracle.let_in(user, item)
    for user in range(9):
        assert answered(recommender, user) == pytest.approx(oracle.eligible_scores(user), rel=1e-4, abs=1e-5)
    assert_walks_as(oracle, recommender, log[200:])


@pytest.mark.usefixtures("layout")
@pytest.mark.parametrize("half_lives", [(), (4.0, 300.0)], ids=["event counts", "trends"])
@pytest.mark.parametrize("block_size", [7, 256])
def test_newcomers_are_ranked_by_what_is_popular_at_their_moment(half_lives, block_size, monkeypatch):
    monkeypatch.setattr("skautoseqrec._scoring.scorer.BLOCK_SIZE", block_size)
    items = np.random.default_rng(0).zipf(1.5, size=160) % 9
    fitted = [(user, int(item)) for user, item in enumerate(items[:40])]
    walked = [(100 + user, int(item)) for user, item in enumerate(items[40:])]
    parameters = {"blend": {"two_hop": 1.0}, "early_stopping": False, "trend_half_lives": half_lives}
    recommender = AutoSeqRecRecommender(n_components=2, max_iter=1, random_state=0, **parameters).fit(fitted)
    assert_walks_as(Oracle(recommender, fitted), recommender, walked)


@pytest.mark.usefixtures("layout")
@pytest.mark.parametrize("ineligible", ["seen", "not yet known"])
def test_what_is_not_eligible_does_not_decide_what_is_tied(ineligible):
    log = [(user, item) for user in range(6) for item in range(6) if (user + item) % 3]
    blend = {"direct": 1e-4, "trend": (1e-4,)} | ({"repeat": 50.0} if ineligible == "seen" else {})
    parameters = {"early_stopping": False, "trend_half_lives": (5.0,), "n_components": 2, "max_iter": 1}
    recommender = AutoSeqRecRecommender(**parameters, blend=blend, random_state=0).fit(log[:12])
    walked = log[12:]
    if ineligible == "not yet known":
        # At the end of the walk an item gets so popular that its level would dwarf what the others differ by.
        walked = [*walked, *((100 + user, 99) for user in range(40))]
    assert_walks_as(Oracle(recommender, log[:12]), recommender, walked)


@pytest.mark.usefixtures("layout")
@pytest.mark.parametrize("part", ["one_hop", "two_hop", "direct"])
def test_a_query_sees_the_transitions_of_its_own_block(part):
    rng = np.random.default_rng(0)
    # Few sources, many repeats: nearly every query starts from a source that its block has changed.
    log = [
        (int(user), int(item)) for user, item in zip(rng.integers(4, size=90), rng.integers(6, size=90), strict=True)
    ]
    parameters = {"blend": {part: 1.0}, "early_stopping": False, "trend_half_lives": (), "exclude_seen": False}
    recommender = AutoSeqRecRecommender(
        n_components=8, max_iter=20, learning_rate=0.05, random_state=0, transition_window=2, **parameters
    ).fit(log[:30])
    assert_walks_as(Oracle(recommender, log[:30]), recommender, log[30:])
