"""Reranked lists: what a function is given, what it may return, and the two that ship, against greedy loops."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from strategies import consecutive_logs, recommenders
from worlds import TEA_LOG

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.reranking import MaximalMarginalRelevance, MaxPerGroup

PARAMETERS = {"objective": "closed_form", "blend": {"direct": 1.0, "trend": (1.0,)}, "trend_half_lives": (30.0,)}
PARAMETERS |= {"early_stopping": False, "exclude_seen": False, "device": "cpu"}
pytestmark = pytest.mark.filterwarnings("ignore:.*repeat an earlier:UserWarning")  # tiny logs repeat everything


@pytest.fixture(scope="module")
def fitted():
    return AutoSeqRecRecommender(**PARAMETERS).fit(TEA_LOG)


def positions(function):
    function.returns = "positions"
    return function


@settings(max_examples=20)
@given(consecutive_logs(n_parts=1), recommenders(), st.integers(1, 6), st.integers(1, 9), st.booleans())
def test_a_page_is_what_would_have_been_answered(parts, recommender, k, size, by_position):
    recommender.fit(parts[0])
    users, given_pages = recommender.user_ids_.tolist(), []
    n_page = min(max(k, size), len(recommender.item_ids_))
    ids, scores = (np.ma.MaskedArray(each) for each in recommender.predict_topk(users, n_page, return_scores=True))

    def backwards(users, ids, scores):
        given_pages.append((users.tolist(), [row.tolist() for row in ids], [row.tolist() for row in scores]))
        return [np.arange(len(row))[::-1] if by_position else row[::-1] for row in ids]

    backwards.returns = "positions" if by_position else "ids"
    answer = recommender.predict_topk(users, k, rerank=backwards, rerank_size=size, return_scores=True, output="list")
    expected = [[row.compressed().tolist() for row in each] for each in (ids, scores)]
    assert given_pages == [(users, *expected)]
    assert list(answer) == [[row[::-1][:k] for row in each] for each in expected]


def test_a_page_has_ten_times_as_many_places_as_a_list(fitted):
    sizes = []

    def count(users, ids, scores):
        sizes.append(len(ids[0]))
        return ids

    log = [(user, item, item) for user in range(2) for item in range(60)]
    recommender = AutoSeqRecRecommender(**PARAMETERS).fit(log)
    for k in (2, 5, 7):
        recommender.predict_topk([0], k, rerank=count)
    count.rerank_size = 3
    recommender.predict_topk([0], 2, rerank=count)
    recommender.predict_topk([0], 4, rerank=count)
    recommender.predict_topk([0], 2, rerank=count, rerank_size=9)
    assert sizes == [20, 50, 60, 3, 4, 9]


def test_what_is_left_out_leaves_a_shorter_list(fitted):
    def first(users, ids, scores):
        return [row[:1] for row in ids]

    best = fitted.predict_topk(["bob"], k=1)[0, 0]
    answer = fitted.predict_topk(["bob"], k=3, rerank=first)
    assert answer.tolist() == [[best, None, None]]
    assert fitted.predict_topk_sequences([["tea"]], k=3, rerank=first, output="list")[0][0] is not None
    assert fitted.predict_topk(["bob"], candidates=[], rerank=lambda users, ids, scores: ids).mask.all()
    assert fitted.predict_topk([], rerank=lambda users, ids, scores: []).shape == (0, 10)


@pytest.mark.parametrize(
    ("rerank", "error", "message"),
    [
        ("mmr", TypeError, "rerank must be a function of .users, ids, scores., or None, not 'mmr'"),
        (MaxPerGroup, TypeError, "rerank must be a function"),
        (lambda users, ids, scores: None, TypeError, "a list with an order for each user, not None"),
        (lambda users, ids, scores: [], ValueError, "0 orders for 1 user;"),
        (
            lambda users, ids, scores: [["salt"]],
            ValueError,
            "the item 'salt', which is not on the page of 3 candidates",
        ),
        (lambda users, ids, scores: [["tea", "tea"]], ValueError, "user 'bob' 2 items, one of them 2 times"),
        (lambda users, ids, scores: [[*ids[0], "tea"]], ValueError, "user 'bob' 4 items, one of them 2 times"),
        (lambda users, ids, scores: [[]], ValueError, "user 'bob' nothing, though the page has 3 candidates"),
        (lambda users, ids, scores: [[2, 0, 1]], TypeError, "rerank.returns = 'positions'"),
        (lambda users, ids, scores: ["tea"], TypeError, "user 'bob' must be a list or array of ids, not 'tea'"),
        (positions(lambda users, ids, scores: [[0, 3]]), ValueError, "user 'bob' the position 3, .* positions 0 to 2"),
        (positions(lambda users, ids, scores: [[-1]]), ValueError, "the position -1"),
        (positions(lambda users, ids, scores: [[0, 0]]), ValueError, "one of them 2 times .position 0"),
        (positions(lambda users, ids, scores: [["tea"]]), TypeError, "no positions: whole numbers"),
        (positions(lambda users, ids, scores: [5]), TypeError, "user 'bob' 5, which is no list of positions"),
    ],
)
def test_orders_that_are_none_are_refused(fitted, rerank, error, message):
    with pytest.raises(error, match=message):
        fitted.predict_topk(["bob"], k=2, rerank=rerank)


@pytest.mark.parametrize("size", [0, 2.5, "5", True])
def test_sizes_that_are_none_are_refused(fitted, size):
    with pytest.raises(ValueError, match="rerank_size must be a whole number"):
        fitted.predict_topk(["bob"], rerank=lambda users, ids, scores: ids, rerank_size=size)
    with pytest.raises(ValueError, match="give rerank too"):
        fitted.predict_topk(["bob"], rerank_size=5)


def greedy_groups(page, groups, m):
    """Return the items of a page of whose group fewer than m came before."""
    kept = []
    for item in page:
        group = groups.get(item)
        if group is None or sum(groups.get(other) == group for other in kept) < m:
            kept.append(item)
    return kept


@given(
    st.lists(st.integers(0, 20), unique=True),
    st.dictionaries(st.integers(0, 20), st.sampled_from(["a", "b", "c"]), min_size=1),
    st.integers(1, 3),
)
def test_groups_are_filled_greedily(page, groups, m):
    for table in (groups, pd.Series(groups), pd.DataFrame({"item": [*groups], "group": [*groups.values()], "x": 1})):
        (order,) = MaxPerGroup(m, table)([0], [np.array(page, dtype=np.int64)], [np.zeros(len(page))])
        assert [page[place] for place in order] == greedy_groups(page, groups, m)


def greedy_relevance(scores, cosines, trade_off):
    """Return the order of maximal marginal relevance, one pair at a time; and whether rounding could change it."""
    n = len(scores)
    low, high = min(scores), max(scores)
    relevance = [(score - low) / (high - low) if high > low else 1.0 for score in scores]
    order, is_close = [max(range(n), key=lambda place: (relevance[place], -place))], False
    while len(order) < n:
        value = {
            place: trade_off * relevance[place] - (1 - trade_off) * max(cosines[place][other] for other in order)
            for place in range(n)
            if place not in order
        }
        best, *others = sorted(value.values(), reverse=True)
        is_close |= any(0 < abs(best - other) < 1e-9 for other in others[:1])
        order.append(min(place for place in value if value[place] == best))
    return order, is_close


NUMBERS = st.integers(-4, 4).map(lambda number: number / 4)


@given(st.data(), st.integers(1, 7), st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_relevance_is_traded_off_greedily(data, n, trade_off):
    scores = sorted(data.draw(st.lists(NUMBERS, min_size=n, max_size=n)), reverse=True)
    cosines = data.draw(st.lists(st.lists(NUMBERS, min_size=n, max_size=n), min_size=n, max_size=n))
    cosines = np.array(cosines)
    cosines = (cosines + cosines.T) / 2
    (order,) = MaximalMarginalRelevance(trade_off)([0], [np.arange(n)], [np.array(scores)], [cosines])
    expected, is_close = greedy_relevance(scores, cosines, trade_off)
    assert is_close or order.tolist() == expected


@settings(max_examples=20)
@given(consecutive_logs(n_parts=2), recommenders())
def test_the_cosines_are_those_of_similar_items(parts, recommender):
    recommender.fit(parts[0]).partial_update(parts[1])
    items, seen = recommender.item_ids_.tolist(), []

    def look(users, ids, scores, similarities):
        seen.append((ids[0].tolist(), similarities[0]))
        return ids

    look.needs_similarities = True
    has_network = recommender.objective != "closed_form"
    ask = {"users": [recommender.user_ids_[0]], "k": len(items), "exclude_seen": False, "rerank": look}
    if not has_network and not recommender.neighbour_window:
        with pytest.raises(ValueError, match="does not know which items are alike"):
            recommender.predict_topk(**ask)
        return
    recommender.predict_topk(**ask)
    (page, cosines), place = seen[0], {item: place for place, item in enumerate(seen[0][0])}
    assert sorted(page, key=str) == sorted(items, key=str)
    np.testing.assert_allclose(cosines, cosines.T, atol=1e-5)
    if len(items) == 1:
        return
    ids, expected = recommender.similar_items(items, k=len(items) - 1, return_scores=True)
    if has_network:
        for item, row, values in zip(items, ids, expected, strict=True):
            actual = cosines[place[item], [place[other] for other in row.tolist()]]
            np.testing.assert_allclose(actual, values, rtol=1e-3, atol=1e-4)
    else:
        pairs = recommender._serving.state.snapshot.popularity()
        assert (np.diag(cosines) == 1).all()
        assert ((cosines >= 0) & (cosines <= 1)).all()
        assert len(pairs) == len(cosines)


def test_vectors_may_be_given(fitted):
    vectors = {"tea": [1.0, 0.0], "milk": [1.0, 0.0], "jam": [0.0, 2.0]}
    table = pd.DataFrame.from_dict(vectors, orient="index", columns=["x", "y"]).rename_axis("item").reset_index()
    page, scores = np.array(["tea", "milk", "jam", "salt"], dtype=object), np.array([3.0, 2.9, 2.0, 1.0])
    for given_vectors in (vectors, table):
        rerank = MaximalMarginalRelevance(0.5, given_vectors)
        assert not rerank.needs_similarities
        assert rerank(["ann"], [page], [scores])[0].tolist() == [0, 2, 3, 1]
        assert fitted.predict_topk(["ann"], k=3, rerank=rerank).shape == (1, 3)


@pytest.mark.parametrize(
    ("rerank", "error", "message"),
    [
        (MaxPerGroup(0, {"tea": "a"}), ValueError, "m must be a whole number of at least 1, not 0"),
        (MaxPerGroup(1, ["a"]), TypeError, "groups must be a dict from item ids"),
        (MaximalMarginalRelevance(1.5), ValueError, r"trade_off must be a number in \[0, 1\], not 1.5"),
        (MaximalMarginalRelevance(0.5, {}), ValueError, "vectors is empty"),
        (MaximalMarginalRelevance(0.5, {"tea": [1], "jam": [1, 2]}), ValueError, "2 numbers for the item 'jam'"),
        (MaximalMarginalRelevance(0.5, {"tea": ["x"]}), ValueError, "no numbers for the item 'tea'"),
        (MaximalMarginalRelevance(0.5, {"tea": [np.nan]}), ValueError, "for the item 'tea', and must hold 1, all"),
    ],
)
def test_rerankers_refuse_what_they_cannot_use(fitted, rerank, error, message):
    with pytest.raises(error, match=message):
        fitted.predict_topk(["ann"], k=2, rerank=rerank)


def test_rerankers_are_shown_copied_and_pickled():
    rerank = MaximalMarginalRelevance(0.5, rerank_size=30)
    for each in (rerank, clone(rerank), pickle.loads(pickle.dumps(rerank))):
        assert repr(each) == "MaximalMarginalRelevance(rerank_size=30, trade_off=0.5)"
        assert each.needs_similarities
    assert repr(MaxPerGroup(2, {"a": "b"})) == "MaxPerGroup(groups={'a': 'b'}, m=2)"


def test_alike_items_are_spread():
    # 1 and 2 are always taken together, 3 by itself and less often.
    log = [(user, 3, user) for user in range(4)] + [(user, item, user) for user in range(4, 14) for item in (1, 2)]
    recommender = AutoSeqRecRecommender(**PARAMETERS).fit(log)
    alone = recommender.predict_topk([99], k=3)[0].tolist()
    spread = recommender.predict_topk([99], k=3, rerank=MaximalMarginalRelevance(0.3))[0].tolist()
    assert sorted(alone[:2]) == [1, 2]
    assert spread == [alone[0], 3, alone[1]]


@pytest.mark.parametrize("function", [MaxPerGroup(1, {7: "hot", 8: "hot"}), MaximalMarginalRelevance(0.5, {7: [1.0]})])
def test_a_table_of_other_ids_is_refused(fitted, function):
    with pytest.raises(TypeError, match="the known ids are strings, but these are numbers"):
        fitted.predict_topk(["ann"], rerank=function)
