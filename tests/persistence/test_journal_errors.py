"""A change that fails is not in the journal, and a change that is not in the journal has not happened."""

import os
import sqlite3

import pytest
from crashes import assert_same_state
from journals import UPDATES, load, read_files, update_all, write_files

from skautoseqrec import load_model
from skautoseqrec._persistence import database
from skautoseqrec._persistence import journal as journal_module
from skautoseqrec._persistence.journal import Journal


class Failing:
    """A connection of which one statement fails, before it is done or after."""

    def __init__(self, connection, statement, error, *, is_done, count=1):
        self.connection, self.statement, self.error = connection, statement, error
        self.is_done, self.count = is_done, count

    def __getattr__(self, name):
        return getattr(self.connection, name)

    def execute(self, statement, *args):
        fails = self.count > 0 and statement.startswith(self.statement)
        self.count -= fails
        if fails and not self.is_done:
            raise self.error
        result = self.connection.execute(statement, *args)
        if fails:
            raise self.error
        return result


def disk_error(code=sqlite3.SQLITE_IOERR):
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = code
    return error


def fail_at(recommender, statement, error, **options):
    """Have a recommender's journal fail once at a statement."""
    journal = recommender._journal
    journal._connection = Failing(journal._connection, statement, error, **options)


def raise_memory_error(*arguments):
    raise MemoryError


def raise_disk_full(*arguments):
    raise OSError("no space left")


def test_an_update_that_fails_is_taken_back(recommender, paths, twin, monkeypatch):
    recommender.save_model(paths[0], journal=paths[1])
    update_all(recommender, UPDATES[:1])
    with pytest.raises(TypeError, match="the known ids are strings"):
        recommender.partial_update([(1, 2, 3)])
    with monkeypatch.context() as patch:
        patch.setattr(recommender._serving.state, "_add_events", raise_memory_error)
        with pytest.raises(MemoryError):
            recommender.partial_update(UPDATES[1])
    assert recommender._journal.n_changes == 1
    update_all(recommender, UPDATES[1:]).close_journal()
    assert_same_state(load(paths), update_all(twin))


def test_a_failed_forget_is_not_in_the_journal(recommender, paths, twin):
    recommender.save_model(paths[0], journal=paths[1])
    with pytest.raises(ValueError, match="would remove all there is: "):
        recommender.forget(users=["user 1", "user 2", "user 3"])
    recommender.partial_update(UPDATES[0]).close_journal()
    assert_same_state(load(paths), twin.partial_update(UPDATES[0]))


@pytest.mark.parametrize("statement", ["BEGIN", "INSERT", "UPDATE", "COMMIT"])
@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize("error", [disk_error(), KeyboardInterrupt()], ids=["disk", "interrupt"])
def test_an_update_that_could_not_be_written_has_not_happened(statement, is_done, error, recommender, paths, states):
    recommender.save_model(paths[0], journal=paths[1])
    recommender.partial_update(UPDATES[0])
    fail_at(recommender, statement, error, is_done=is_done)
    with pytest.raises((OSError, KeyboardInterrupt), match=r"model\.journal cannot be read or written|^$"):
        recommender.partial_update(UPDATES[1])
    assert_same_state(recommender, states[1])
    crashed = read_files(paths[1])
    update_all(recommender, UPDATES[1:]).close_journal()
    assert_same_state(load(paths), states[3])
    write_files(paths[1], crashed)
    assert_same_state(load(paths), states[1])


def test_a_disk_that_is_full_takes_the_update_when_there_is_room(recommender, paths, states):
    resource = pytest.importorskip("resource", reason="files cannot be limited")
    recommender.save_model(paths[0], journal=paths[1])
    recommender.partial_update(UPDATES[0])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Half of what the update writes still finds room.
    resource.setrlimit(resource.RLIMIT_FSIZE, (recommender._journal._log.stat().st_size + 5000, limits[1]))
    try:
        with pytest.raises(OSError, match="cannot be read or written"):
            recommender.partial_update(UPDATES[1])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert_same_state(recommender, states[1])
    crashed = read_files(paths[1])
    update_all(recommender, UPDATES[1:]).close_journal()
    assert_same_state(load(paths), states[3])
    write_files(paths[1], crashed)
    assert_same_state(load(paths), states[1])


def test_after_a_disk_that_cannot_take_back_nothing_is_recorded(recommender, paths, states, monkeypatch):
    recommender.save_model(paths[0], journal=paths[1])
    recommender.partial_update(UPDATES[0])
    fail_at(recommender, "COMMIT", disk_error(), is_done=False)
    with monkeypatch.context() as patch:
        patch.setattr(os, "truncate", raise_disk_full)
        with pytest.raises(OSError, match="no space left"):
            recommender.partial_update(UPDATES[1])
    with pytest.raises(RuntimeError, match="an error of the disk left it in doubt"):
        recommender.partial_update(UPDATES[1])
    assert_same_state(recommender, states[1])
    assert_same_state(load(paths), states[1])


def test_an_update_that_failed_and_cannot_be_taken_back_ends_the_journal(recommender, paths, states):
    recommender.save_model(paths[0], journal=paths[1])
    recommender.partial_update(UPDATES[0])
    fail_at(recommender, "DELETE", disk_error(), is_done=False)
    with pytest.raises(OSError, match="cannot be read or written"):
        recommender.partial_update([(1, 2, 3)])
    with pytest.raises(RuntimeError, match=r"in doubt\. Load it again"):
        recommender.partial_update(UPDATES[1])
    assert_same_state(load(paths), states[1])


def test_a_log_that_cannot_be_put_into_the_file_stays(recommender, paths, states, monkeypatch):
    monkeypatch.setattr(journal_module, "LONGEST_LOG", 0)
    recommender.save_model(paths[0], journal=paths[1])
    recommender.partial_update(UPDATES[0])
    fail_at(recommender, "PRAGMA wal_checkpoint", disk_error(), is_done=False)
    with pytest.raises(OSError, match="cannot be read or written"):
        recommender.partial_update(UPDATES[1])
    recommender.partial_update(UPDATES[1])
    assert_same_state(recommender, states[2])
    fail_at(recommender, "PRAGMA wal_checkpoint", disk_error(), is_done=False)
    recommender.close_journal()
    assert read_files(paths[1])[1]
    assert_same_state(load(paths), states[2])


def test_a_journal_that_cannot_begin_takes_nothing_more(recommender, paths, monkeypatch, tmp_path):
    recommender.save_model(paths[0], journal=paths[1])
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "start", raise_memory_error)
        with pytest.raises(MemoryError):
            recommender.save_model(paths[0], journal=tmp_path / "other.journal")
    with pytest.raises(RuntimeError, match="is closed"):
        recommender.partial_update(UPDATES[0])


@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize("number", range(12))
def test_a_journal_that_could_not_be_begun_can_be_later(number, is_done, recommender, paths, states, monkeypatch):
    class Interrupted(database.Connection):
        left = number

        def execute(self, *args):
            if args[0].startswith("PRAGMA") and not args[0].startswith("PRAGMA wal"):
                return super().execute(*args)
            Interrupted.left -= 1
            if Interrupted.left == -1 and not is_done:
                raise KeyboardInterrupt
            result = super().execute(*args)
            if Interrupted.left == -1:
                raise KeyboardInterrupt
            return result

    recommender.save_model(paths[0], journal=paths[1])
    recommender.partial_update(UPDATES[0]).close_journal()
    with monkeypatch.context() as patch:
        patch.setattr(database, "Connection", Interrupted)

        def load_and_update_each():
            for update in UPDATES[1:]:
                load_model(paths[0], journal=paths[1]).partial_update(update)

        with pytest.raises(KeyboardInterrupt):
            load_and_update_each()
    loaded = load_model(paths[0], journal=paths[1])
    n_done = [len(state._serving.state.events) for state in states].index(len(loaded._serving.state.events))
    update_all(loaded, UPDATES[n_done:]).close_journal()
    assert_same_state(load(paths), states[3])


def test_a_change_that_is_too_large_for_a_row_is_refused(recommender, paths, states):
    recommender.save_model(paths[0], journal=paths[1])
    recommender._journal._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 1500)
    with pytest.raises(ValueError, match="is too large for a journal"):
        recommender.partial_update([("user 1", "item " + "x" * 2000, 1)])
    recommender._journal._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 10**9)
    update_all(recommender).close_journal()
    assert_same_state(load(paths), states[3])
