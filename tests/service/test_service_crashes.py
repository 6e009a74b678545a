"""The service without a model, and after kill -9: whatever was acknowledged is there."""

import pytest

pytest.importorskip("fastapi", reason="the service needs fastapi")
pytest.importorskip("uvicorn", reason="the service needs uvicorn")
pytest.importorskip("httpx", reason="the clients need httpx")
pytest.importorskip("prometheus_client", reason="the service needs prometheus_client")

from services import Clients, Service, logged, put_refit


def assert_has_no_model(service):
    event = {"user": 1, "item": "item 1", "time": 5}
    answers = [service.get("/recommend/1"), service.get("/explain/1/2"), service.post("/event", event)]
    for answer in [*answers, service.get("/health")]:
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
    assert service.get("/metrics").status_code == 200
    assert service.get("/recommend/1", k=0).status_code == 422
    assert service.post("/reload").status_code == 409
    assert logged(service.folder) == []


def test_from_no_model_to_one_that_kill_9_takes_nothing_from(tmp_path):
    service = Service(tmp_path / "shop")
    acknowledged = []
    try:
        assert_has_no_model(service)
        put_refit(service.folder)
        assert service.post("/reload").json() == {"generation": 1, "n_known": 0, "n_replayed": 0}
        for first_user in (100_000, 200_000):
            clients = Clients(service, n_readers=1, n_writers=3, first_user=first_user)
            with clients.running():
                clients.wait_for(25)
                service.kill()
            assert clients.cut_off == 4
            assert set(clients.statuses) == {200}
            acknowledged += clients.acknowledged
            service = Service(service.folder)
            updates = logged(service.folder)
            assert all(updates[number - 1] == rows for number, rows in acknowledged)
            assert all(service.has(user, item) for _, rows in acknowledged for user, item, _ in rows)
            # One update may be there that was not acknowledged yet, for each client at most.
            assert len(acknowledged) <= len(updates) <= len(acknowledged) + 6
    finally:
        service.kill()
