"""A model and its journal are together what the recommender was after its last change."""

import copy
import pickle
import sqlite3
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import joblib
import numpy as np
import pytest
from crashes import assert_same_state
from journals import LOG, SMALL, UPDATES, load, read_files, update_all
from sklearn.base import clone

from skautoseqrec import AutoSeqRecRecommender, ModelFileError, load_model
from skautoseqrec._persistence import journal as journal_module
from skautoseqrec._persistence.journal import Journal
from skautoseqrec._persistence.wal import log_of


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
    saved, twin = copy.deepcopy(recommender), copy.deepcopy(recommender)
    recommender.save_model(paths[0], journal=paths[1])
    update_all(recommender, updates[:2]).close_journal()
    loaded = load_model(paths[0], journal=paths[1])
    update_all(loaded, updates[2:]).close_journal()
    twin = update_all(twin, updates)
    for model, expected in ((loaded, twin), (load(paths), twin), (load_model(paths[0]), saved)):
        np.testing.assert_array_equal(model.user_ids_, expected.user_ids_)
        np.testing.assert_array_equal(model.item_ids_, expected.item_ids_)
        answers = [each.predict_topk(expected.user_ids_, k=4, return_scores=True)[1] for each in (model, expected)]
        np.testing.assert_allclose(*map(np.ma.filled, answers), rtol=1e-5)
        times, wanted = (each._serving.state.events.times for each in (model, expected))
        assert (times is None) == (wanted is None) == (kind == "no times")
        assert times is None or times.dtype == wanted.dtype


def test_updates_may_come_from_another_thread(recommender, paths, twin):
    recommender.save_model(paths[0], journal=paths[1])
    with ThreadPoolExecutor(1) as executor:
        executor.submit(update_all, recommender).result()
        executor.submit(recommender.close_journal).result()
    assert_same_state(load(paths), update_all(twin))


def test_a_copy_saved_without_a_journal_knows_what_it_has_of_it(recommender, paths):
    recommender.save_model(paths[0], journal=paths[1])
    recommender.partial_update(UPDATES[0]).save_model(paths[0])
    recommender.partial_update(UPDATES[1]).close_journal()
    assert_same_state(load(paths), recommender)


def test_a_journal_has_at_least_what_the_model_has_of_it(recommender, paths):
    recommender.save_model(paths[0], journal=paths[1])
    shorter = read_files(paths[1])
    update_all(recommender).save_model(paths[0])
    recommender.close_journal()
    for file, content in zip((paths[1], log_of(paths[1])), shorter, strict=True):
        file.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"is cut off: it has 0 changes, and had 3 when"):
        load(paths)


def test_a_model_without_the_journal_beside_it_is_loaded_with_a_warning(recommender, paths, tmp_path):
    recommender.save_model(paths[0], journal=paths[1])
    recommender.partial_update([("new", "tea", 10**9)])
    recommender.close_journal()
    with pytest.warns(UserWarning, match="is left alone: this is the model as it was saved"):
        assert "new" not in load_model(paths[0]).user_ids_
    recommender.save_model(tmp_path / "alone")
    paths[1].rename(tmp_path / "elsewhere")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_model(tmp_path / "alone")
        load_model(paths[0])
        load_model(paths[0], journal=tmp_path / "elsewhere").close_journal()


def test_a_journal_of_another_model_is_refused(closed, paths, recommender, tmp_path):
    recommender.save_model(tmp_path / "other", journal=tmp_path / "other.journal")
    recommender.close_journal()
    with pytest.raises(ModelFileError, match=r"other\.journal: the journal belongs to another saved model"):
        load_model(paths[0], journal=tmp_path / "other.journal")
    with pytest.raises(FileNotFoundError, match="There is no file"):
        load_model(paths[0], journal=tmp_path / "nothing")
    with pytest.raises(FileNotFoundError):
        recommender.save_model(paths[0], journal=tmp_path / "no folder" / "journal")
    with pytest.raises(ModelFileError, match="this is not a file"):
        load_model(paths[0], journal=tmp_path)
    for place in (paths[0], paths[0].with_name("log")):
        with pytest.raises(ValueError, match="cannot be one file"):
            recommender.save_model(log_of(place) if place != paths[0] else place, journal=place)
    load(paths)


@pytest.mark.parametrize("kind", ["text", "database"])
def test_a_file_that_is_no_journal_is_refused_and_left_alone(kind, closed, paths, recommender, tmp_path):
    place = tmp_path / "log"
    if kind == "text":
        place.write_text("user_id,item_id\n")
    else:
        with closing(sqlite3.connect(place)) as connection:
            connection.execute("CREATE TABLE log (user_id, item_id)")
            connection.commit()
    content = place.read_bytes()
    for use in (
        lambda: load_model(paths[0], journal=place),
        lambda: recommender.save_model(paths[0], journal=place),
    ):
        with pytest.raises(ModelFileError, match=r"log: this is not a journal"):
            use()
    assert read_files(place) == (content, None)


def test_a_newer_format_is_refused(closed, paths):
    with closing(sqlite3.connect(paths[1])) as connection:
        connection.execute("PRAGMA user_version = 3")
    with pytest.raises(ModelFileError, match="has format 3, and this version of skautoseqrec reads up to 2"):
        load(paths)


def test_a_change_of_an_unknown_kind_is_not_passed_over(closed, paths):
    journal = Journal.open(paths[1])
    with journal.record(77, b"", lambda: 0):
        pass
    journal.close()
    with pytest.raises(ModelFileError, match="change 4 is of kind 77, which this version"):
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
    if how == "joblib":
        joblib.dump(recommender, paths[0].with_name("joblib"))
        twin = joblib.load(paths[0].with_name("joblib"))
    elif how == "clone":
        twin = clone(recommender).fit(LOG)
    else:
        twin = copy.deepcopy(recommender) if how == "deepcopy" else pickle.loads(pickle.dumps(recommender))
    before = read_files(paths[1])
    twin.partial_update(UPDATES[0])
    assert read_files(paths[1]) == before
    recommender.partial_update(UPDATES[0])
    assert read_files(paths[1]) != before


def test_what_was_forgotten_stays_forgotten(recommender, paths, twin):
    recommender.save_model(paths[0], journal=paths[1])
    for model in (recommender, twin):
        model.partial_update(UPDATES[0]).forget(users=["user 1"]).partial_update(UPDATES[1]).forget(items=["item 3"])
        model.partial_update(UPDATES[2])
    assert recommender.item_ids_.tolist() == twin.item_ids_.tolist() == ["item 1", "item 9", "item 4"]
    recommender.close_journal()
    assert_same_state(load(paths), twin)


def test_saving_again_leaves_nothing_of_what_was_forgotten(recommender, paths):
    recommender.save_model(paths[0], journal=paths[1])
    for number in range(100):
        recommender.partial_update([("mallory", f"item {number}", 5)])
    assert any(b"mallory" in content for content in read_files(paths[1]))
    recommender.forget(users=["mallory"]).save_model(paths[0], journal=paths[1])
    assert not any(b"mallory" in content for content in (paths[0].read_bytes(), *read_files(paths[1])))
    recommender.close_journal()
    assert b"mallory" not in paths[1].read_bytes()


def test_a_copy_that_shares_events_cannot_get_past_the_journal(recommender, paths):
    recommender.save_model(paths[0], journal=paths[1])
    recommender.with_blend({"direct": 1.0}).partial_update([("eve", "tea", 5)])
    with pytest.raises(RuntimeError, match=r"does not know of all events.*Save again"):
        recommender.partial_update(UPDATES[0])
    recommender.save_model(paths[0], journal=paths[1])
    recommender.partial_update(UPDATES[0]).close_journal()
    assert_same_state(load(paths), recommender)


def test_a_closed_journal_is_one_file_and_an_unused_one_is_not_touched(closed, paths):
    assert closed[1] is None
    load(paths)
    assert read_files(paths[1]) == closed


def test_the_log_is_put_into_the_file_before_it_grows_long(recommender, paths, monkeypatch):
    monkeypatch.setattr(journal_module, "LONGEST_LOG", 20_000)
    recommender.save_model(paths[0], journal=paths[1])
    sizes = []
    for number in range(30):
        recommender.partial_update([("user 1", f"item {number}", number)])
        sizes.append(log_of(paths[1]).stat().st_size)
    # One update may write six pages or so.
    assert max(sizes) < 50_000
    assert len(np.flatnonzero(np.diff(sizes) < 0)) > 2
    recommender.close_journal()
    assert_same_state(load(paths), recommender)
