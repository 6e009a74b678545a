"""Every baseline against its formula: scores, updates, walks, in every layout of its counts."""

import baseline_oracles
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import consecutive_logs, weighted_logs

from skautoseqrec.baselines import (
    DecayedPopularityRecommender,
    EASERecommender,
    ItemKNNRecommender,
    MarkovRecommender,
    PopularityRecommender,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*repeat an earlier:UserWarning"),  # drawn logs repeat much
    pytest.mark.filterwarnings("ignore:The items of:UserWarning"),
]
EXAMPLES = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
DECAYS = st.sampled_from([0.3, 0.9, 1.0])
SIZES = st.integers(1, 4)
FLAG = st.booleans()
#: Those that count every event at once, and those whose weights stand still until the next fit.
COUNTING = st.one_of(
    st.builds(PopularityRecommender, exclude_seen=FLAG),
    st.builds(DecayedPopularityRecommender, st.sampled_from([0.7, 3.0, 500.0]), exclude_seen=FLAG),
    st.builds(
        MarkovRecommender, SIZES, DECAYS, context_size=st.integers(1, 3), context_decay=DECAYS, exclude_seen=FLAG
    ),
    st.builds(ItemKNNRecommender, st.none() | SIZES, history_decay=DECAYS, exclude_seen=FLAG),
)
STANDING = st.one_of(
    st.builds(
        ItemKNNRecommender,
        st.none() | SIZES,
        weighting=st.sampled_from(["tfidf", "bm25"]),
        history_decay=DECAYS,
        exclude_seen=FLAG,
    ),
    st.builds(EASERecommender, st.sampled_from([0.5, 20.0]), history_decay=DECAYS, exclude_seen=FLAG),
)
LAYOUTS = {
    "arrays": {},
    "rows of entries": {"_pair_weights.MOST_PLACES": 0},
    "rows of entries, merged at once": {
        "_pair_weights.MOST_PLACES": 0,
        "_pair_weights.SMALLEST_MERGE": 0,
        "_state.SMALLEST_MERGE": 0,
    },
    "arrays that get too large": {"_pair_weights.MOST_PLACES": 9},
}


@pytest.fixture(params=LAYOUTS)
def layout(request, monkeypatch):
    for name, value in LAYOUTS[request.param].items():
        monkeypatch.setattr(f"skautoseqrec.baselines.{name}", value)


def answered(recommender, user, **options):
    """Return item -> score of everything that a user may be recommended, in order."""
    ids, scores = recommender.predict_topk([user], k=len(recommender.item_ids_), return_scores=True, **options)
    return dict(zip(np.ma.compressed(ids).tolist(), np.ma.compressed(scores).tolist(), strict=True))


@EXAMPLES
@given(st.one_of(COUNTING, STANDING), consecutive_logs(2))
def test_scores_are_those_of_the_formula_before_and_after_an_update(layout, recommender, parts):
    fitted, later = map(baseline_oracles.in_order, parts)
    recommender.fit(parts[0])
    for seen_later in ([], later):
        if seen_later:
            recommender.partial_update(parts[1])
        events = fitted + seen_later
        for user in {row[0] for row in events} | {type(events[0][0])(777)}:
            expected = baseline_oracles.scores(recommender, fitted, seen_later, user)
            found = answered(recommender, user, exclude_seen=False)
            assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)
            assert list(found.values()) == sorted(found.values(), reverse=True)
            seen = baseline_oracles.history_of(events, user)
            assert set(answered(recommender, user, exclude_seen=True)) == set(expected) - set(seen)


@EXAMPLES
@given(st.one_of(COUNTING, STANDING), consecutive_logs(2), st.sampled_from(["row", "together"]))
def test_a_walk_ranks_as_the_formula_does(layout, recommender, parts, ties):
    fitted, walked = parts
    by_moment = ties == "together" and len(walked[0]) == 3
    order = sorted(range(len(walked)), key=lambda row: walked[row][2:] + walked[row][:2] * by_moment)
    values = recommender.fit(fitted).score_samples(walked, ties=ties)[order]
    np.testing.assert_allclose(values, baseline_oracles.walk_forward(recommender, fitted, walked, ties), rtol=1e-12)


@EXAMPLES
@given(COUNTING, consecutive_logs(2))
def test_an_update_is_a_fit_of_all(layout, recommender, parts):
    updated = recommender.fit(parts[0]).partial_update(parts[1])
    users, items = updated.user_ids_.tolist(), updated.item_ids_.tolist()
    answers = [answered(updated, user) for user in users]
    fitted = recommender.fit(parts[0] + parts[1])
    assert (fitted.user_ids_.tolist(), fitted.item_ids_.tolist()) == (users, items)
    for user, answer in zip(users, answers, strict=True):
        assert answered(fitted, user) == pytest.approx(answer, rel=1e-12)


@EXAMPLES
@given(st.one_of(COUNTING, STANDING), consecutive_logs(2))
def test_a_walk_is_updates_and_answers_one_by_one(layout, recommender, parts):
    fitted, walked = parts[0], baseline_oracles.in_order(parts[1])
    values = recommender.fit(fitted).score_samples(walked)
    for row, value in zip(walked, values, strict=True):
        scores = answered(recommender, row[0])
        assert baseline_oracles.reciprocal_rank(scores, row[1], seen=()) == pytest.approx(value, rel=1e-12)
        recommender.partial_update([row])


@EXAMPLES
@given(st.one_of(COUNTING, STANDING), consecutive_logs(2), st.randoms(use_true_random=False))
def test_together_the_order_of_rows_does_not_matter(recommender, parts, random):
    fitted, walked = parts
    if len(walked[0]) == 2:
        walked = [(*row, place // 3) for place, row in enumerate(walked)]
        fitted = [(*row, -1) for row in fitted]
    values = recommender.fit(fitted).score_samples(walked, ties="together")
    order = random.sample(range(len(walked)), len(walked))
    shuffled = recommender.score_samples([walked[row] for row in order], ties="together")
    np.testing.assert_array_equal(shuffled, values[order])


#: Those that count what events weigh.
WEIGHING = st.one_of(
    st.builds(PopularityRecommender, exclude_seen=FLAG),
    st.builds(DecayedPopularityRecommender, st.sampled_from([0.7, 3.0, 500.0]), exclude_seen=FLAG),
    st.builds(MarkovRecommender, SIZES, DECAYS, context_size=st.integers(1, 3), exclude_seen=FLAG),
)


@EXAMPLES
@given(WEIGHING, weighted_logs(3), st.sampled_from(["row", "together"]))
def test_weights_count_as_the_formula_says(layout, recommender, parts, ties):
    fitted, later = baseline_oracles.in_order(parts[0]), baseline_oracles.in_order(parts[1])
    recommender.fit(parts[0]).partial_update(parts[1])
    for user in {row[0] for row in fitted + later}:
        expected = baseline_oracles.scores(recommender, fitted, later, user)
        assert answered(recommender, user, exclude_seen=False) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    walked = parts[2]
    by_moment = ties == "together" and hasattr(walked[0], "timestamp")
    times = [row[2:3] if hasattr(row, "timestamp") else () for row in walked]
    order = sorted(range(len(walked)), key=lambda row: (*times[row], *(walked[row] if by_moment else ())))
    values = recommender.score_samples(walked, ties=ties)[order]
    expected = baseline_oracles.walk_forward(recommender, fitted + later, walked, ties)
    np.testing.assert_allclose(values, expected, rtol=1e-9)


def test_what_follows_for_certain_is_found():
    steps = [(user, (user + step) % 7, step) for user in range(20) for step in range(5)]
    chain = MarkovRecommender(1, exclude_seen=False).fit(steps)
    assert (chain.predict([(user, 0, 0) for user in range(20)]) == (np.arange(20) + 5) % 7).all()


def test_a_repeated_item_is_one_neighbour_and_many_events():
    log = [("ann", "tea", 1), ("ann", "milk", 2), ("ann", "milk", 3), ("bob", "tea", 4), ("bob", "jam", 5)]
    neighbours = ItemKNNRecommender(history_decay=1.0, exclude_seen=False).fit(log)
    assert answered(neighbours, "bob")["milk"] == pytest.approx(1 / np.sqrt(2))
    neighbours.partial_update([("ann", "milk", 6)])
    assert answered(neighbours, "bob")["milk"] == pytest.approx(1 / np.sqrt(2))
    assert answered(PopularityRecommender().fit(log), "cid")["milk"] == 2.0
