"""Every change that was told of is there after a crash; the one under way is there whole, or not at all."""

import copy

import numpy as np
import pytest
from crashes import assert_same_state, survive_kills
from journals import LOG, UPDATES, load, read_files, update_all, write_files
from safetensors.numpy import save

from skautoseqrec import ModelFileError, load_model
from skautoseqrec._persistence import database
from skautoseqrec._persistence.journal import Journal
from skautoseqrec._persistence.recording import Update
from skautoseqrec._persistence.wal import BLOCK, FRAME, HEADER

#: Of a frame of the write-ahead log.
FRAME_SIZE = FRAME.size + 4096


def commit_ends(log):
    """Return where each transaction of a log ends: its last frame says how large the file is."""
    starts = range(HEADER.size, len(log), FRAME_SIZE)
    return [start + FRAME_SIZE for start in starts if FRAME.unpack_from(log, start)[1] > 0]


def test_killed_at_any_moment_nothing_that_was_told_is_lost(recommender, tmp_path):
    assert survive_kills(recommender, tmp_path, 8, np.random.default_rng(0)) > 8


def test_a_crash_before_or_after_any_statement_loses_and_doubles_nothing(recommender, paths, states, monkeypatch):
    moments, done = {}, 0

    class Watched(database.Connection):
        def execute(self, *args):
            for act in (lambda: None, lambda: super(Watched, self).execute(*args)):
                result = act()
                model = paths[0].read_bytes() if paths[0].exists() else None
                moments.setdefault((model, *read_files(paths[1])), set()).add(done)
            return result

    with monkeypatch.context() as patch:
        patch.setattr(database, "Connection", Watched)
        recommender.save_model(paths[0], journal=paths[1])
        recommender.partial_update(UPDATES[0])
        done = 1
        with pytest.raises(TypeError, match="the known ids are strings"):
            recommender.partial_update([(1, 2, 3)])
        recommender.save_model(paths[0], journal=paths[1])
        recommender.partial_update(UPDATES[1])
        done = 2
        recommender.close_journal()
        recommender = load_model(paths[0], journal=paths[1])
        recommender.partial_update(UPDATES[2])
        done = 3
        recommender.close_journal()
    assert len(moments) > 15
    for (model, *files), told in moments.items():
        write_files(paths[1], files)
        if model is None:
            # Nothing was saved yet: that can be done again.
            states[0].save_model(paths[0], journal=paths[1])
            states[0].close_journal()
        else:
            paths[0].write_bytes(model)
        for _ in range(2):  # the second time from what the first has left
            found = load(paths)
            n_found = [len(state._serving.state.events) for state in states].index(len(found._serving.state.events))
            assert max(told) <= n_found <= min(told) + 1
            assert_same_state(found, states[n_found])


def test_a_torn_change_is_left_out_wherever_it_was_torn(crashed, paths, states):
    file, log = crashed
    ends = commit_ends(log)[-len(UPDATES) :]
    for end in [*range(0, len(log), 499), *range(HEADER.size, len(log) + 1, FRAME_SIZE)]:
        write_files(paths[1], (file, log[:end]))
        assert_same_state(load(paths), states[sum(whole <= end for whole in ends)])
        assert read_files(paths[1])[1] is None


def test_room_that_was_never_filled_is_left_out(crashed, paths, states):
    file, log = crashed
    start = commit_ends(log)[-2]
    # Of the blocks of the last change, the first ones were filled.
    for kept in {start, *range(-(-start // BLOCK) * BLOCK, len(log), BLOCK)}:
        for length in (len(log), len(log) + 3 * BLOCK):
            write_files(paths[1], (file, log[:kept] + bytes(length - kept)))
            assert_same_state(load(paths), states[2])


def test_what_follows_a_torn_change_survives_the_next_crash(crashed, paths, states):
    file, log = crashed
    write_files(paths[1], (file, log[:-100]))
    loaded = load_model(paths[0], journal=paths[1])
    loaded.partial_update(UPDATES[2])
    files = read_files(paths[1])
    loaded.close_journal()
    write_files(paths[1], files)
    assert_same_state(load(paths), states[3])


@pytest.mark.parametrize("crash_at", ["model", "journal"])
def test_a_crash_between_model_and_journal_loses_and_doubles_nothing(recommender, paths, crash_at, monkeypatch):
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
    twin = copy.deepcopy(recommender)
    recommender.partial_update([("user 1", "item 4", 5)]).close_journal()
    assert_same_state(load(paths), twin.partial_update([("user 1", "item 4", 5)]))


def test_a_first_save_cut_short_before_its_journal_loads(recommender, paths, monkeypatch):
    def crash(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("skautoseqrec._persistence.saving.Journal.start", crash)
        with pytest.raises(KeyboardInterrupt):
            recommender.save_model(paths[0], journal=paths[1])
    other = paths[1].with_name("other.journal")
    other.write_bytes(paths[1].read_bytes())
    update_all(load_model(paths[0], journal=paths[1])).close_journal()
    assert_same_state(load(paths), update_all(recommender))
    with pytest.raises(ModelFileError, match=r"is empty, and the model was saved with the journal 'model\.journal'"):
        load_model(paths[0], journal=other)


@pytest.mark.parametrize("is_last", [True, False])
def test_a_failed_update_that_a_crash_kept_from_being_taken_back_is_left_out(is_last, closed, paths, recommender):
    journal = Journal.open(paths[1])
    columns = {name: np.array([1]) for name in ("users", "items", "times")}  # the known ids are strings
    numbers = save({**columns, "clock": np.array([len(LOG) + sum(map(len, UPDATES))])})
    for _ in range(1 if is_last else 2):
        with journal.record(Update.kind, numbers, lambda: 0):
            pass
    journal.close()
    if is_last:
        assert_same_state(load(paths), recommender)
        journal = Journal.open(paths[1])
        assert journal.n_changes == len(UPDATES)
        journal.close()
    else:
        with pytest.raises(ModelFileError, match=r"change 4 cannot have happened"):
            load(paths)
