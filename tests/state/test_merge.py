"""Merging step by step: whatever arrives, is read, copied or interrupted meanwhile, it ends as a rebuild."""

import copy
import pickle
import weakref
from itertools import pairwise

import numpy as np
import pytest
from comparisons import assert_same_answers, assert_same_base, rebuilt
from hypothesis import example, given, settings
from hypothesis import strategies as st
from oracle import in_time_order
from scipy import sparse
from strategies import consecutive_logs, recommenders
from worlds import SMALL

from skautoseqrec import PAPER_PARAMS, AutoSeqRecRecommender
from skautoseqrec._state.growing import LARGE_CALL, GrowingMatrix, added_rows, room_for
from skautoseqrec._state.joining import JoinedSums
from skautoseqrec._state.merge import Merge
from skautoseqrec._state.runs import PlaceSums

pytestmark = [
    pytest.mark.filterwarnings("ignore:The items of:UserWarning"),  # tiny logs repeat everything
    pytest.mark.filterwarnings("ignore:.*repeat an earlier:UserWarning"),
]

#: Merges begin after a few events, and are done one number at a time within as many.
STEP_BY_STEP = {
    "skautoseqrec._state.state.SMALLEST_MERGE": 2,
    "skautoseqrec._state.state.MERGE_SHARE": 10**9,
    "skautoseqrec._state.state.MERGED_WITHIN": 1,
    "skautoseqrec._state.steps.STEP_SIZE": 1,
    "skautoseqrec._state.additions.SMALLEST_RUN": 1,
    "skautoseqrec._state.additions.MOST_OF_A_SIZE": 2,
}


@pytest.fixture
def step_by_step(monkeypatch):
    for name, value in STEP_BY_STEP.items():
        monkeypatch.setattr(name, value)


def states_while(recommender, events):
    """Yield the state after each of some updates of one event."""
    for event in events:
        yield recommender.partial_update([event])._serving.state


@settings(max_examples=20)
@given(st.lists(st.sampled_from([1, 1, 1, 10, 30]), min_size=12, max_size=12), st.integers(0, 99))
@example([15, 10, 30], 0)
def test_calls_of_any_size_may_come_while_a_merge_is_under_way(sizes, seed):
    rng = np.random.default_rng(seed)
    log = np.column_stack([rng.integers(0, 9, 700), rng.integers(0, 12, 700), np.arange(700)]).tolist()
    recommender = AutoSeqRecRecommender(objective="closed_form", early_stopping=False, blend={"direct": 1.0})
    n_known, state = 60, recommender.fit(log[:60])._serving.state
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skautoseqrec._state.state.SMALLEST_MERGE", 20)
        patch.setattr("skautoseqrec._state.state.MERGE_SHARE", 10**9)
        for size in [*sizes, *[1] * 80]:
            recommender.partial_update(log[n_known : n_known + size])
            n_known += size
            assert state.snapshot.n_known_events == n_known
    assert_same_base(state.merged(), rebuilt(recommender))


@pytest.mark.usefixtures("layout")
@settings(max_examples=30)
@given(consecutive_logs(n_parts=2, max_size=15), recommenders(), st.integers(1, 3), st.integers(1, 3))
def test_a_merge_equals_a_rebuild_at_any_step(parts, recommender, step_size, smallest_run):
    recommender.fit(parts[0])
    state = recommender._serving.state
    state.snapshot.base.pairs(state.model.settings)  # now counted, so that merges must add to them
    with pytest.MonkeyPatch.context() as patch:
        for name, value in STEP_BY_STEP.items():
            patch.setattr(name, value)
        patch.setattr("skautoseqrec._state.steps.STEP_SIZE", step_size)
        patch.setattr("skautoseqrec._state.additions.SMALLEST_RUN", smallest_run)
        base, n_merges = state.snapshot.base, 0
        for _ in states_while(recommender, in_time_order(parts[1], recommender.ties == "together")):
            if state.snapshot.base is not base:
                base, n_merges = state.snapshot.base, n_merges + 1
                assert_same_base(state.merged(), rebuilt(recommender))
                assert_same_answers(recommender, of_rebuilt_state(recommender))
        assert n_merges or len(parts[1]) < 7
    assert_same_answers(recommender, of_rebuilt_state(recommender))


def of_rebuilt_state(recommender):
    """Return a copy that has no overlay."""
    other = copy.deepcopy(recommender)
    state = other._serving.state
    state.snapshot = state._snapshot_of(rebuilt(recommender), state.snapshot.dislikes)
    return other


def drawn(n_events, seed=0):
    random = np.random.default_rng(seed)
    return np.column_stack([random.integers(9, size=n_events), random.integers(12, size=n_events)]).tolist()


@pytest.mark.usefixtures("step_by_step")
def test_a_merge_takes_several_updates_and_another_one_follows():
    recommender = AutoSeqRecRecommender(**SMALL).fit(drawn(40))
    kept, bases, n_under_way = [], [], 0
    for state in states_while(recommender, drawn(30, seed=1)):
        snapshot, n_under_way = state.snapshot, n_under_way + (state.snapshot.overlay.merging is not None)
        kept.append((snapshot, snapshot.n_known_events, snapshot.popularity().tolist()))
        bases.append(id(snapshot.base))
    assert n_under_way > 10
    assert len(set(bases)) > 3
    for snapshot, n_known, popularity in kept:  # what a reader holds stays as it was
        assert (snapshot.n_known_events, snapshot.popularity().tolist()) == (n_known, popularity)
        assert snapshot.popularity().sum() == n_known


@pytest.mark.usefixtures("step_by_step")
def test_a_merge_that_is_done_is_forgotten():
    recommender = AutoSeqRecRecommender(**SMALL).fit(drawn(40))
    overlays = [state.snapshot.overlay for state in states_while(recommender, drawn(30, seed=1))]
    replaced = [overlay for overlay in overlays if overlay is not overlays[-1]]
    assert replaced
    assert all(overlay.merging is None for overlay in replaced)  # it holds the arrays of the next base


@pytest.mark.usefixtures("step_by_step")
def test_what_leads_from_items_without_weights_is_left_out_of_norms():
    recommender = AutoSeqRecRecommender(**SMALL).fit(drawn(40))
    # Of one user, items that the fit does not know come before those that it knows.
    for _ in states_while(recommender, [(0, 100 + place // 2 if place % 2 else place % 12) for place in range(24)]):
        assert_same_base(recommender._serving.state.merged(), rebuilt(recommender))
    assert recommender._serving.state.snapshot.base.counts.n_items > 12


@pytest.mark.usefixtures("step_by_step")
def test_a_copy_that_is_made_during_a_merge_goes_on():
    recommender = AutoSeqRecRecommender(**SMALL).fit(drawn(40))
    events = drawn(20, seed=1)
    for state in states_while(recommender, events):
        if state.snapshot.overlay.merging is not None:
            break
    n_told = len(state.events) - 40
    other = pickle.loads(pickle.dumps(recommender))
    assert other._serving.state.snapshot.overlay.merging is None
    for model in (recommender, other):
        for row in events[n_told:]:
            model.partial_update([row])
        assert_same_base(model._serving.state.merged(), rebuilt(model))
    assert_same_answers(other, recommender)


@pytest.mark.usefixtures("step_by_step")
@pytest.mark.parametrize("where", ["__init__", "advance_to", "result", "_merge_transitions", "_merge_vectors"])
def test_an_update_that_is_interrupted_in_a_merge_leaves_nothing_behind(monkeypatch, where):
    recommender = AutoSeqRecRecommender(**SMALL).fit(drawn(40))
    untouched, events, n_interrupted = copy.deepcopy(recommender), drawn(20, seed=1), 0
    uninterrupted, pending = getattr(Merge, where), []

    def interrupted(*arguments):
        if pending:
            raise KeyboardInterrupt
        return uninterrupted(*arguments)

    monkeypatch.setattr(Merge, where, interrupted)
    for row in events:
        pending[:] = [True]
        try:
            recommender.partial_update([row])
        except KeyboardInterrupt:
            n_interrupted += 1
            pending.clear()
            assert len(recommender._serving.state.events) == len(untouched._serving.state.events)
            recommender.partial_update([row])
        pending.clear()
        untouched.partial_update([row])
    assert n_interrupted
    assert_same_base(recommender._serving.state.merged(), rebuilt(untouched))
    assert_same_answers(recommender, untouched)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(1, 9)), max_size=30), st.integers(0, 30))
def test_sums_are_those_of_a_matrix(entries, n_first):
    expected = np.zeros((5, 5), dtype=np.int64)
    for row, column, value in entries:
        expected[row, column] += value
    columns = np.array(entries, dtype=np.int64).reshape(-1, 3).T
    parts = [PlaceSums.of(*columns[:, :n_first]), PlaceSums.of(*columns[:, n_first:])]
    joined = PlaceSums.joined(parts)
    for sums in (parts, [joined]):
        assert np.array_equal(added_rows(sums, 0, 5, 5).toarray(), expected)
        assert np.array_equal(added_rows(sums, 1, 3, 5).toarray(), expected[1:3])
    assert len(np.unique(joined.places)) == len(joined.places)
    rows = joined.rows(np.array([4, 0, 4]))
    assert np.array_equal(np.bincount(rows.places(5), rows.values, 15).reshape(3, 5), expected[[4, 0, 4]])


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(1, 9)), max_size=40),
    st.lists(st.integers(0, 40), max_size=3),
    st.integers(1, 9),
)
def test_sums_are_joined_and_merged_whatever_the_steps(entries, cuts, size):
    columns = np.array(entries, dtype=np.int64).reshape(-1, 3).T
    first, *runs = (PlaceSums.of(*part) for part in np.split(columns, sorted(cuts), axis=1))
    expected = np.zeros((7, 7), dtype=np.int64)
    np.add.at(expected, (columns[0], columns[1]), columns[2])
    joined = JoinedSums([first, *runs], size, np.empty)
    for step in pairwise(joined.parts.tolist()):
        joined.join(*step)
    assert np.array_equal(added_rows([joined.sums()], 0, 7, 7).toarray(), expected)
    grown = GrowingMatrix(added_rows([first], 0, 7, 7), runs or [first.within(0, 0)], 7, np.empty)
    for step in pairwise(grown.bounds(size).tolist()):
        grown.merge(*step)
    assert np.array_equal(grown.of(grown.data).toarray(), expected)


@pytest.mark.parametrize("n_added", [1, LARGE_CALL])
def test_a_sum_is_not_copied_once_it_is_formed(n_added):
    known = sparse.random(60, 60, density=0.5, format="csr", random_state=0)
    known.sort_indices()
    added = PlaceSums.of(*np.array([[0, 61], [1, 2], [3, 4]]))
    grown = GrowingMatrix(known, [added], 62, room_for(n_added))
    for first, stop in pairwise(grown.bounds(8).tolist()):
        grown.merge(first, stop)
    matrix, expected = grown.of(grown.data), np.zeros((62, 62))
    expected[:60, :60] = known.toarray()
    expected[0, 1] += 3
    expected[61, 2] += 4
    assert np.array_equal(matrix.toarray(), expected)
    for formed, read in ((grown.data, matrix.data), (grown.indices, matrix.indices)):
        assert np.shares_memory(formed, read)


#: What ends a merge that is under way: the last of its steps, or something that makes it useless.
ENDS = {
    "its last step": lambda recommender, events: [recommender.partial_update([event]) for event in events],
    "refresh": lambda recommender, events: recommender.refresh(),
    "forget": lambda recommender, events: recommender.forget(users=[0]),
    "many events": lambda recommender, events: recommender.partial_update(events),
}


def read_both_ways(recommender):
    """Ask for one user, who is scored by himself, and for two, who are a batch."""
    for users in ([1], [1, 2]):
        recommender.predict_topk(users, k=2)


@pytest.mark.usefixtures("without_collector", "step_by_step")
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize(
    "parameters",
    [
        SMALL,
        SMALL | {"neighbour_window": 0},
        PAPER_PARAMS | SMALL,
        SMALL | {"objective": "closed_form", "blend": {"direct": 1.0}},
    ],
    ids=["default", "no neighbours", "paper", "closed form"],
)
def test_an_old_base_ends_with_its_merge_and_not_with_the_next_collection_of_garbage(parameters, end):
    rng = np.random.default_rng(0)
    log = np.column_stack([rng.integers(0, 9, 90), rng.integers(0, 12, 90), np.arange(90)]).tolist()
    recommender = AutoSeqRecRecommender(**parameters | {"exclude_seen": False}).fit(log[:40])
    for event in log[40:44]:
        recommender.partial_update([event])
    read_both_ways(recommender)
    snapshot = recommender._serving.state.snapshot
    merge, base = weakref.ref(snapshot.overlay.merging), weakref.ref(snapshot.base)
    del snapshot
    end(recommender, log[44:])
    read_both_ways(recommender)  # what was kept for the old snapshot is replaced
    assert merge() is None
    assert base() is None
