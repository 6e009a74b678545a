import copy
import os
import pickle
from contextlib import suppress
from multiprocessing import get_context

import joblib
import numpy as np
import pytest
from crashes import assert_same_state, survive_kills
from damage import damage_bytes
from safetensors.numpy import save
from sklearn.base import clone

from skautoseqrec import AutoSeqRecRecommender, ModelFileError, load_model
from skautoseqrec._persistence import loading
from skautoseqrec._persistence.journal import HEADER_SIZE, Journal
from skautoseqrec._persistence.recording import Update

SMALL = {
    "n_components": 4,
    "max_iter": 1,
    "device": "cpu",
    "random_state": 0,
    "blend": {"collaborative": 1.0, "direct": 1.0, "trend": (0.1,)},
    "trend_half_lives": (30,),
    "early_stopping": False,
    "exclude_seen": False,
}
LOG = [("user 1", "item 1", 0), ("user 1", "item 2", 0), ("user 2", "item 1", 0), ("user 3", "item 3", 0)]
UPDATES = [
    [("user 9", "item 1", 1)],
    [("user 1", "item 9", 2), ("user 2", "item 9", 1)],
    [("user 4", "item 4", 3)],
]


@pytest.fixture
def paths(tmp_path):
    return tmp_path / "model.safetensors", tmp_path / "model.journal"


@pytest.fixture
def recommender():
    return AutoSeqRecRecommender(**SMALL).fit(LOG)


@pytest.fixture
def twin(recommender):
    return copy.deepcopy(recommender)


@pytest.fixture
def journaled(recommender, paths, twin):
    recommender.save_model(paths[0], journal=paths[1])
    for update in UPDATES:
        recommender.partial_update(update)
    recommender.close_journal()
    return paths[1].read_bytes()


def update_all(recommender, updates=UPDATES):
    for update in updates:
        recommender.partial_update(update)
    return recommender


def starts(content, path):
    """Return where each record of a journal begins, and where the last one ends."""
    path.with_suffix(".copy").write_bytes(content)
    journal = Journal.open(path.with_suffix(".copy"))
    records = list(journal.records(HEADER_SIZE))
    journal.close()
    return [record.start for record in records] + [records[-1].end]


def load(paths):
    loaded = load_model(paths[0], journal=paths[1])
    loaded.close_journal()
    return loaded


@pytest.mark.parametrize("kind", ["strings", "numbers", "datetimes", "no times"])
def test_updates_are_let_in_again_and_the_journal_goes_on(kind, paths):
    change = {
        "strings": lambda user, item, time: (user, item, time),
        "numbers": lambda user, item, time: (int(user[-1]), int(item[-1]), time / 2),
        "datetimes": lambda user, item, time: (user, item, np.datetime64(time, "D")),
        "no times": lambda user, item, time: (user, item),
    }[kind]
    log, *updates = ([change(*event) for event in part] for part in (LOG, *UPDATES))
    recommender = AutoSeqRecRecommender(**SMALL).fit(log)
    twin = copy.deepcopy(recommender)
    recommender.save_model(paths[0], journal=paths[1])
    update_all(recommender, updates[:2]).close_journal()
    loaded = load_model(paths[0], journal=paths[1])
    update_all(loaded, updates[2:]).close_journal()
    twin = update_all(twin, updates)
    for model in (loaded, load(paths)):
        np.testing.assert_array_equal(model.user_ids_, twin.user_ids_)
        np.testing.assert_array_equal(model.item_ids_, twin.item_ids_)
        answers = [each.predict_topk(twin.user_ids_, k=4, return_scores=True)[1] for each in (model, twin)]
        np.testing.assert_allclose(*answers, rtol=1e-5)
        assert (
            model._serving.state.events.times is None
            or model._serving.state.events.times.dtype == twin._serving.state.events.times.dtype
        )
    assert load_model(paths[0]).user_ids_.tolist() == [1, 2, 3] if kind == "numbers" else True


def test_killed_at_any_moment_nothing_that_was_told_is_lost(recommender, tmp_path):
    assert survive_kills(recommender, tmp_path, 8, np.random.default_rng(0)) > 8


def test_a_torn_record_is_cut_off_wherever_it_was_torn(journaled, paths, twin):
    bounds = starts(journaled, paths[1])
    for end in [*range(HEADER_SIZE, len(journaled), 41), *bounds]:
        paths[1].write_bytes(journaled[:end])
        n_whole = sum(bound <= end for bound in bounds[1:])
        assert_same_state(load(paths), update_all(copy.deepcopy(twin), UPDATES[:n_whole]))
        assert paths[1].stat().st_size == bounds[n_whole]


def test_room_that_was_never_filled_is_cut_off(journaled, paths, twin):
    for kept in (0, 5, 40):
        paths[1].write_bytes(journaled[: starts(journaled, paths[1])[2] + kept] + bytes(300 - kept))
        if kept == 40:  # the record ends elsewhere
            paths[1].write_bytes(journaled[:-20] + bytes(20))
        assert_same_state(load(paths), update_all(copy.deepcopy(twin), UPDATES[:2]))


def test_a_damaged_record_is_an_error_that_says_where(journaled, paths):
    bounds = starts(journaled, paths[1])
    for place in range(HEADER_SIZE, len(journaled), 23):
        damaged = bytearray(journaled)
        damaged[place] ^= 0x11
        paths[1].write_bytes(damaged)
        start = max(bound for bound in bounds if bound <= place)
        with pytest.raises(ModelFileError, match=rf"model.journal: .* damaged (at|between) bytes? {start}( and|:)"):
            load(paths)
        assert paths[1].read_bytes() == damaged


@pytest.mark.parametrize("seed", range(2))
def test_no_damage_brings_half_an_update(journaled, paths, twin, seed):
    rng = np.random.default_rng(seed)
    sizes = [len(twin._serving.state.events) + sum(map(len, UPDATES[:count])) for count in range(4)]
    for _ in range(40):
        paths[1].write_bytes(damage_bytes(journaled, rng))
        with suppress(ModelFileError):
            assert len(load(paths)._serving.state.events) in sizes


@pytest.mark.parametrize("crash_at", ["model", "journal"])
def test_a_crash_between_model_and_journal_loses_and_doubles_nothing(recommender, paths, crash_at, monkeypatch, twin):
    recommender.save_model(paths[0], journal=paths[1])
    update_all(recommender)

    def crash(*args):
        raise KeyboardInterrupt

    target = (
        "skautoseqrec._persistence.saving.write_model_file"
        if crash_at == "model"
        else "skautoseqrec._persistence.saving.Journal.start"
    )
    with monkeypatch.context() as patch:
        patch.setattr(target, crash)
        with pytest.raises(KeyboardInterrupt):
            recommender.save_model(paths[0], journal=paths[1])
    crashed = copy.deepcopy(recommender)
    recommender.partial_update([("user 1", "item 4", 5)]).close_journal()
    assert_same_state(load(paths), crashed.partial_update([("user 1", "item 4", 5)]))


def test_a_first_save_cut_short_before_its_journal_loads(recommender, paths, monkeypatch):
    def crash(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("skautoseqrec._persistence.saving.Journal.start", crash)
        with pytest.raises(KeyboardInterrupt):
            recommender.save_model(paths[0], journal=paths[1])
    assert paths[1].read_bytes() == b""
    update_all(load_model(paths[0], journal=paths[1])).close_journal()
    assert_same_state(load(paths), update_all(recommender))
    other = paths[1].with_name("other.journal")
    other.touch()
    with pytest.raises(ModelFileError, match=r"is empty, and the model was saved with the journal 'model\.journal'"):
        load_model(paths[0], journal=other)


def test_a_copy_saved_without_a_journal_knows_what_it_has_of_it(recommender, paths):
    recommender.save_model(paths[0], journal=paths[1])
    recommender.partial_update(UPDATES[0]).save_model(paths[0])
    recommender.partial_update(UPDATES[1]).close_journal()
    assert_same_state(load(paths), recommender)


def test_a_journal_of_another_model_is_refused(journaled, paths, recommender, tmp_path):
    recommender.save_model(tmp_path / "other", journal=tmp_path / "other.journal")
    recommender.close_journal()
    with pytest.raises(ModelFileError, match=r"other\.journal: the journal belongs to another saved model"):
        load_model(paths[0], journal=tmp_path / "other.journal")
    (tmp_path / "log.csv").write_text("user_id,item_id\n")
    for use in (
        lambda path: load_model(paths[0], journal=path),
        lambda path: recommender.save_model(paths[0], journal=path),
    ):
        with pytest.raises(ModelFileError, match=r"log\.csv: this is not a journal"):
            use(tmp_path / "log.csv")
    assert (tmp_path / "log.csv").read_text() == "user_id,item_id\n"
    with pytest.raises(FileNotFoundError):
        load_model(paths[0], journal=tmp_path / "nothing")
    with pytest.raises(ValueError, match="cannot be one file"):
        recommender.save_model(paths[0], journal=paths[0])


def try_to_load(paths, queue):
    try:
        load_model(paths[0], journal=paths[1])
    except BlockingIOError as error:
        queue.put(str(error))


def test_two_may_not_write_to_one_journal(recommender, paths, twin):
    recommender.save_model(paths[0], journal=paths[1])
    for take in (lambda: load_model(paths[0], journal=paths[1]), lambda: twin.save_model(paths[0], journal=paths[1])):
        with pytest.raises(BlockingIOError, match="open in another process or estimator"):
            take()
    context = get_context("forkserver")
    queue = context.SimpleQueue()
    process = context.Process(target=try_to_load, args=(paths, queue))
    process.start()
    assert "only one may write to it" in queue.get()
    process.join()
    recommender.partial_update(UPDATES[0]).close_journal()
    assert_same_state(load(paths), recommender)


def test_a_fork_may_not_write_to_the_journal(recommender, paths, monkeypatch):
    recommender.save_model(paths[0], journal=paths[1])
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(RuntimeError, match="belongs to the process that opened it"):
        recommender.partial_update(UPDATES[0])


def test_an_update_that_fails_is_taken_back(recommender, paths, twin, monkeypatch):
    recommender.save_model(paths[0], journal=paths[1])
    update_all(recommender, UPDATES[:1])
    size = paths[1].stat().st_size
    with pytest.raises(TypeError, match="the known ids are strings"):
        recommender.partial_update([(1, 2, 3)])
    with monkeypatch.context() as patch:
        patch.setattr(recommender._serving.state, "_add_events", raise_memory_error)
        with pytest.raises(MemoryError):
            recommender.partial_update(UPDATES[1])
    assert paths[1].stat().st_size == size
    update_all(recommender, UPDATES[1:]).close_journal()
    assert_same_state(load(paths), update_all(twin))


def raise_memory_error(*arguments):
    raise MemoryError


def test_an_update_that_could_not_be_written_has_not_happened(recommender, paths, twin, monkeypatch):
    recommender.save_model(paths[0], journal=paths[1])
    with monkeypatch.context() as patch:
        write = os.pwrite
        patch.setattr(os, "pwrite", lambda *args: write(*args) and raise_disk_full())
        with pytest.raises(OSError, match="no space left"):
            recommender.partial_update(UPDATES[0])
    assert_same_state(recommender, twin)
    update_all(recommender).close_journal()
    assert_same_state(load(paths), update_all(twin))


def raise_disk_full():
    raise OSError("no space left")


def test_after_a_disk_that_cannot_take_back_nothing_is_recorded(recommender, paths, monkeypatch):
    recommender.save_model(paths[0], journal=paths[1])
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: raise_disk_full())
        with pytest.raises(OSError, match="no space left"):
            recommender.partial_update(UPDATES[0])
    with pytest.raises(RuntimeError, match="an error of the disk left it in doubt"):
        recommender.partial_update(UPDATES[0])


@pytest.mark.parametrize("is_last", [True, False])
def test_a_failed_update_that_a_crash_kept_from_being_taken_back_is_cut_off(is_last, journaled, paths, recommender):
    journal = Journal.open(paths[1])
    columns = {name: np.array([1]) for name in ("users", "items", "times")}  # the known ids are strings
    numbers = save({**columns, "clock": np.array([len(LOG) + sum(map(len, UPDATES))])})
    for _ in range(1 if is_last else 2):
        with journal.record(Update.kind, numbers, lambda: 0):
            pass
    journal.close()
    if is_last:
        assert_same_state(load(paths), recommender)
        assert paths[1].read_bytes() == journaled
    else:
        with pytest.raises(ModelFileError, match=f"record at byte {len(journaled)} cannot have happened"):
            load(paths)


def test_a_record_of_an_unknown_kind_is_not_passed_over(journaled, paths):
    journal = Journal.open(paths[1])
    with journal.record(77, b"", lambda: 0):
        pass
    journal.close()
    with pytest.raises(ModelFileError, match="is of kind 77, which this version"):
        load(paths)


def test_a_fit_ends_what_the_journal_is_of(recommender, paths, twin):
    recommender.save_model(paths[0], journal=paths[1])
    recommender.partial_update(UPDATES[0]).fit(LOG)
    with pytest.raises(RuntimeError, match="belongs to the model as it was before the last fit"):
        recommender.partial_update(UPDATES[1])
    assert_same_state(load_model(paths[0]), twin)
    recommender.save_model(paths[0], journal=paths[1])
    recommender.partial_update(UPDATES[1]).close_journal()
    assert_same_state(load(paths), recommender)
    recommender.partial_update(UPDATES[2])


@pytest.mark.parametrize("how", ["joblib", "pickle", "deepcopy", "clone"])
def test_the_journal_does_not_travel(how, recommender, paths):
    recommender.save_model(paths[0], journal=paths[1])
    size = paths[1].stat().st_size
    if how == "joblib":
        joblib.dump(recommender, paths[0].with_name("joblib"))
        twin = joblib.load(paths[0].with_name("joblib"))
    elif how == "clone":
        twin = clone(recommender).fit(LOG)
    else:
        twin = copy.deepcopy(recommender) if how == "deepcopy" else pickle.loads(pickle.dumps(recommender))
    twin.partial_update(UPDATES[0])
    assert paths[1].stat().st_size == size
    recommender.partial_update(UPDATES[0])
    assert paths[1].stat().st_size > size


def test_a_platform_without_locks_says_so(recommender, paths, monkeypatch):
    monkeypatch.setattr("skautoseqrec._persistence.files.fcntl", None)
    with pytest.raises(OSError, match="which this platform has not: save without a journal"):
        recommender.save_model(paths[0], journal=paths[1])
    recommender.save_model(paths[0])


def test_an_error_on_load_releases_the_journal(journaled, paths, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(loading, "_replay", lambda *args: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            load(paths)
    load(paths)


def test_a_journal_that_was_removed_takes_no_more_updates(recommender, paths, twin):
    recommender.save_model(paths[0], journal=paths[1])
    paths[1].unlink()
    with pytest.raises(RuntimeError, match="was removed or replaced: save the model again"):
        recommender.partial_update(UPDATES[0])
    assert_same_state(recommender, twin)
    recommender.save_model(paths[0], journal=paths[1])
    recommender.partial_update(UPDATES[0]).close_journal()
    assert_same_state(load(paths), recommender)


def test_what_was_forgotten_stays_forgotten(recommender, paths, twin):
    recommender.save_model(paths[0], journal=paths[1])
    for model in (recommender, twin):
        model.partial_update(UPDATES[0]).forget(users=["user 1"]).partial_update(UPDATES[1]).forget(items=["item 3"])
        model.partial_update(UPDATES[2])
    assert recommender.item_ids_.tolist() == twin.item_ids_.tolist() == ["item 1", "item 9", "item 4"]
    recommender.close_journal()
    assert_same_state(load(paths), twin)


def test_a_failed_forget_is_not_in_the_journal(recommender, paths, twin):
    recommender.save_model(paths[0], journal=paths[1])
    with pytest.raises(ValueError, match="would remove all"):
        recommender.forget(users=["user 1", "user 2", "user 3"])
    recommender.partial_update(UPDATES[0]).close_journal()
    assert_same_state(load(paths), twin.partial_update(UPDATES[0]))


def test_a_copy_that_shares_events_cannot_get_past_the_journal(recommender, paths):
    recommender.save_model(paths[0], journal=paths[1])
    recommender.with_blend({"direct": 1.0}).partial_update([("eve", "tea", 5)])
    with pytest.raises(RuntimeError, match=r"does not know of all events.*Save again"):
        recommender.partial_update(UPDATES[0])
    recommender.save_model(paths[0], journal=paths[1])
    recommender.partial_update(UPDATES[0]).close_journal()
    assert_same_state(load(paths), recommender)


def test_a_journal_that_cannot_begin_takes_nothing_more(recommender, paths, monkeypatch, tmp_path):
    recommender.save_model(paths[0], journal=paths[1])
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "start", raise_memory_error)
        with pytest.raises(MemoryError):
            recommender.save_model(paths[0], journal=tmp_path / "other.journal")
    with pytest.raises(RuntimeError, match="is closed"):
        recommender.partial_update(UPDATES[0])


def test_a_subclass_is_not_saved(paths):
    class Special(AutoSeqRecRecommender):
        pass

    with pytest.raises(TypeError, match="not its subclass Special"):
        Special(**SMALL).fit(LOG).save_model(paths[0])


def test_a_file_that_cannot_be_written_is_an_error_of_the_system(recommender, tmp_path):
    with pytest.raises(OSError, match="cannot be written"):
        recommender.save_model(tmp_path / "no folder" / "model")
