"""Forgetting: what is left is what would be there if the forgotten events had never been told of."""

import copy
import pickle

import numpy as np
import pytest
import torch
from comparisons import answered, assert_same_answers, assert_same_base, assert_walks_as, rebuilt
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracle import Oracle
from strategies import consecutive_logs, recommenders
from worlds import SMALL, TEA_LOG, TEA_UPDATE

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._counts.events import EventStore
from skautoseqrec._state.base import Base
from skautoseqrec.preprocessing import InteractionEncoder

pytestmark = [
    pytest.mark.filterwarnings("ignore:The items of:UserWarning"),  # tiny logs repeat everything
    pytest.mark.filterwarnings("ignore:.*repeat an earlier:UserWarning"),
]


@pytest.fixture
def fitted():
    parameters = {**SMALL, "trend_half_lives": (3.0,), "blend": {"collaborative": 1.0, "two_hop": 1.0, "trend": (1.0,)}}
    return AutoSeqRecRecommender(**parameters).fit(TEA_LOG).partial_update(TEA_UPDATE)


@st.composite
def requests(draw, log):
    """Draw what is to be forgotten of a log, and how the oracle is told of the same."""
    request = {}
    for column, name in enumerate(("users", "items")):
        ids = sorted({row[column] for row in log})
        if draw(st.booleans()):
            request[name] = draw(st.lists(st.sampled_from(ids), max_size=2))
    if draw(st.booleans()) or not request:
        width = draw(st.integers(2, len(log[0])))
        rows = draw(st.lists(st.sampled_from(log), min_size=1, max_size=4))
        request["interactions"] = [row[:width] for row in rows]

    def is_forgotten(event):
        rows = request.get("interactions", ())
        is_row = any(event[: len(row)] == row for row in rows)
        return event[0] in request.get("users", ()) or event[1] in request.get("items", ()) or is_row

    return request, is_forgotten


def assert_answers_of(oracle, recommender):
    assert set(recommender.user_ids_.tolist()) == {user for user, history in oracle.histories.items() if history}
    assert recommender.item_ids_.tolist() == list(oracle.arrivals)
    strangers = ["nobody" if recommender.user_ids_.dtype == object else -99]
    for user in [*recommender.user_ids_.tolist(), *strangers]:
        assert answered(recommender, user) == pytest.approx(oracle.eligible_scores(user), rel=1e-3, abs=1e-3)


@pytest.mark.usefixtures("layout")
@settings(max_examples=20)
@given(consecutive_logs(n_parts=4), recommenders(), st.sampled_from([0, 1000]), st.data())
def test_forgetting_equals_a_rebuild_of_what_remains(parts, recommender, smallest_merge, data):
    fitted, first, second, walked = parts
    request, is_forgotten = data.draw(requests(fitted + first))
    recommender.fit(fitted)
    oracle = Oracle(recommender, fitted)
    oracle.let_in_log(first)
    remaining = [event for event in oracle.events if not is_forgotten(event[1:])]
    assume(any(item in oracle.trained for _, _, item, *_ in remaining))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skautoseqrec._state.state.SMALLEST_MERGE", smallest_merge)
        recommender.partial_update(first).forget(**request)
        oracle.forget(is_forgotten)
        assert_answers_of(oracle, recommender)
        assert_same_base(recommender._serving.state.merged(), rebuilt(recommender, oracle.events))
        assert recommender._serving.scorer.model.n_trained == len(oracle.trained)
        recommender.partial_update(second)
    oracle.let_in_log(second)
    assert_answers_of(oracle, recommender)
    assert_same_base(recommender._serving.state.merged(), rebuilt(recommender, oracle.events))
    events = recommender._serving.state.events
    assert events.arrivals.tolist() == [number - 1 for number, *_ in oracle.events]
    assert events.clock == oracle.n_events
    assert_walks_as(oracle, recommender, walked)


def test_survivors_follow_each_other(fitted):
    fitted.forget(items=["milk"])
    tea = fitted.item_ids_.tolist().index("tea")
    assert fitted._serving.state.snapshot.base.counts.transitions[tea, tea] > 0  # ann: tea, milk, tea


def test_a_forgotten_id_is_in_no_pickle():
    secret, product = "somebody nobody may remember", "something nobody may remember"
    parameters = {**SMALL, "trend_half_lives": (3.0,), "blend": {"two_hop": 1.0, "trend": (1.0,)}}
    log = [*TEA_LOG, (secret, "tea", 6), ("ann", product, 7)]
    recommender = AutoSeqRecRecommender(**parameters).fit(InteractionEncoder().fit_transform(log))
    recommender.partial_update([(secret, "jam", 8)]).predict_topk([secret], k=1)
    assert secret.encode() in pickle.dumps(recommender)
    n_weights = recommender.module_.n_items
    recommender.forget(users=[secret], items=[product])
    saved = pickle.dumps(recommender)
    assert secret.encode() not in saved
    assert product.encode() not in saved
    assert recommender.module_.n_items == n_weights - 1
    assert_same_answers(pickle.loads(saved), recommender)


def test_an_update_that_failed_is_in_no_pickle(fitted, monkeypatch):
    def fail(*arguments):
        raise MemoryError

    monkeypatch.setattr(EventStore, "add_events", fail)
    with pytest.raises(MemoryError):
        fitted.partial_update([("somebody nobody may remember", "tea", 9)])
    assert b"somebody nobody may remember" not in pickle.dumps(fitted)


def test_weights_of_items_without_events_are_dropped(fitted):
    before, rows = copy.deepcopy(fitted), [0, 2]  # tea and jam, without milk
    fitted.forget(items=["milk"])
    assert fitted.item_ids_.tolist() == ["tea", "jam", "honey"]
    assert before.module_.n_items == 3
    for name, weight in before.module_.state_dict().items():
        is_of_items = name == "encoder_weight" or name.startswith("decoders")
        expected = weight[rows] if is_of_items else weight
        torch.testing.assert_close(fitted.module_.state_dict()[name], expected, rtol=0, atol=0)
        assert not fitted.module_.state_dict()[name].requires_grad
    assert fitted.blend_ == before.blend_


def test_times_match_whatever_they_are_written_as():
    times = np.array(["2024-01-01", "2024-01-02", "2024-01-03"], dtype="datetime64[ns]")
    users, items = np.array(["ann"] * 3, dtype=object), np.array(["tea"] * 3, dtype=object)
    log = np.column_stack([users, items, times.astype(object)])
    log[:, 2] = list(times)
    recommender = AutoSeqRecRecommender(**SMALL).fit(log)
    recommender.forget(interactions=[("ann", "tea", np.datetime64("2024-01-02", "s"))])
    assert recommender._serving.state.events.times.tolist() == times[[0, 2]].tolist()


def test_whole_times_beyond_the_reach_of_floats_match_only_themselves():
    time = 2**53
    recommender = AutoSeqRecRecommender(**SMALL).fit(
        [("ann", "tea", time), ("ann", "tea", time + 1), ("ann", "tea", 5)]
    )
    with pytest.raises(ValueError, match=r"'ann' with 'tea' at 5\.5, matches no known event"):
        recommender.forget(interactions=[("ann", "tea", 5.0), ("ann", "tea", 5.5)])
    recommender.forget(interactions=[("ann", "tea", float(time)), ("ann", "tea", 5.0)])
    assert recommender._serving.state.events.times.tolist() == [time + 1]


@pytest.mark.parametrize(
    ("request_", "error", "message"),
    [
        ({}, ValueError, "give users, items or interactions"),
        ({"users": ["ann", "dan", "eve"]}, ValueError, "users holds 'dan', which is not known.*user_ids_"),
        ({"items": ["tea", "salt"]}, ValueError, "items holds 'salt', which is not known.*item_ids_"),
        ({"users": [1]}, TypeError, "'user_id': the known ids are strings, but these are numbers"),
        ({"users": "ann"}, TypeError, "users must be a list or array of ids"),
        (
            {"interactions": [("ann", "tea"), ("ann", "jam")]},
            ValueError,
            "Row 1 of interactions, 'ann' with 'jam', match",
        ),
        ({"interactions": [("dan", "tea")]}, ValueError, "Row 0 of interactions, 'dan' with 'tea', matches no known"),
        ({"interactions": [("ann", "tea", 2)]}, ValueError, "'ann' with 'tea' at 2, matches no known event"),
        ({"interactions": [("ann", "tea", np.datetime64("2024"))]}, TypeError, "known times are numbers"),
        ({"interactions": []}, ValueError, "empty"),
        ({"users": ["ann", "bob", "cid"]}, ValueError, "remove all there is: 7 events"),
        ({"items": ["tea", "milk", "jam"]}, ValueError, "every event of every item that has weights"),
    ],
)
def test_what_cannot_be_forgotten_changes_nothing(fitted, request_, error, message):
    before, served = copy.deepcopy(fitted), fitted._serving
    with pytest.raises(error, match=message):
        fitted.forget(**request_)
    assert fitted._serving is served
    assert_same_answers(fitted, before)
    assert_same_base(fitted._serving.state.merged(), before._serving.state.merged())


def test_times_are_not_asked_for_where_there_are_none():
    recommender = AutoSeqRecRecommender(**SMALL).fit([row[:2] for row in TEA_LOG])
    with pytest.raises(ValueError, match="no known event has one"):
        recommender.forget(interactions=TEA_LOG[:1])


def test_forgetting_nobody_changes_nothing(fitted):
    served = fitted._serving
    assert fitted.forget(users=[], items=[])._serving is served


def test_an_interrupted_forgetting_changes_nothing(fitted, monkeypatch):
    served = fitted._serving

    def interrupt(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Base, "build", interrupt)
        for act in (lambda: fitted.forget(users=["ann"]), fitted.refresh):
            snapshot = served.state.snapshot
            with pytest.raises(KeyboardInterrupt):
                act()
            assert fitted._serving is served
            assert served.state.snapshot is snapshot


def test_who_took_what_is_served_keeps_it(fitted):
    before = copy.deepcopy(fitted)
    taken = copy.copy(fitted)  # shares what is served
    fitted.forget(users=["ann"]).partial_update([("dan", "salt", 9)])
    assert_same_answers(taken, before)
    assert taken.explain(["ann"], ["milk"]).scores.shape == (1, 1)


def test_refresh_changes_no_answer(fitted):
    before = copy.deepcopy(fitted)
    assert fitted.refresh() is fitted
    snapshot = fitted._serving.state.snapshot
    assert (snapshot.n_events, snapshot.base.n_built_from) == (0, 7)
    assert_same_answers(fitted, before)
    assert_same_base(fitted._serving.state.merged(), before._serving.state.merged())


def test_sums_are_built_anew_by_themselves_when_the_log_has_doubled(monkeypatch):
    monkeypatch.setattr("skautoseqrec._state.state.SMALLEST_MERGE", 0)
    monkeypatch.setattr("skautoseqrec._state.state.MERGE_SHARE", 10**9)
    recommender = AutoSeqRecRecommender(**SMALL).fit([(user, user % 3) for user in range(8)])
    built_from = []
    for event in range(24):
        recommender.partial_update([(event % 5, event % 3)])
        built_from.append(recommender._serving.state.snapshot.base.n_built_from)
    assert built_from == [8] * 7 + [16] * 16 + [32]


def test_times_that_may_be_rounded_name_no_event():
    start = 1_700_000_000_000_000_000
    recommender = AutoSeqRecRecommender(**SMALL).fit([("a", "x", start + 1), ("a", "x", start + 2), ("b", "y", start)])
    recommender.partial_update([("c", "x")])
    with pytest.raises(ValueError, match="do not tell such large ones apart"):
        recommender.forget(interactions=[("a", "x", start + 1)])
    assert len(recommender._serving.state.events) == 4
    recommender.forget(interactions=[("a", "x")])
    assert recommender.user_ids_.tolist() == ["b", "c"]
