"""The invariants of the state: what updates add up to, whatever the way they came."""

import copy
import pickle
from unittest.mock import Mock

import numpy as np
import pytest
from comparisons import UPDATE_PATHS, assert_same_answers, assert_same_base, rebuilt
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import in_time_order
from sklearn.base import clone
from strategies import consecutive_logs, logs, recommenders
from worlds import SMALL

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._network.model import Model
from skautoseqrec._state.base import Base
from skautoseqrec._state.overlay import Overlay
from skautoseqrec.baselines import PopularityRecommender

pytestmark = [
    pytest.mark.filterwarnings("ignore:The items of:UserWarning"),  # tiny logs repeat everything
    pytest.mark.filterwarnings("ignore:.*repeat an earlier:UserWarning"),
]


def all_answers(recommender):
    return recommender.predict_topk(recommender.user_ids_, k=len(recommender.item_ids_), return_scores=True)


@settings(max_examples=50)
@given(consecutive_logs(n_parts=3), recommenders(), st.sampled_from([0, 5, 1000]))
def test_updates_equal_a_rebuild(parts, recommender, smallest_merge):
    state = recommender.fit(parts[0])._serving.state
    state.snapshot.base.pairs(state.model.settings)  # now counted, so that updates must add to them
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skautoseqrec._state.state.SMALLEST_MERGE", smallest_merge)
        for part in parts[1:]:
            recommender.partial_update(part)
    assert_same_base(recommender._serving.state.merged(), rebuilt(recommender))


@pytest.mark.usefixtures("layout")
@settings(max_examples=25)
@given(consecutive_logs(n_parts=3), recommenders(), st.sampled_from([*UPDATE_PATHS.values()]))
def test_updates_one_by_one_equal_one_update(parts, recommender, path):
    fitted, first, second = parts
    if recommender.ties == "together":  # what happens at one time comes in one order only if it comes at once
        second = [(user, item, *(time + 1 for time in times)) for user, item, *times in second]
    apart = copy.deepcopy(recommender.fit(fitted)).partial_update(first).partial_update(second)
    one_by_one = copy.deepcopy(recommender)
    for row in in_time_order(first + second, recommender.ties == "together"):
        one_by_one.partial_update([row])
    with pytest.MonkeyPatch.context() as patch:
        for name, value in path.items():
            patch.setattr(name, value)
        together = copy.deepcopy(recommender).partial_update(first + second)
        all_answers(together)
    for other in (together, one_by_one):
        assert apart.item_ids_.tolist() == other.item_ids_.tolist()
        assert_same_base(apart._serving.state.merged(), other._serving.state.merged())
        assert_same_answers(other, apart)


@pytest.mark.usefixtures("layout")
@settings(max_examples=40)
@given(consecutive_logs(n_parts=2, max_size=15), recommenders(), st.sampled_from([*UPDATE_PATHS.values()]))
def test_overlay_and_base_give_the_same_answers(parts, recommender, path):
    recommender.fit(parts[0])
    with pytest.MonkeyPatch.context() as patch:
        for name, value in path.items():
            patch.setattr(name, value)
        for rows in np.array_split(np.arange(len(parts[1])), 2):
            if len(rows):
                recommender.partial_update([parts[1][row] for row in rows])
                all_answers(recommender)  # what is written anew starts from what was written before
        merged = copy.deepcopy(recommender)
        state = merged._serving.state
        state.snapshot = state._snapshot_of(rebuilt(recommender), state.snapshot.dislikes)
        assert recommender._serving.state.snapshot.n_events == len(parts[1])
        assert_same_answers(recommender, merged)


@settings(max_examples=30)
@given(consecutive_logs(n_parts=2), recommenders())
def test_late_events_count_as_arriving_now(parts, recommender):
    recommender.fit(parts[1]).partial_update(parts[0])
    state = recommender._serving.state
    users, items = state.events.between(0, len(parts[0]) + len(parts[1]))
    in_order = [in_time_order(part, recommender.ties == "together") for part in (parts[1], parts[0])]
    assert recommender.user_ids_[users].tolist() == [row[0] for part in in_order for row in part]
    assert recommender.item_ids_[items].tolist() == [row[1] for part in in_order for row in part]
    assert_same_base(state.merged(), rebuilt(recommender))


@pytest.mark.usefixtures("layout")
@settings(max_examples=15)
@given(consecutive_logs(n_parts=3), recommenders())
def test_scoring_changes_nothing(parts, recommender):
    recommender.fit(parts[0]).partial_update(parts[1])
    before = copy.deepcopy(recommender)
    values = recommender.score_samples(parts[2])
    recommender.predict(parts[2])
    recommender.predict_topk([parts[2][0][0]], candidates=recommender.item_ids_[:1], exclude=recommender.item_ids_[-1:])
    assert recommender.item_ids_.tolist() == before.item_ids_.tolist()
    assert recommender.user_ids_.tolist() == before.user_ids_.tolist()
    assert_same_base(recommender._serving.state.merged(), before._serving.state.merged())
    np.testing.assert_array_equal(recommender.score_samples(parts[2]), values)
    for after, earlier in zip(all_answers(recommender), all_answers(before), strict=True):
        np.testing.assert_array_equal(after, earlier)


@settings(max_examples=30)
@given(logs(min_size=3, kind="int"), st.randoms(use_true_random=False), recommenders())
def test_other_ids_permute_answers_and_nothing_else(log, random, recommender):
    users, items = (sorted({row[column] for row in log}) for column in (0, 1))
    new_users, new_items = (
        random.sample([f"u{n:02}" for n in range(99)], len(users)),
        random.sample(range(99), len(items)),
    )
    if recommender.ties == "together":  # the order of ids is that of what happens at one time
        new_users, new_items = sorted(new_users), sorted(new_items)
    new_users, new_items = dict(zip(users, new_users, strict=True)), dict(zip(items, new_items, strict=True))
    renamed = [(new_users[row[0]], new_items[row[1]], *row[2:]) for row in log]
    ids, scores = all_answers(recommender.fit(log))
    new_ids, new_scores = all_answers(copy.deepcopy(recommender).fit(renamed))
    np.testing.assert_array_equal(new_scores, scores)
    expected = [[None if item is None else new_items[item] for item in row] for row in np.ma.MaskedArray(ids).tolist()]
    assert np.ma.MaskedArray(new_ids).tolist() == expected


def test_reading_does_not_change_what_is_saved():
    parameters = {**SMALL, "trend_half_lives": (10.0,), "blend": {"two_hop": 1.0, "trend": (1.0,)}}
    recommender = AutoSeqRecRecommender(**parameters)
    recommender.fit([(user, user % 7) for user in range(50)]).partial_update([(3, 5), (4, 2)])
    before = pickle.dumps(recommender)
    recommender.predict_topk([3, 4], k=2)
    assert len(pickle.dumps(recommender)) == len(before)


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        ([(1, "tea", 9)], TypeError, "'user_id': the known ids are strings, but these are numbers"),
        ([("new", 5.5, 9)], TypeError, "'item_id': the known ids are strings, but these are numbers"),
        ([("ann", 5, 9)], TypeError, "'item_id': the known ids are strings, but these are numbers"),
        (
            [("new", "jam", np.datetime64("2024-01-01"))],
            TypeError,
            "known times are numbers, but these are datetimes",
        ),
        ([("new", "jam", 8), ("new", None, 9)], ValueError, "'item_id' has a missing value"),
        ([], ValueError, "empty"),
    ],
)
def test_bad_updates_change_nothing(bad, error, message):
    recommender = AutoSeqRecRecommender(**SMALL)
    recommender.fit([("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3)])
    recommender.partial_update([("bob", "milk", 4)])
    state = recommender._serving.state
    snapshot, n_events = state.snapshot, len(state.events)
    with pytest.raises(error, match=message):
        recommender.partial_update(bad)
    assert state.snapshot is snapshot
    assert (len(state.events), len(state.user_vocabulary), len(state.item_vocabulary)) == (n_events, 2, 2)


def test_a_pickle_is_of_one_moment(monkeypatch):
    """An event that comes while a state is pickled is in its events alone, or nowhere: what is visible is all there."""
    recommender = AutoSeqRecRecommender(**SMALL)
    recommender.fit([("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3)])

    def told_meanwhile(model):  # a state's model comes between its events and its snapshot
        monkeypatch.undo()
        recommender.partial_update([("cid", "jam", 5)])
        return vars(model)

    monkeypatch.setattr(Model, "__getstate__", told_meanwhile, raising=False)
    state = pickle.loads(pickle.dumps(recommender._serving.state))
    assert recommender._serving.state.snapshot.n_known_events == 4
    assert state.snapshot.n_known_events == len(state.events) == 3
    assert state.snapshot.n_users == len(state.user_vocabulary) == 2


@pytest.mark.parametrize(("where", "at_call"), [((Overlay, "add_event"), 2), ((Base, "add_events"), 1)])
def test_an_interrupted_update_leaves_nothing_behind(monkeypatch, where, at_call):
    recommender = AutoSeqRecRecommender(**SMALL)
    recommender.fit([("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3)]).partial_update([("bob", "milk", 4)])
    untouched = copy.deepcopy(recommender)
    monkeypatch.setattr("skautoseqrec._state.state.SMALLEST_MERGE", 1024 if where[0] is Overlay else 0)
    events, calls = [("cid", "jam", 5), ("cid", "tea", 6), ("dan", "jam", 7)], []
    uninterrupted = getattr(*where)

    def interrupted(self, *arguments):
        calls.append(arguments)
        if len(calls) == at_call:
            raise KeyboardInterrupt
        return uninterrupted(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(*where, interrupted)
        with pytest.raises(KeyboardInterrupt):
            recommender.partial_update(events)
    assert recommender.user_ids_.tolist() == ["ann", "bob"]
    assert_same_answers(recommender, untouched)
    recommender.partial_update(events)
    assert_same_answers(recommender, untouched.partial_update(events))
    assert_same_base(recommender._serving.state.merged(), rebuilt(recommender))


NANOSECONDS = 1_700_000_000_000_000_001  # float64 rounds it


@pytest.mark.parametrize(
    "unfitted", [AutoSeqRecRecommender(**SMALL), PopularityRecommender()], ids=["ours", "baseline"]
)
@pytest.mark.parametrize(
    ("fitted", "newer"),
    [
        ([(1, 2, NANOSECONDS), (1, 3, NANOSECONDS + 1), (2, 2, NANOSECONDS + 2)], [(2, 3)]),
        ([(1, 2), (1, 3), (2, 2)], [(2, 3, 4.5)]),
        ([(1, 2, 1), (1, 3, 2), (2, 2, 3)], [(2, 3, 4.5)]),
        ([(1, 2, np.datetime64("2020-01-01", "D"))] * 2 + [(2, 3, np.datetime64("2020-01-02", "D"))], [(2, 2)]),
    ],
    ids=["numbers, then none", "none, then numbers", "whole numbers, then others", "dates, then none"],
)
def test_an_interrupted_update_leaves_the_known_times_as_they_were(monkeypatch, unfitted, fitted, newer):
    model = clone(unfitted).fit(fitted)
    is_ours = isinstance(model, AutoSeqRecRecommender)
    state = model._serving.state if is_ours else model._state
    before = None if state.events.times is None else state.events.times.copy()
    with monkeypatch.context() as patch:
        adds = (Overlay, "add_events") if is_ours else (type(state), "add_event")
        patch.setattr(*adds, Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            model.partial_update(newer)
    after = state.events.times
    assert (before is None) == (after is None)
    if before is not None:
        assert after.dtype == before.dtype
        np.testing.assert_array_equal(after, before)
    model.partial_update(newer)
    assert len(state.events) == len(fitted) + 1


def test_logs_with_and_without_times_follow_each_other():
    recommender = AutoSeqRecRecommender(**SMALL).fit([(1, 2), (1, 3)])
    events = recommender._serving.state.events
    assert events.times is None
    recommender.partial_update([(1, 2, 7)]).partial_update([(1, 3)])
    np.testing.assert_array_equal(events.times, [np.nan, np.nan, 7, np.nan])
