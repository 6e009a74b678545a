"""Dislikes: never recommended, whatever else is asked, in whatever order and split pairs and events come in."""

import copy
import pickle
import threading
import warnings

import numpy as np
import pandas as pd
import pytest
from comparisons import answered, assert_same_answers, assert_walks_as
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import Oracle
from sklearn.base import clone
from strategies import consecutive_logs, recommenders
from worlds import LOG, SMALL, TEA_LOG, TEA_UPDATE

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._state import dislikes as dislikes_module
from skautoseqrec._state.dislikes import Dislikes

pytestmark = [
    pytest.mark.filterwarnings("ignore:The items of:UserWarning"),  # tiny logs repeat everything
    pytest.mark.filterwarnings("ignore:.*repeat an earlier:UserWarning"),
]
COUNTED = {"objective": "closed_form", "blend": {"direct": 1.0, "neighbours": 1.0, "trend": (1.0,)}}
COUNTED |= {"trend_half_lives": (30,), "early_stopping": False, "ties": "row"}


@pytest.fixture
def recommender():
    return AutoSeqRecRecommender(**COUNTED).fit(TEA_LOG)


def pairs_of(*logs):
    """Return the users and items of logs, and somebody and something else of the same kind."""
    rows = [row for log in logs for row in log]
    stranger, nothing = ("nobody", "nothing") if isinstance(rows[0][0], str) else (10**6, 10**6)
    users, items = {row[0] for row in rows} | {stranger}, {row[1] for row in rows} | {nothing}
    return st.lists(st.tuples(st.sampled_from(sorted(users)), st.sampled_from(sorted(items))), max_size=12)


def said(recommender, users, **options):
    """Return the answers to some users as ids and scores, None where there is nothing."""
    ids, scores = recommender.predict_topk(users, k=9, return_scores=True, **options)
    return [
        [(key, round(float(score), 3)) for key, score in zip(*row, strict=True) if key is not np.ma.masked]
        for row in zip(ids, scores, strict=True)
    ]


@settings(max_examples=20)
@given(consecutive_logs(n_parts=3), recommenders(), st.sampled_from(["row", "together"]), st.data())
def test_answers_and_walks_equal_those_of_the_formula(parts, recommender, ties, data):
    fitted, updated, walked = parts
    pairs = data.draw(pairs_of(*parts))
    recommender.fit(fitted).dislike(pairs).partial_update(updated)
    oracle = Oracle(recommender, fitted)
    oracle.let_in_log(updated)
    oracle.dislikes = set(pairs)
    for user in recommender.user_ids_.tolist():
        for exclude_seen in (False, True):
            expected = oracle.eligible_scores(user, exclude_seen)
            rounding = 1e-4 * (1 + max(map(abs, expected.values()), default=0))
            assert answered(recommender, user, exclude_seen=exclude_seen) == pytest.approx(expected, abs=rounding)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skautoseqrec._scoring.scorer.BLOCK_SIZE", 3)
        assert_walks_as(oracle, recommender, walked, ties)


@settings(max_examples=20)
@given(consecutive_logs(n_parts=3), st.data())
def test_the_order_and_the_split_of_calls_do_not_matter(parts, data):
    pairs, withdrawn = data.draw(pairs_of(*parts)), data.draw(pairs_of(*parts))
    kept = sorted(set(pairs) - set(withdrawn))
    fitted, first, second = parts
    at_once = AutoSeqRecRecommender(**COUNTED).fit(fitted)
    one_by_one = copy.deepcopy(at_once)
    at_once.partial_update(first + second).dislike(kept)
    one_by_one.dislike(withdrawn).dislike(pairs)
    for position, log in enumerate((first, second)):
        one_by_one.partial_update(log)
        for pair in withdrawn[position::2]:
            one_by_one.dislike([pair], withdraw=True)
    np.testing.assert_array_equal(one_by_one.dislikes_, at_once.dislikes_)
    assert at_once.dislikes_.tolist() == [list(pair) for pair in kept]
    assert_same_answers(one_by_one, at_once)
    assert_same_answers(one_by_one.refresh(), at_once)


@settings(max_examples=200)
@given(st.lists(st.tuples(st.booleans(), st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), max_size=3))))
def test_pairs_are_a_set_and_old_ones_never_change(calls):
    known, dislikes, earlier = set(), Dislikes(), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dislikes_module, "FEWEST_APART", 1)
        for withdraw, pairs in calls:
            users, items = (np.array([pair[place] for pair in pairs], dtype=int) for place in (0, 1))
            changed = dislikes.changed(users, items, withdraw=withdraw)
            now = known - set(pairs) if withdraw else known | set(pairs)
            assert (changed is dislikes) == (now == known)
            earlier.append((dislikes, known))
            dislikes, known = changed, now
            assert dislikes.pairs() == sorted(known)
            assert dislikes or not known
    for before, pairs in earlier:
        assert before.pairs() == sorted(pairs)


def test_nothing_that_is_asked_lets_a_disliked_item_in(recommender):
    everything = recommender.item_ids_.tolist()
    recommender.dislike([("ann", "jam"), ("stranger", "tea")])
    for options in ({}, {"exclude_seen": False}, {"candidates": everything}, {"rerank": lambda *page: page[1]}):
        assert "jam" not in dict.fromkeys(key for row in said(recommender, ["ann"], **options) for key, _ in row)
        assert "tea" not in dict.fromkeys(key for row in said(recommender, ["stranger"], **options) for key, _ in row)
    assert "ann" not in np.ma.compressed(recommender.predict_users(["jam"], k=3, exclude_seen=False))
    assert recommender.predict_users(["tea"], k=3, exclude_seen=False).shape == (1, 3)
    assert recommender.predict_topk_sequences([["tea", "milk"]], k=1).tolist() == [["jam"]]  # it is of nobody


def test_probabilities_are_among_what_is_left(recommender):
    recommender.dislike([("bob", "milk")])
    ids, shares = recommender.predict_users(["tea", "jam", "milk"], k=2, exclude_seen=False, return_scores=True)
    assert (ids == "bob").sum() == 2
    assert shares[ids == "bob"].sum() == pytest.approx(1)


def test_predict_returns_what_is_left_and_masks_where_there_is_nothing(recommender):
    everything = recommender.item_ids_.tolist()
    rows = [("ann", "tea"), ("stranger", "tea"), ("other", "tea"), ("ann", "tea")]
    plain = recommender.predict(rows)
    assert not np.ma.isMaskedArray(plain)
    recommender.dislike([("stranger", plain[1]), ("ann", "jam")])
    answer = recommender.predict(rows)
    assert answer[1] != plain[1] == answer[2] == plain[2]
    assert answer[0] == answer[3] in {"tea", "milk"}  # ann has seen all that she does not dislike
    recommender.dislike([("ann", item) for item in everything])
    masked = recommender.predict(rows)
    assert np.ma.getmaskarray(masked).tolist() == [True, False, False, True]
    assert masked[1] == answer[1]


def test_explanations_say_so(recommender):
    recommender.dislike([("bob", "milk"), ("bob", "tea")])
    explained = recommender.explain(["bob", "ann"], ["milk", "tea", "jam"], candidates=["jam"])
    assert explained.status.tolist() == [["disliked", "disliked", "seen"], ["seen", "seen", "candidate"]]
    assert explained.sentences[0, 0] == "Not recommended: the user dislikes it."
    assert np.ma.getmaskarray(explained.ranks)[0].all()


def test_a_walk_gives_a_disliked_item_nothing_and_does_not_say_that_it_was_seen(recommender):
    walked = [("bob", "milk", 6), ("new", "cake", 7), ("new", "tea", 8), ("ann", "cake", 9)]
    plain = recommender.score_samples(walked)
    assert (plain > 0).tolist() == [True, False, True, True]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recommender.dislike([("bob", "milk"), ("ann", "cake"), ("new", "cake")])
        values = recommender.score_samples(walked)
    assert (values > 0).tolist() == [False, False, True, False]
    assert values[2] >= plain[2]  # one competitor less


def test_dislikes_are_no_events(recommender):
    before = recommender.predict_topk(["bob", "stranger"], k=3, exclude_seen=False, return_scores=True)
    counts = recommender._serving.state.merged().counts
    recommender.dislike([("ann", "jam"), ("cid", "cake"), ("dan", "tea")])
    after = recommender.predict_topk(["bob", "stranger"], k=3, exclude_seen=False, return_scores=True)
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)
    assert recommender._serving.state.merged().counts is counts
    assert recommender.user_ids_.tolist() == ["ann", "bob"]
    assert recommender.item_ids_.tolist() == ["tea", "milk", "jam"]


def test_who_and_what_is_unknown_yet_is_disliked_once_it_is_known(recommender):
    recommender.dislike([("cid", "tea"), ("ann", "honey")])
    recommender.partial_update(TEA_UPDATE)
    assert dict.fromkeys(answered(recommender, "cid")) == {"jam": None, "milk": None}
    assert set(answered(recommender, "ann", exclude_seen=False)) == {"tea", "milk", "jam"}


@pytest.mark.parametrize("way", ["users", "items", "both"])
def test_forgetting_takes_pairs_out(recommender, way):
    recommender.dislike([("ann", "jam"), ("bob", "milk"), ("ghost", "jam"), ("cid", "cake")])
    if way == "users":
        recommender.forget(users=["ann", "ghost"])
        assert recommender.dislikes_.tolist() == [["bob", "milk"], ["cid", "cake"]]
    elif way == "items":
        recommender.forget(items=["jam", "cake"])
        assert recommender.dislikes_.tolist() == [["bob", "milk"]]
    else:
        recommender.forget(users=["cid"], items=["jam"], interactions=[("bob", "tea")])
        assert recommender.dislikes_.tolist() == [["bob", "milk"]]
    with pytest.raises(ValueError, match="ghost"):
        recommender.forget(users=["ghost"])


def test_who_has_no_event_can_be_forgotten_and_nothing_is_counted_again(recommender):
    recommender.dislike([("ghost", "jam"), ("bob", "milk")])
    blended = recommender.with_blend({"direct": 1.0})
    base = recommender._serving.state.snapshot.base
    recommender.forget(users=["ghost"])
    assert recommender._serving.state.snapshot.base is base
    assert recommender.dislikes_.tolist() == blended.dislikes_.tolist() == [["bob", "milk"]]
    with pytest.raises(ValueError, match="nobody"):
        recommender.forget(users=["bob", "nobody"])


def test_forgetting_events_alone_keeps_pairs(recommender):
    recommender.dislike([("bob", "milk")]).forget(interactions=[("bob", "tea"), ("bob", "jam")])
    assert recommender.user_ids_.tolist() == ["ann"]
    recommender.partial_update([("bob", "tea", 9)])
    assert "milk" not in answered(recommender, "bob")


def test_copies_have_their_own_and_blends_share(recommender):
    recommender.dislike([("bob", "milk")])
    blended, copied, pickled = recommender.with_blend({"direct": 1.0}), copy.deepcopy(recommender), None
    pickled = pickle.loads(pickle.dumps(recommender))
    recommender.dislike([("ann", "jam")])
    assert blended.dislikes_.tolist() == [["ann", "jam"], ["bob", "milk"]]
    for twin in (copied, pickled):
        assert twin.dislikes_.tolist() == [["bob", "milk"]]
        assert "milk" not in answered(twin, "bob", exclude_seen=False)
    assert not hasattr(clone(recommender), "dislikes_")


def test_a_new_fit_says_that_it_begins_without_and_takes_what_is_handed_on(recommender):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*disliked pairs.*")
        recommender.fit(TEA_LOG).dislike(recommender.dislikes_)  # none are none
    kept = recommender.dislike([("bob", "milk"), ("cid", "cake")]).dislikes_
    with pytest.warns(UserWarning, match="begins without the 2 disliked pairs"):
        recommender.fit(TEA_LOG)
    assert recommender.dislikes_.shape == (0, 2)
    assert recommender.dislike(kept).dislikes_.tolist() == kept.tolist()


@pytest.mark.parametrize(
    ("log", "pairs", "dtype"),
    [
        ([(1, 2), (3, 4)], [(3, 2)], np.int64),
        ([(0.5, 2), (3, 4)], [(3, 2)], object),
        ([("ann", 2), ("bob", 4)], [("bob", 2)], object),
        ([(0.5, 1.5), (3, 4)], [(3, 1.5)], np.float64),
    ],
)
def test_ids_come_back_as_they_are_known(log, pairs, dtype):
    dislikes = AutoSeqRecRecommender(**COUNTED).fit(log).dislike(pairs).dislikes_
    assert dislikes.dtype == dtype
    assert [tuple(row) for row in dislikes.tolist()] == pairs


def test_logs_of_every_form_are_read_and_times_do_not_matter(recommender):
    frame = pd.DataFrame(
        {"who": ["bob"], "user_id": ["ann"], "item_id": ["jam"], "timestamp": [pd.Timestamp("2024-01-01")]}
    )
    for pairs in (frame, frame.to_dict("records"), np.array([["ann", "jam"]]), [("ann", "jam", 7)]):
        assert recommender.dislike(pairs).dislikes_.tolist() == [["ann", "jam"]]
        assert recommender.dislike(pairs, withdraw=True).dislikes_.tolist() == []
    for nothing in ([], np.empty((0, 2)), frame[:0]):
        recommender.dislike(nothing)


@pytest.mark.parametrize(
    ("pairs", "withdraw", "error"),
    [
        ([(1, "jam")], False, "known ids are strings"),
        ([("ann", 2)], True, "known ids are strings"),
        ([("ann", None)], False, "missing value"),
        ([("ann", "jam")], None, "withdraw must be True or False, not None"),
        ([("ann", "jam")], "yes", "withdraw must be True or False, not 'yes'"),
        ("ann", False, "Cannot read a log from str"),
        ([("ann",)], False, "a list is read as rows|A list is read as rows"),
    ],
)
def test_bad_input_changes_nothing(recommender, pairs, withdraw, error):
    recommender.dislike([("bob", "milk")])
    before = pickle.dumps(recommender)
    with pytest.raises((TypeError, ValueError), match=error):
        recommender.dislike(pairs, withdraw=withdraw)
    assert pickle.dumps(recommender) == before


def test_readers_beside_a_writer_see_a_call_as_a_whole():
    recommender = AutoSeqRecRecommender(**SMALL | {"exclude_seen": False}).fit(LOG)
    users, items = recommender.user_ids_[:20].tolist(), recommender.item_ids_[:10].tolist()
    pairs = [(user, item) for user in users for item in items]
    failures, n_asked, n_told, has_ended = [], 0, 0, threading.Event()

    def write():
        nonlocal n_told
        while not has_ended.is_set():
            recommender.dislike(pairs, withdraw=bool(n_told % 2))
            recommender.partial_update([(users[n_told % 20], items[n_told % 10], 10**6 + n_told)])
            n_told += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        # Each side goes on until the other has done enough: which one gets the cores is not ours to say.
        while writer.is_alive() and (n_asked < 10 or n_told < 60):
            ids = recommender.predict_topk(users, k=len(recommender.item_ids_))
            found = np.isin(np.ma.filled(ids, -1), items).sum()
            failures += [found] if found not in (0, len(pairs)) else []
            n_asked += 1
    finally:
        has_ended.set()
        writer.join()
    assert not failures
    assert n_told >= 60


def test_what_is_disliked_needs_none_of_the_other_columns_that_the_fit_named():
    columns = {"user": "who", "item": "what", "time": "when", "weight": "stars", "event": "kind"}
    log = pd.DataFrame({"who": [1, 2, 3], "what": [7, 8, 7], "when": [1, 2, 3], "stars": [1, 2, 1], "kind": "view"})
    recommender = AutoSeqRecRecommender(objective="closed_form", blend={"direct": 1.0}, columns=columns)
    recommender.set_params(early_stopping=False).fit(log)
    assert recommender.dislike(log[["who", "what"]][:1]).dislikes_.tolist() == [[1, 7]]
