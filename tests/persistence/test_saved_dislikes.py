"""Dislikes on the disk: in files and journals as the events are, and refused where they cannot have been written."""

import copy

import numpy as np
import pytest
from crashes import assert_same_state
from damage import read_parts, seal
from journals import LOG, SMALL, UPDATES, load, read_files, update_all, write_files
from safetensors.numpy import save

from skautoseqrec import AutoSeqRecRecommender, ModelFileError, load_model
from skautoseqrec._data.packing import pack_columns, pack_ids
from skautoseqrec._persistence.journal import Journal
from skautoseqrec._persistence.recording import Dislike, Forget

PAIRS = [("user 1", "item 3"), ("user 2", "item 9"), ("nobody", "nothing")]


@pytest.mark.parametrize(
    ("log", "pairs"),
    [
        (LOG, PAIRS),
        ([(1, 2), (3, 4), (1, 4)], [(3, 2), (2**62, -(2**63))]),
        ([(0.5, "a"), (1.5, "b")], [(0.5, "b"), (2, "é\ud800"), (7.25, "")]),
    ],
    ids=["strings", "numbers", "mixed"],
)
def test_they_come_back_from_a_file(log, pairs, paths):
    recommender = AutoSeqRecRecommender(**SMALL).fit(log).dislike(pairs)
    recommender.save_model(paths[0])
    loaded = load_model(paths[0])
    assert loaded.dislikes_.tolist() == recommender.dislikes_.tolist() == [list(pair) for pair in sorted(pairs)]
    assert loaded.dislikes_.dtype == recommender.dislikes_.dtype
    answers = [model.predict_topk([log[0][0]], k=9).tolist() for model in (loaded, recommender)]
    assert answers[0] == answers[1]


def test_a_model_without_any_is_a_file_as_before(recommender, paths):
    recommender.dislike(PAIRS).dislike(PAIRS, withdraw=True).save_model(paths[0])
    _, arrays = read_parts(paths[0])
    assert not [name for name in arrays if name.startswith("dislikes")]
    assert load_model(paths[0]).dislikes_.shape == (0, 2)


NAMES = ("users.text", "users.ends", "items.text", "items.ends")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        *(({name: None}, "is missing") for name in NAMES),
        (pack_ids("users", np.array(["user 1"], dtype=object)), "different lengths"),
        (pack_ids("items", np.array(["b", "a", "c"], dtype=object)[:2]), "different lengths"),
        ({**dict.fromkeys(NAMES[:2]), "users": np.array([1, 2, 3])}, "of other ids than the events.*known ids are str"),
        ({**dict.fromkeys(NAMES[2:]), "items": np.array([1.5, 2, 3])}, "of other ids than the events"),
        ({"users.ends": np.array([6, 5, 12])}, "does not divide"),
        ({"times": np.array([1, 2, 3])}, "have times"),
        (pack_ids("users", np.array(["b", "a", "c"], dtype=object)), "not in order"),
        (
            pack_ids("users", np.array(["a"] * 3, dtype=object)) | pack_ids("items", np.array(["b"] * 3, dtype=object)),
            "stand there twice",
        ),
    ],
)
def test_what_cannot_have_been_written_is_refused(recommender, paths, change, message):
    recommender.dislike(PAIRS).save_model(paths[0])
    manifest, arrays = read_parts(paths[0])
    arrays |= {f"dislikes.{name}": array for name, array in change.items()}
    path = paths[0].with_name("forged")
    path.write_bytes(seal(manifest, {name: array for name, array in arrays.items() if array is not None}))
    with pytest.raises(ModelFileError, match=message):
        load_model(path)


def test_the_journal_repeats_every_call(recommender, paths, twin):
    recommender.save_model(paths[0], journal=paths[1])
    expected = []
    for call in (
        lambda model: model.dislike(PAIRS),
        lambda model: model.partial_update(UPDATES[0]),
        lambda model: model.dislike([PAIRS[0], ("user 9", "item 1")], withdraw=True),
        lambda model: model.dislike([("user 9", "item 1"), ("user 3", "item 2")]),
        lambda model: model.forget(users=["nobody"]),
        lambda model: model.forget(users=["user 3"], items=["item 9"]),
        lambda model: model.partial_update(UPDATES[1]),
    ):
        call(recommender)
        call(twin)
        expected.append((read_files(paths[1]), copy.deepcopy(twin)))
    assert twin.dislikes_.tolist() == [["user 9", "item 1"]]
    recommender.close_journal()
    for files, state in expected:  # as a crash after each of them leaves it
        write_files(paths[1], files)
        assert_same_state(load(paths), state)


def test_nothing_to_dislike_and_what_is_refused_leave_the_journal_as_it_was(recommender, paths):
    recommender.save_model(paths[0], journal=paths[1])
    recommender.dislike([])
    with pytest.raises(TypeError, match="known ids are strings"):
        recommender.dislike([(1, 2)])
    assert recommender._journal.n_changes == 0
    assert recommender.dislike(PAIRS)._journal.n_changes == 1
    recommender.close_journal()
    assert_same_state(load(paths), recommender)


def test_a_call_that_is_interrupted_is_taken_back(recommender, paths, monkeypatch):
    recommender.save_model(paths[0], journal=paths[1])

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("skautoseqrec._state.dislikes.Dislikes.changed", interrupt)
        with pytest.raises(KeyboardInterrupt):
            recommender.dislike(PAIRS)
    assert recommender._journal.n_changes == 0
    recommender.dislike(PAIRS[:1]).close_journal()
    assert_same_state(load(paths), recommender)


def test_a_copy_that_shares_them_cannot_get_past_the_journal(recommender, paths):
    recommender.save_model(paths[0], journal=paths[1])
    recommender.with_blend({"direct": 1.0}).dislike(PAIRS)
    with pytest.raises(RuntimeError, match=r"does not know of all events and dislikes.*Save again"):
        recommender.partial_update(UPDATES[0])
    recommender.save_model(paths[0], journal=paths[1])
    recommender.dislike(PAIRS, withdraw=True).close_journal()
    assert_same_state(load(paths), recommender)


def test_a_journal_of_before_that_forgets_events_alone_is_repeated(recommender, paths, twin):
    recommender.save_model(paths[0], journal=paths[1])
    update_all(recommender).close_journal()
    journal = Journal.open(paths[1])
    clock = len(LOG) + sum(map(len, UPDATES))
    content = save({"arrivals": np.array([0, 1]), "clock": np.array([clock])})
    with journal.record(Forget.kind, content, lambda: 0):
        pass
    journal.close()
    assert_same_state(load(paths), update_all(twin).forget(interactions=[("user 1", f"item {n}", 0) for n in (1, 2)]))


@pytest.mark.parametrize("lacking", ["withdraw", "items.text", "clock"])
def test_a_dislike_that_was_not_written_so_is_refused(recommender, paths, lacking):
    recommender.save_model(paths[0], journal=paths[1])
    recommender.close_journal()
    journal = Journal.open(paths[1])
    columns = AutoSeqRecRecommender(**SMALL).fit(LOG).dislike(PAIRS)._serving.state.dislikes()
    arrays = {**pack_columns(columns), "withdraw": np.array([0]), "clock": np.array([len(LOG)])}
    with journal.record(Dislike.kind, save({k: v for k, v in arrays.items() if k != lacking}), lambda: 0):
        pass
    journal.close()
    with pytest.raises(ModelFileError, match=f"'{lacking}' is missing"):
        load(paths)
