"""A journal that is not as it was written is refused by name, or stands for exactly what was recorded."""

import sqlite3
from contextlib import closing

import numpy as np
import pytest
from crashes import assert_same_state
from damage import damage_bytes
from journals import UPDATES, load, read_files, write_files

from skautoseqrec import ModelFileError
from skautoseqrec._persistence.journal import Journal
from skautoseqrec._persistence.tables import Header
from skautoseqrec._persistence.wal import HEADER, log_of


def read_changes(path):
    """Return all that a journal says, and leave it as it is."""
    journal = Journal.open(path)
    try:
        return journal.model_id, list(journal.changes(1))
    finally:
        journal.abandon()


def flipped(content, place):
    damaged = bytearray(content)
    damaged[place] ^= 0x11
    return bytes(damaged)


def edit(path, statement):
    """Change a journal by SQL, with every checksum of SQLite's right."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement)


def test_a_byte_that_changed_is_noticed_or_harmless(closed, paths):
    whole = read_changes(paths[1])
    outcomes = []
    for place in range(0, len(closed[0]), 23):
        files = flipped(closed[0], place), None
        write_files(paths[1], files)
        try:
            assert read_changes(paths[1]) == whole
        except ModelFileError as error:
            outcomes.append(str(error))
        assert read_files(paths[1]) == files
    assert all(message.startswith(f"{paths[1]}: ") for message in outcomes)
    assert any("the checksum of change" in message for message in outcomes)


def test_a_byte_that_changed_in_the_log_is_an_error_that_says_where(crashed, paths):
    file, log = crashed
    for place in range(0, len(log), 97):
        files = file, flipped(log, place)
        write_files(paths[1], files)
        with pytest.raises(
            ModelFileError, match=r"model.journal: .*model.journal-wal is not .* at byte (\d+)"
        ) as found:
            load(paths)
        assert int(str(found.value).rstrip(".").rsplit(" ", 1)[1]) <= place
        assert read_files(paths[1]) == files


@pytest.mark.parametrize("seed", range(2))
def test_no_damage_changes_what_was_recorded(closed, paths, states, seed):
    rng = np.random.default_rng(seed)
    n_refused = 0
    for _ in range(60):
        write_files(paths[1], (damage_bytes(closed[0], rng), None))
        try:
            assert_same_state(load(paths), states[-1])
        except ModelFileError:
            n_refused += 1
    assert n_refused > 20


def test_no_damage_of_the_log_brings_half_an_update(crashed, paths, states):
    rng = np.random.default_rng(0)
    sizes = [len(state._serving.state.events) for state in states]
    for number in range(60):
        files = list(crashed)
        files[number % 2] = damage_bytes(files[number % 2], rng)
        write_files(paths[1], files)
        try:
            found = load(paths)
        except ModelFileError:
            continue
        # Cut off, the log is as a crash a moment earlier leaves it.
        assert_same_state(found, states[sizes.index(len(found._serving.state.events))])


def test_a_file_that_was_cut_off_is_refused(closed, paths):
    for end in range(0, len(closed[0]), 1009):
        write_files(paths[1], (closed[0][:end], None))
        with pytest.raises(
            ModelFileError, match=r"model.journal: (the journal is damaged|the file is empty|this is not)"
        ):
            load(paths)


def test_a_log_without_its_file_or_with_an_empty_one_is_not_passed_over(crashed, paths, recommender):
    write_files(paths[1], (b"", crashed[1]))
    for use in (lambda: load(paths), lambda: recommender.save_model(paths[0], journal=paths[1])):
        with pytest.raises(ModelFileError, match="the file is empty"):
            use()
    assert read_files(paths[1]) == (b"", crashed[1])


def test_a_log_that_is_missing_is_noticed_each_time(crashed, paths):
    write_files(paths[1], (crashed[0], None))
    for _ in range(2):
        with pytest.raises(
            ModelFileError, match=r"newest changes are missing: there should be a file model\.journal-wal"
        ):
            load(paths)
        assert read_files(paths[1]) == (crashed[0], None)


def test_an_empty_log_that_a_crash_left_is_none_that_is_missing(recommender, paths, twin):
    recommender.save_model(paths[0], journal=paths[1])
    files = read_files(paths[1])
    recommender.close_journal()
    assert files[1] == b""
    write_files(paths[1], files)
    other = paths[0].with_name("other")
    twin.save_model(other)
    with pytest.raises(ModelFileError, match="belongs to another saved model"):
        load((other, paths[1]))
    assert_same_state(load(paths), twin)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DELETE FROM changes WHERE number = 1", "change 1 is missing"),
        ("DELETE FROM changes WHERE number = 2", "change 2 is missing"),
        ("DELETE FROM changes WHERE number = 3", "should have 3 changes, and has 2"),
        ("DELETE FROM changes", "should have 3 changes, and has 0"),
        ("INSERT INTO changes SELECT 4, kind, content, checksum FROM changes WHERE number = 3", "checksum of change 4"),
        ("UPDATE changes SET kind = 2 WHERE number = 2", "checksum of change 2 is another"),
        ("UPDATE changes SET kind = 1e9 WHERE number = 2", "change 2 is none"),
        ("UPDATE changes SET content = 'text' WHERE number = 3", "change 3 is none"),
        ("UPDATE changes SET content = content || x'00' WHERE number = 1", "change 1 is none"),
        ("UPDATE changes SET content = zeroblob(99) WHERE number = 1", "checksum of change 1 is another"),
        ("UPDATE changes SET number = 0 WHERE number = 1", "change 1 is missing"),
        ("UPDATE journal SET n_changes = 2", "should have 2 changes, and has 3"),
        ("UPDATE journal SET model_id = zeroblob(16)", "checksum of change 1 is another"),
        ("UPDATE journal SET checksum = zeroblob(32)", "what it says of its model is not as it was written"),
        ("UPDATE journal SET model_id = NULL", "does not say which model"),
        ("UPDATE journal SET is_open = 7", "what it says of its model"),
        ("DELETE FROM journal", "does not say which model"),
        ("INSERT INTO journal SELECT * FROM journal", "does not say which model"),
        ("DROP TABLE changes", "other tables or settings"),
        ("CREATE TABLE more (x)", "other tables or settings"),
        ("CREATE TRIGGER t AFTER INSERT ON changes BEGIN DELETE FROM changes; END", "other tables or settings"),
        ("PRAGMA user_version = 1", "other tables or settings"),
        ("PRAGMA journal_mode = DELETE", "other tables or settings"),
        ("PRAGMA application_id = 1", "this is not a journal"),
    ],
)
def test_an_edited_journal_is_refused(statement, message, closed, paths):
    edit(paths[1], statement)
    with pytest.raises(ModelFileError, match=rf"model\.journal: .*{message}"):
        load(paths)


def test_swapped_changes_are_noticed(closed, paths):
    edit(paths[1], "UPDATE changes SET number = -number WHERE number > 1")
    edit(paths[1], "UPDATE changes SET number = 5 + number WHERE number < 0")
    with pytest.raises(ModelFileError, match="checksum of change 2 is another"):
        load(paths)


def test_a_journal_can_be_read_without_this_package(closed, paths):
    with closing(sqlite3.connect(paths[1])) as connection:
        numbers = connection.execute("SELECT number FROM changes").fetchall()
        (header,) = connection.execute("SELECT * FROM journal").fetchall()
    assert numbers == [(number + 1,) for number in range(len(UPDATES))]
    assert Header(*header).n_changes == len(UPDATES)


def test_what_stands_behind_the_last_whole_frame_is_harmless(crashed, paths, states):
    for extra in (b"x", bytes(HEADER.size), b"x" * 4000):
        write_files(paths[1], (crashed[0], crashed[1] + extra))
        assert_same_state(load(paths), states[-1])
        assert not log_of(paths[1]).exists()
