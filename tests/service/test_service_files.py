"""What the service keeps in its folder: a log that a crash may tear, refits that cannot serve, disks that fail."""

import os
import shutil
import threading
from datetime import UTC, datetime

import pytest

pytest.importorskip("fastapi", reason="the service needs fastapi")
pytest.importorskip("uvicorn", reason="the service needs uvicorn")
pytest.importorskip("httpx", reason="the clients need httpx")
pytest.importorskip("prometheus_client", reason="the service needs prometheus_client")

import model
from answers import RefusedError
from app import create_app
from event_log import EventLog, read_updates, rows_of, to_line
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model import NoModelError, ServedModel, StoppedError, SwapError
from schemas import Event
from services import HISTORY, TITLES, fit, logged, put_refit, twin_of

IDS = st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(exclude_categories=["Cs"]))
TIMES = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
MOMENTS = st.datetimes(timezones=st.just(UTC)) | st.datetimes()
EVENTS = st.lists(st.builds(Event, user=IDS, item=IDS, time=TIMES | MOMENTS), min_size=1, max_size=4)


def event(user, item="item 1", time=1000):
    return [Event(user=user, item=item, time=time)]


def rows_in(path):
    return [rows_of(events) for events in read_updates(path)]


@pytest.fixture
def folder(tmp_path):
    put_refit(tmp_path)
    return tmp_path


@pytest.fixture
def served(folder):
    served = ServedModel(folder)
    served.start()
    yield served
    served.close()


def top(served, user, k=10):
    return [(place.item, pytest.approx(place.score, rel=1e-4, abs=1e-5)) for place in recommended(served, user, k)]


def recommended(served, user, k=10):
    return served.generation.recommend(str(user), k, None, False).items


def assert_is(served, twin):
    for user in [*range(20), *twin.user_ids_.tolist()[20:]]:
        (items,), (scores,) = twin.predict_topk([user], 10, output="list", return_scores=True)
        assert top(served, user) == list(zip(items, scores, strict=True))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(updates=st.lists(EVENTS, max_size=5), torn=st.binary(max_size=20).filter(lambda text: b"\n" not in text))
def test_the_log_reads_back_what_was_written_whatever_was_torn(tmp_path, updates, torn):
    path = tmp_path / "events.jsonl"
    path.unlink(missing_ok=True)
    log = EventLog(path)
    assert [log.append(to_line(events)) for events in updates] == [*range(1, len(updates) + 1)]
    log.close()
    rows = [rows_of(events) for events in updates]
    with path.open("ab") as file:
        file.write(torn)
    assert rows_in(path) == rows
    again = EventLog(path)
    assert again.append(to_line(event(1))) == len(updates) + 1
    for first in range(len(updates) + 1):
        assert [rows_of(events) for events in again.read(first, len(again))] == [*rows, rows_of(event(1))][first:]
        assert [rows_of(events) for events in again.read(first, len(updates))] == rows[first:]
    again.close()
    assert [[list(map(type, row)) for row in update] for update in rows_in(path)[:-1]] == [
        [list(map(type, row)) for row in update] for update in rows
    ]


def test_a_line_of_the_log_that_is_none_is_an_error_that_says_where(tmp_path):
    path = tmp_path / "events.jsonl"
    first = to_line(event(1))
    path.write_bytes(first + b"not a line\n" + first)
    with pytest.raises(ValueError, match=rf"events\.jsonl is damaged: the line at byte {len(first)} "):
        rows_in(path)


def test_a_time_may_be_a_datetime(tmp_path):
    rows = [(user, item, datetime(2024, 4, 1 + second // 20, 12, user, tzinfo=UTC)) for user, item, second in HISTORY]
    put_refit(tmp_path, model=fit(rows))
    served = ServedModel(tmp_path)
    served.start()
    served.add([Event(user=100, item="item 1", time="2024-05-02T12:00:00+02:00")]).result()
    with pytest.raises(RefusedError, match="the known times are datetimes"):
        served.add(event(100)).result()
    served.close()
    assert logged(tmp_path) == [[(100, "item 1", datetime(2024, 5, 2, 10, tzinfo=UTC))]]
    served = ServedModel(tmp_path)
    served.start()
    assert_is(served, twin_of(tmp_path / "refits" / "0.safetensors", tmp_path))
    served.close()


def test_a_restart_finds_what_was_there(folder, served):
    for user in range(100, 105):
        served.add(event(user)).result()
    served.close()
    for _ in range(2):
        again = ServedModel(folder)
        again.start()
        assert again.health().n_updates == 5
        assert_is(again, twin_of(folder / "refits" / "0.safetensors", folder))
        again.close()


def tell_at_each_step(served, monkeypatch):
    """Have an event arrive after each step of a swap, except in the writer's own thread, where none can."""
    users = iter(range(100, 1000))
    for owner, name in ((model, "load_model"), (ServedModel, "_replay")):
        original = getattr(owner, name)

        def tell_after(*args, _original=original):
            result = _original(*args)
            if threading.current_thread() is threading.main_thread():
                served.add(event(next(users))).result()
            return result

        monkeypatch.setattr(owner, name, tell_after)


@pytest.mark.parametrize("crash", ["before", "after"])
def test_a_crash_at_the_moment_of_a_swap_loses_and_doubles_nothing(
    folder, served, crash, monkeypatch, tmp_path_factory
):
    copy = tmp_path_factory.mktemp("crashed") / "shop"
    for user in range(50, 53):
        served.add(event(user)).result()
    refit = put_refit(folder, 1, fit([*HISTORY, *logged(folder)[0]]))
    tell_at_each_step(served, monkeypatch)
    write = ServedModel._write_current

    def write_and_copy(self, number):
        if crash == "after":
            write(self, number)
        shutil.copytree(folder, copy)
        if crash == "before":
            write(self, number)

    monkeypatch.setattr(ServedModel, "_write_current", write_and_copy)
    assert served.reload().n_replayed == 2 + 3
    assert_is(served, twin_of(refit, folder))
    monkeypatch.undo()
    again = ServedModel(copy)
    again.start()
    assert again.health().generation == (1 if crash == "before" else 2)
    assert_is(again, twin_of(refit if crash == "after" else folder / "refits" / "0.safetensors", copy))
    assert [place.name for place in copy.glob("generation-*")] == [f"generation-{again.health().generation}"]
    assert again.reload().generation == again.health().generation
    again.close()


def test_events_that_arrive_at_any_step_of_a_swap_reach_the_new_model(folder, served, monkeypatch):
    tell_at_each_step(served, monkeypatch)
    refit = put_refit(folder, 0)
    assert served.reload().n_replayed == 3
    assert len(logged(folder)) == 3
    monkeypatch.undo()
    assert_is(served, twin_of(refit, folder))


def put_damaged(folder):
    path = put_refit(folder, 1)
    path.write_bytes(path.read_bytes()[:-50])


def put_with_other_ids(folder):
    put_refit(folder, 0, fit([(f"user {user}", item, second) for user, item, second in HISTORY]))


def put_with_other_titles(folder):
    put_refit(folder, 1, fit([(user, int(item.removeprefix("item ")), second) for user, item, second in HISTORY]))


@pytest.mark.parametrize(
    ("put", "message"),
    [
        (lambda folder: put_refit(folder, 7), r"7\.safetensors says that it knows 7 updates; the log has 1"),
        (put_damaged, r"1\.safetensors cannot serve: .*cut off"),
        (put_with_other_ids, r"0\.safetensors cannot serve: .*the known ids are strings"),
        (put_with_other_titles, r"1\.safetensors cannot serve: titles\.csv has the id 'item 0'"),
        (lambda folder: shutil.rmtree(folder / "refits"), "There is no refit in"),
    ],
    ids=["of another log", "damaged", "other ids", "other titles", "none"],
)
def test_a_refit_that_cannot_serve_leaves_the_model_from_before(folder, put, message):
    (folder / "titles.csv").write_text(TITLES)
    served, first = ServedModel(folder), fit()
    served.start()
    served.add(event(100)).result()
    put(folder)
    with pytest.raises(SwapError, match=message):
        served.reload()
    served.add(event(101)).result()
    assert served.health().status == "ok"
    assert_is(served, first.partial_update(rows_of(event(100))).partial_update(rows_of(event(101))))
    shutil.rmtree(folder / "refits", ignore_errors=True)
    put_refit(folder, 2, first)
    assert served.reload().n_replayed == 0
    served.close()


@pytest.mark.parametrize("step", ["fsync", "partial_update"])
def test_once_a_disk_failed_nothing_is_let_in_until_a_restart(folder, served, step, monkeypatch):
    served.add(event(100)).result()

    def fail(*args):
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        if step == "fsync":
            patch.setattr(os, "fsync", fail)
        else:
            patch.setattr(served.generation.recommender, "partial_update", fail)
        with pytest.raises(StoppedError, match="no space left"):
            served.add(event(101)).result()
    with pytest.raises(StoppedError, match="until the service is started again"):
        served.add(event(102)).result()
    with pytest.raises(SwapError, match="until the service is started again"):
        served.reload()
    assert "no space left" in served.health().status
    assert recommended(served, 3)
    served.close()
    again = ServedModel(folder)
    again.start()
    assert again.health().status == "ok"
    assert again.generation.explain("100", "item 1").status == "seen"
    assert again.add(event(102)).result().number == again.health().n_updates
    again.close()


def test_one_process_serves_from_a_folder(folder, served):
    with pytest.raises(RuntimeError, match="Another process serves from"):
        ServedModel(folder).start()
    served.add(event(100)).result()


def test_without_a_folder_the_message_names_the_variable(monkeypatch):
    monkeypatch.delenv("SERVICE_FOLDER", raising=False)
    with pytest.raises(ValueError, match="Set SERVICE_FOLDER"):
        create_app()


def test_without_a_model_nothing_is_answered_or_kept(tmp_path):
    served = ServedModel(tmp_path / "new" / "shop")
    served.start()
    with pytest.raises(NoModelError, match=r"refit\.py"):
        served.add(event(1)).result()
    with pytest.raises(NoModelError):
        recommended(served, 1)
    assert served.health().status == "no model"
    served.close()
    assert logged(tmp_path / "new" / "shop") == []
