"""The service as its clients see it, over loopback: many at once, bad input, and a swap that nobody notices."""

import asyncio
import threading

import pytest

pytest.importorskip("fastapi", reason="the service needs fastapi")
pytest.importorskip("uvicorn", reason="the service needs uvicorn")
pytest.importorskip("httpx", reason="the clients need httpx")
pytest.importorskip("prometheus_client", reason="the service needs prometheus_client")

import load
import refit
from services import HISTORY, TITLES, Clients, Service, assert_serves, logged, put_refit, twin_of


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service") / "shop"
    put_refit(folder)
    (folder / "titles.csv").write_text(TITLES)
    service = Service(folder, by_command=True)
    yield service
    service.stop()


def count_updates(service):
    return service.get("/health").json()["n_updates"]


def test_answers_are_those_of_the_model(service):
    assert_serves(service, twin_of(service.folder / "refits" / "0.safetensors", service.folder))
    item = service.get("/recommend/3", k=1, titles=True).json()["items"][0]
    assert item["title"] == item["item"].replace("item", "Title")
    assert "title" not in service.get("/recommend/3", k=1).json()["items"][0]
    explained = service.get(f"/explain/3/{item['item']}").json()
    assert (explained["status"], explained["rank"]) == ("candidate", 1)
    assert explained["score"] == pytest.approx(item["score"], rel=1e-5)
    assert sum(explained["parts"].values()) == pytest.approx(explained["score"], rel=1e-5)
    assert "Title" in explained["sentence"]


def test_an_event_counts_at_once(service):
    (best,) = service.get("/recommend/7", k=1).json()["items"]
    n_updates = count_updates(service)
    answer = service.post("/event", {"user": 7, "item": best["item"], "time": 500})
    assert answer.json() == {"number": n_updates + 1, "n_events": 1}
    assert service.get("/recommend/7", k=1).json()["items"][0]["item"] != best["item"]
    assert best["item"] in {
        place["item"] for place in service.get("/recommend/7", k=20, exclude_seen=False).json()["items"]
    }
    assert service.get(f"/explain/7/{best['item']}").json()["rank"] is None


def test_what_somebody_dislikes_is_never_recommended_until_that_is_withdrawn(service):
    best = service.get("/recommend/11", k=1).json()["items"][0]["item"]
    n_updates = count_updates(service)
    for withdraw, status in ((False, "disliked"), (True, "candidate")):
        answer = service.post("/dislike", {"user": 11, "item": best, "withdraw": withdraw})
        n_updates += 1
        assert answer.json() == {"number": n_updates, "n_events": 0}
        assert service.get(f"/explain/11/{best}").json()["status"] == status
    service.post("/dislike", {"user": 11, "item": best})
    items = service.get("/recommend/11", k=20, exclude_seen=False).json()["items"]
    assert best not in {place["item"] for place in items}
    assert_serves(service, twin_of(service.folder / "refits" / "0.safetensors", service.folder))


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"user": 1},
        {"user": "ann", "item": "item 1"},
        {"user": 1, "item": 2},
        {"user": 1, "item": "item 1", "withdraw": "yes"},
        {"user": 1, "item": "item 1", "time": 3},
    ],
    ids=str,
)
def test_dislikes_that_cannot_be_are_refused_and_change_nothing(service, body):
    n_updates = count_updates(service)
    assert service.post("/dislike", body).status_code == 422
    assert count_updates(service) == n_updates


def test_many_readers_and_writers_get_no_error_and_lose_nothing(service):
    clients = Clients(service, n_readers=5, n_writers=3, first_user=100_000)
    with clients.running():
        clients.wait_for(60)
    assert set(clients.statuses) == {200}
    assert clients.cut_off == 0
    updates = logged(service.folder)
    assert all(updates[number - 1] == rows for number, rows in clients.acknowledged)
    assert all(service.has(user, item) for _, rows in clients.acknowledged for user, item, _ in rows)
    assert_serves(service, twin_of(service.folder / "refits" / "0.safetensors", service.folder))
    metrics = service.get("/metrics").text
    assert f"recommender_n_updates {len(updates)}.0" in metrics
    assert 'http_request_seconds_count{method="GET",route="/recommend/{user}",status="200"}' in metrics


GOOD = '{"user": 1, "item": "item 1", "time": 5}'


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        "null",
        "3",
        '"text"',
        "[[]]",
        f"[{GOOD}, 3]",
        '{"user": 1}',
        '{"user": "ann", "item": "item 1", "time": 5}',
        '{"user": 1, "item": 3, "time": 5}',
        '{"user": 1.5, "item": "item 1", "time": 5}',
        '{"user": true, "item": "item 1", "time": 5}',
        '{"user": null, "item": "item 1", "time": 5}',
        '{"user": 1, "item": ["item 1"], "time": 5}',
        '{"user": 99999999999999999999, "item": "item 1", "time": 5}',
        '{"user": 1, "item": "\\ud800", "time": 5}',
        '{"user": 1, "item": "item 1", "\\ud800": 5}',
        '{"user": 1, "item": "item 1", "when": 5}',
        '{"user": 1, "item": "item 1", "time": "5"}',
        '{"user": 1, "item": "item 1", "time": "yesterday"}',
        '{"user": 1, "item": "item 1", "time": "2024-05-01T12:00:00Z"}',
        '{"user": 1, "item": "item 1", "time": true}',
        '{"user": 1, "item": "item 1", "time": NaN}',
        '{"user": 1, "item": "item 1", "time": -Infinity}',
        '{"user": 1, "item": "item 1", "time": 1e999}',
        '{"user": 1, "item": "item 1", "time": 99999999999999999999}',
        '{"user": 1, "item": "item 1", "time": {}}',
        f'[{GOOD}, {{"user": 1, "item": "item 1"}}]',
        f'[{GOOD}, {{"user": 1, "item": 3, "time": 5}}]',
        f'[{GOOD}, {{"user": 1, "item": "item 1", "time": "2024-05-01"}}]',
        "[" + ", ".join([GOOD] * 10_001) + "]",
    ],
    ids=lambda body: body[:60],
)
def test_events_that_cannot_be_are_refused_and_change_nothing(service, body):
    before = service.get("/health").json()
    answer = service.client.post("/event", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["detail"]
    assert service.get("/health").json() == before
    assert len(logged(service.folder)) == before["n_updates"]


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b'{"user": ' + b"9" * 5000 + b"}"], ids=range(4))
def test_what_is_no_json_is_the_clients_fault(service, body):
    n_updates = count_updates(service)
    answer = service.client.post("/event", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert count_updates(service) == n_updates


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/recommend/1?k=0", 422),
        ("/recommend/1?k=-1", 422),
        ("/recommend/1?k=1001", 422),
        ("/recommend/1?k=2.5", 422),
        ("/recommend/1?k=", 422),
        ("/recommend/1?exclude_seen=maybe", 422),
        ("/recommend/1?titles=2", 422),
        ("/recommend/ann", 422),
        ("/recommend/1_0", 422),
        ("/recommend/%FF", 422),
        ("/recommend/9999999999999999999", 422),
        (f"/recommend/{'9' * 5000}", 422),
        ("/explain/ann/item 1", 422),
        ("/explain/1/no item", 404),
        ("/explain/1/%FF%00", 404),
        ("/recommend", 404),
        ("/event", 405),
    ],
    ids=lambda value: str(value)[:30],
)
def test_questions_that_cannot_be_are_refused(service, path, status):
    answer = service.get(path)
    assert answer.status_code == status
    assert answer.json()["detail"]


def test_a_long_list_ends_where_the_items_do(service):
    items = service.get("/recommend/123456789", k=1000).json()["items"]
    assert len(items) == service.get("/health").json()["n_items"]


@pytest.mark.filterwarnings("ignore:The newest 10%")  # the history is short
def test_a_swap_under_load_loses_and_doubles_nothing(service, monkeypatch):
    monkeypatch.setattr(refit, "load_history", lambda folder: HISTORY)
    generation = service.get("/health").json()["generation"]
    service.post("/dislike", {"user": 12, "item": "item 1"})
    clients = Clients(service, n_readers=2, n_writers=3, first_user=300_000)
    with clients.running():
        clients.wait_for(10)
        path = refit.refit(service.folder)
        clients.wait_for(10)
        swapped = service.post("/reload").json()
        clients.wait_for(10)
    assert set(clients.statuses) == {200}
    assert swapped["generation"] == generation + 1
    assert swapped["n_known"] == int(path.stem) > 10
    assert swapped["n_replayed"] >= 10
    assert service.get("/explain/12/item 1").json()["status"] == "disliked"
    updates = logged(service.folder)
    assert all(updates[number - 1] == rows for number, rows in clients.acknowledged)
    assert_serves(service, twin_of(path, service.folder))
    folders = [place.name for place in service.folder.glob("generation-*")]
    assert folders == [f"generation-{swapped['generation']}"]


def test_of_two_reloads_at_once_one_is_told_to_wait(service):
    statuses, ready = [], threading.Barrier(4)

    def reload():
        ready.wait()
        statuses.append(service.post("/reload").status_code)

    threads = [threading.Thread(target=reload) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 200 in statuses
    assert set(statuses) <= {200, 409}
    assert service.get("/health").json()["status"] == "ok"


def test_the_load_script_measures_both_kinds_of_request(service):
    n_updates = count_updates(service)
    timings = asyncio.run(load.run(service.url, n_readers=2, n_writers=1, seconds=0.5))
    assert set(timings["recommend"].statuses) == set(timings["event"].statuses) == {200}
    assert count_updates(service) == n_updates + timings["event"].statuses[200]
    assert "{200: " in timings["event"].row("event", 0.5)
