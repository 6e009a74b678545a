"""Answers: the fast path against the formula, filters, ties and padding."""

import copy

import numpy as np
import pytest
import torch
from comparisons import answered
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import Oracle
from strategies import consecutive_logs, gated, gates, recommenders
from worlds import SMALL

from skautoseqrec import PAPER_PARAMS, AutoSeqRecRecommender
from skautoseqrec._scoring.scorer import rows_per_block
from skautoseqrec._scoring.topk import best_columns, best_places

LOG = [
    ("ann", "tea", 1),
    ("ann", "milk", 2),
    ("bob", "tea", 3),
    ("bob", "jam", 4),
    ("cid", "jam", 5),
    ("cid", "tea", 6),
    ("cid", "milk", 7),
]

pytestmark = pytest.mark.filterwarnings("ignore:.*repeat an earlier:UserWarning")  # tiny logs repeat everything


@pytest.fixture(scope="module")
def fitted():
    return AutoSeqRecRecommender(**SMALL).fit(LOG)


@pytest.mark.usefixtures("layout")
@settings(max_examples=30)
@given(consecutive_logs(n_parts=2), recommenders(), gates(), st.booleans())
def test_scores_equal_the_formula(parts, recommender, gate, exclude_seen):
    gated(recommender.fit(parts[0]), gate).partial_update(parts[1])
    oracle = Oracle(recommender, parts[0])
    oracle.let_in_log(parts[1])
    for user in recommender.user_ids_.tolist():
        expected = oracle.eligible_scores(user, exclude_seen)
        actual = answered(recommender, user, exclude_seen=exclude_seen)
        assert actual == pytest.approx(expected, rel=1e-4, abs=1e-5)
        if len(parts[0][0]) == 3:
            expected = oracle.eligible_scores(user, exclude_seen, at=25)
            actual = answered(recommender, user, exclude_seen=exclude_seen, at=25)
            assert actual == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.usefixtures("layout")
@settings(max_examples=15)
@given(consecutive_logs(n_parts=2), recommenders(), gates())
def test_batches_and_lists_are_what_single_users_get(parts, recommender, gate):
    gated(recommender.fit(parts[0]), gate).partial_update(parts[1])
    users = recommender.user_ids_
    with pytest.MonkeyPatch.context() as patch:
        two_users = 2 * len(recommender.item_ids_)
        patch.setattr("skautoseqrec._scoring.scorer.SCORES_PER_BLOCK", two_users)
        patch.setattr("skautoseqrec._scoring.scorer.FEWEST_ROWS", 1)
        _, batched = recommender.predict_topk(users, k=3, return_scores=True)
    single = np.ma.vstack([recommender.predict_topk([user], k=3, return_scores=True)[1] for user in users])
    np.testing.assert_allclose(np.ma.filled(batched, -1), np.ma.filled(single, -1), rtol=1e-4, atol=1e-5)
    assert (np.diff(np.ma.filled(single, -1e30)[:, :2]) <= 0).all()


@pytest.mark.parametrize(
    ("n_items", "expected"), [(0, 256), (3000, 256), (100_000, 41), (300_000, 16), (10**6, 8), (10**8, 1)]
)
def test_large_catalogues_are_scored_a_few_rows_at_a_time(n_items, expected):
    assert rows_per_block(n_items) == expected


@given(st.lists(st.lists(st.integers(0, 3), min_size=6, max_size=6), min_size=1, max_size=5), st.integers(1, 6))
def test_equal_scores_stand_in_order_of_code(rows, k):
    scores = np.array(rows, dtype=np.float32)
    codes, values = best_columns(torch.from_numpy(scores), k)
    for row, selected, best in zip(scores, codes.tolist(), values.tolist(), strict=True):
        expected = sorted(range(6), key=lambda code: (-row[code], code))[:k]
        assert selected == expected
        assert best == row[expected].tolist()
        of_one = best_places(row, k)
        assert of_one[0].tolist() == expected
        assert of_one[1].tolist() == best


def test_candidates_and_exclude(fitted):
    everything = answered(fitted, "bob", exclude_seen=False)
    allowed = answered(fitted, "bob", exclude_seen=False, candidates=["tea", "milk"])
    assert allowed == {item: everything[item] for item in ("tea", "milk")}
    denied = answered(fitted, "bob", exclude_seen=False, exclude=["tea", "never heard of"])
    assert denied == {item: everything[item] for item in ("milk", "jam")}
    per_user = fitted.predict_topk(["ann", "bob"], k=1, exclude_seen=False, candidates=[["tea"], ["milk", "jam"]])
    assert per_user[0, 0] == "tea"
    assert per_user[1, 0] in ("milk", "jam")
    per_user = fitted.predict_topk(["ann", "bob"], k=1, exclude_seen=False, exclude=[["tea", "milk"], ["jam", "tea"]])
    assert per_user.tolist() == [["jam"], ["milk"]]
    assert fitted.predict_topk(["ann"], k=1, candidates=[], exclude=[]).mask.all()


def test_candidates_may_be_arrays(fitted):
    ids = fitted.predict_topk(np.array(["ann"]), k=1, exclude_seen=False, candidates=np.array(["tea"]))
    assert ids.tolist() == [["tea"]]


def test_what_was_seen_is_left_out_unless_asked_for(fitted):
    assert set(answered(fitted, "ann")) == {"jam"}
    assert set(answered(fitted, "ann", exclude_seen=False)) == {"tea", "milk", "jam"}


def test_short_rows_are_padded_with_masked_places(fitted):
    ids, scores = fitted.predict_topk(["ann", "nobody"], k=5, return_scores=True)
    assert isinstance(ids, np.ma.MaskedArray)
    assert ids.mask.tolist() == [[False, True, True, True, True], [False, False, False, True, True]]
    assert (ids.mask == scores.mask).all()
    assert ids[0, 0] == "jam"
    assert not set(ids.data[ids.mask].tolist()) & set(fitted.item_ids_.tolist())


def test_an_earlier_answer_may_be_excluded(fitted):
    first = fitted.predict_topk(["ann", "nobody"], k=2)
    second = fitted.predict_topk(["ann", "nobody"], k=3, exclude=first)
    assert second.mask.tolist() == [[True, True, True], [False, True, True]]
    assert second[1, 0] not in first[1]


def test_full_rows_are_plain_arrays(fitted):
    ids, scores = fitted.predict_topk(["nobody"], k=3, return_scores=True)
    assert type(ids) is np.ndarray
    assert type(scores) is np.ndarray


def test_unknown_users_get_what_is_popular(fitted):
    assert fitted.predict_topk(["nobody"], k=3).tolist() == [["tea", "milk", "jam"]]
    without_trend = AutoSeqRecRecommender(**SMALL | PAPER_PARAMS | {"n_components": 4, "max_iter": 2}).fit(LOG)
    assert answered(without_trend, "nobody") == {"tea": 3.0, "milk": 2.0, "jam": 2.0}


def test_no_users_no_rows(fitted):
    assert fitted.predict_topk([], k=2).shape == (0, 2)


def test_predict_is_row_aligned_and_always_answers(fitted):
    log = [("cid", "tea", 1), ("ann", "tea", 1), ("cid", "jam", 2), ("nobody", "tea", 3)]
    items = fitted.predict(log)
    assert items[1] == "jam"
    assert items[0] == items[2] == fitted.predict_topk(["cid"], k=1, exclude_seen=False)[0, 0]  # cid has seen all
    assert items[3] == "tea"


def test_new_items_are_recommended_from_their_first_event(fitted):
    updated = copy.deepcopy(fitted).partial_update([("ann", "honey", 8), ("dan", "honey", 9)])
    assert "honey" in answered(updated, "bob")
    assert "honey" not in answered(updated, "ann")
    assert "honey" not in answered(fitted, "bob")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"k": 0}, ValueError, "k must be a whole number of at least 1, not 0"),
        ({"k": 2.5}, ValueError, "k must be a whole number"),
        ({"k": True}, ValueError, "k must be a whole number"),
        (
            {"candidates": ["tea", "honey"], "on_unknown": "raise"},
            ValueError,
            "candidates holds 'honey', which is not known",
        ),
        ({"candidates": [["tea"], ["milk"]]}, ValueError, "candidates has 2 lists for 1 user;"),
        ({"exclude": [["tea"], ["milk"]]}, ValueError, "exclude has 2 lists for 1 user;"),
        ({"candidates": [1]}, TypeError, "the known ids are strings, but these are numbers"),
        ({"candidates": {"ann": ["tea"]}}, TypeError, "candidates must be one list of item ids.*not a dict"),
        ({"exclude_seen": "no"}, ValueError, "exclude_seen must be True, False or None, not 'no'"),
        ({"candidates": "tea"}, TypeError, "candidates must be a list or array of ids"),
        ({"candidates": [np.ma.zeros(2, dtype="i4, i4")]}, TypeError, "'candidates\\[0\\]' has dtype"),
        ({"users": "ann"}, TypeError, "users must be a list or array of ids, not 'ann'"),
        ({"users": [5]}, TypeError, "'user_id': the known ids are strings, but these are numbers"),
        ({"users": [None]}, ValueError, "'users' has a missing value"),
        ({"users": [["ann"]]}, TypeError, "'users' holds"),
        ({"users": np.array([["ann"]])}, ValueError, "users must be one-dimensional"),
    ],
)
def test_bad_questions_are_refused(fitted, arguments, error, message):
    with pytest.raises(error, match=message):
        fitted.predict_topk(**{"users": ["ann"], **arguments})


@pytest.mark.usefixtures("layout")
@pytest.mark.parametrize("extreme", [{"history_decay": 1 - 1e-12}, {"context_size": 10**12}])
def test_nothing_is_as_long_as_a_parameter_says(extreme):
    parameters = SMALL | {"blend": {"two_hop": 1.0, "direct": 1.0}}
    whole = {"history_decay": 1.0, "context_size": 100}
    expected = AutoSeqRecRecommender(**{**parameters, **whole}).fit(LOG)
    recommender = AutoSeqRecRecommender(**{**parameters, **whole, **extreme}).fit(LOG)
    assert answered(recommender, "bob") == pytest.approx(answered(expected, "bob"), rel=1e-5)


@pytest.mark.usefixtures("layout")
def test_long_histories_are_not_laid_side_by_side(monkeypatch):
    log = [("ann", item % 7, item) for item in range(40)] + [("bob", 3, 50), ("bob", 5, 51)]
    recommender = AutoSeqRecRecommender(**SMALL | {"history_decay": 0.9999, "blend": {"two_hop": 1.0}})
    recommender.fit(log)
    expected = recommender.predict_topk(["ann", "bob"], exclude_seen=False, k=7, return_scores=True)[1]
    monkeypatch.setattr("skautoseqrec._scoring.queries.LONGEST_SORTED", 10)
    actual = recommender.predict_topk(["ann", "bob"], exclude_seen=False, k=7, return_scores=True)[1]
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)
