"""What a read sees while something is written: one state, whole, whichever it is."""

import copy
import gc
import weakref

import numpy as np
import pytest
from worlds import SMALL, TEA_LOG, TEA_UPDATE

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._data.filters import Filter
from skautoseqrec._data.vocabulary import Vocabulary
from skautoseqrec._scoring.topk import top_k
from skautoseqrec._state.overlay import Overlay
from skautoseqrec._state.snapshot import Asked
from skautoseqrec._state.state import State

pytestmark = pytest.mark.filterwarnings("ignore:.*repeat an earlier:UserWarning")  # a tiny log repeats much


@pytest.fixture
def fitted():
    blend = {"collaborative": 1.0, "two_hop": 1.0, "direct": 1.0, "trend": (1.0,)}
    parameters = {**SMALL, "trend_half_lives": (3.0,), "blend": blend}
    return AutoSeqRecRecommender(**parameters).fit(TEA_LOG).partial_update(TEA_UPDATE)


SCORED = {"k": 2, "exclude_seen": False, "return_scores": True}
READS = {
    "predict_topk": lambda recommender: recommender.predict_topk(["ann", "dan"], candidates=["milk", "tea"], **SCORED)[
        1
    ],
    "predict_topk of one user": lambda recommender: recommender.predict_topk(["ann"], **SCORED)[1],
    "predict_topk_sequences": lambda recommender: recommender.predict_topk_sequences([["tea", "salt"]], **SCORED)[1],
    "predict": lambda recommender: recommender.predict([("ann", "tea", 9), ("dan", "tea", 9)]),
    "score_samples": lambda recommender: recommender.score_samples([("ann", "jam", 9), ("dan", "milk", 9)]),
    "explain": lambda recommender: recommender.explain(["ann", "dan"], ["milk", "tea"]).scores,
    "similar_items": lambda recommender: recommender.similar_items(["tea"], k=2),
    "similar_items by source": lambda recommender: recommender.similar_items(["tea"], k=2, side="source"),
    "item_embeddings": lambda recommender: recommender.item_embeddings(),
    "item_biases": lambda recommender: recommender.item_biases(),
    "user_embeddings": lambda recommender: recommender.user_embeddings(["ann", "dan"]),
    "user_ids_": lambda recommender: recommender.user_ids_,
    "item_ids_": lambda recommender: recommender.item_ids_,
}


@pytest.mark.parametrize("where", [(Vocabulary, "find"), (Vocabulary, "ids"), (State, "merged")])
@pytest.mark.parametrize("read", READS.values(), ids=READS)
@pytest.mark.parametrize("write", ["forget", "partial_update"])
def test_what_changes_during_a_read_is_not_seen(fitted, monkeypatch, read, where, write):
    expected, untouched, pending = read(copy.deepcopy(fitted)), getattr(*where), [True]

    def changed_first(*arguments):
        if pending:
            pending.clear()
            if write == "forget":
                fitted.forget(users=["ann"])
            else:
                fitted.partial_update([("dan", "salt", 8), ("ann", "salt", 9)])
        return untouched(*arguments)

    monkeypatch.setattr(*where, changed_first)
    answer = read(fitted)
    if write == "partial_update" and not np.array_equal(answer, expected):
        expected = read(fitted)  # it came before the read took its snapshot, so it is seen whole
    np.testing.assert_array_equal(answer, expected)


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_half_an_update_is_not_seen(fitted, monkeypatch, read):
    expected, append, answers = read(copy.deepcopy(fitted)), Overlay.add_event, []

    def read_then_append(*arguments):
        answers.append(read(fitted))
        append(*arguments)

    monkeypatch.setattr(Overlay, "add_event", read_then_append)
    fitted.partial_update([("dan", "salt", 8), ("ann", "salt", 9), ("dan", "tea", 9)])
    assert len(answers) == 3
    for answer in answers:
        np.testing.assert_array_equal(answer, expected)


def test_an_old_snapshot_stays_as_it_was():
    rng = np.random.default_rng(0)
    log = np.column_stack([rng.integers(30, size=(400)), rng.integers(20, size=400)])
    recommender = AutoSeqRecRecommender(**SMALL, exclude_seen=False).fit(log[:100])
    recommender.partial_update(log[100:110])
    state, scorer = recommender._serving
    snapshot, users = state.snapshot, np.arange(10)

    def answers(snapshot):
        return top_k(scorer, Asked(snapshot, snapshot.histories(users)), 5, Filter(exclude_seen=False))

    before = answers(snapshot)
    for row in log[110:]:
        recommender.partial_update(row[None])
        recommender.predict_topk(users, k=5, exclude_seen=False)  # what readers of the newest state keep is not for us
    after = answers(snapshot)
    np.testing.assert_array_equal(before[0], after[0])
    np.testing.assert_array_equal(before[1], after[1])
    assert (answers(state.snapshot)[1] != after[1]).any()


def test_logs_of_transitions_are_an_array_for_who_asks_for_enough_of_them(monkeypatch):
    recommender = AutoSeqRecRecommender(**SMALL).fit([(0, item) for item in [0, 1, 2, 0, 2, 1, 0, 3, 1, 2]])
    base = recommender._serving.state.snapshot.base
    n_places, n_entries = base.counts.n_items**2, base.transitions.nnz
    monkeypatch.setattr("skautoseqrec._state.base.ROWS_PER_ASKED", 2)
    np.testing.assert_array_equal(base.log_array(2), np.log1p(5 * base.transitions.toarray()))
    assert base.log_array(2) is base.log_array(3)
    assert base.log_array(1) is None
    for places_per_entry, most_places, is_array in (
        (n_places / n_entries, n_places, True),
        (0.99 * n_places / n_entries, n_places, False),
        (n_places / n_entries, n_places - 1, False),
    ):
        monkeypatch.setattr("skautoseqrec._state.neighbours.PLACES_PER_ENTRY", places_per_entry)
        monkeypatch.setattr("skautoseqrec._state.neighbours.MOST_PLACES", most_places)
        assert (base.log_array(2) is not None) == is_array


@pytest.mark.usefixtures("without_collector")
@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_snapshot_ends_with_its_last_reader_and_not_with_the_next_collection_of_garbage(fitted, read):
    fitted.partial_update([("dan", "salt", 8), ("ann", "salt", 9)])
    read(fitted)
    state = fitted._serving.state
    base, overlay = weakref.ref(state.snapshot.base), weakref.ref(state.snapshot.overlay)
    state.refresh()
    read(fitted)  # what was kept for the old snapshot is replaced
    assert base() is None
    assert overlay() is None


@pytest.mark.usefixtures("without_collector")
def test_updates_leave_nothing_that_the_collector_of_garbage_has_to_look_at(fitted):
    def update(n_events):
        for number in range(n_events):
            fitted.partial_update([(f"user {number % 97}", f"item {number % 89}", number)])

    update(100)  # all ids are known after that
    before = len(gc.get_objects())
    update(400)
    assert len(gc.get_objects()) - before < 40
