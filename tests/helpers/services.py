"""The service of examples/service as a process, its clients, and the model that it must equal."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the service needs fastapi")
pytest.importorskip("uvicorn", reason="the service needs uvicorn")
pytest.importorskip("httpx", reason="the clients need httpx")
pytest.importorskip("prometheus_client", reason="the service needs prometheus_client")

import httpx
import uvicorn
from app import create_app
from event_log import read_updates, rows_of
from model import tell

from skautoseqrec import AutoSeqRecRecommender, load_model

ROOT = Path(__file__).parents[2]
#: Users 0 to 19 have each taken 5 of 10 items.
HISTORY = [
    (user, f"item {(user + step * (1 + user % 3)) % 10}", 20 * step + user) for step in range(5) for user in range(20)
]
TITLES = "item_id,title\n" + "".join(f"item {item},Title {item}\n" for item in range(10))


def fit(rows=HISTORY):
    """Return a model that is fitted at once."""
    blend = {"direct": 1.0, "trend": (0.2,)}
    model = AutoSeqRecRecommender(
        objective="closed_form", blend=blend, trend_half_lives=(30,), linear_penalty=None, early_stopping=False
    )
    return model.fit(rows)


def put_refit(folder, n_known=0, model=None):
    """Save a refit that knows the event log up to a number, and return where."""
    path = folder / "refits" / f"{n_known}.safetensors"
    path.parent.mkdir(exist_ok=True, parents=True)
    (fit() if model is None else model).save_model(path)
    return path


def logged(folder):
    """Return the updates of the event log as rows."""
    return [rows_of(update) if isinstance(update, list) else [] for update in read_updates(folder / "events.jsonl")]


def twin_of(refit, folder):
    """Return the model that must serve after a refit was swapped in: it was told each later update, once."""
    twin = load_model(refit)
    for update in list(read_updates(folder / "events.jsonl"))[int(refit.stem) :]:
        tell(twin, update)
    return twin


def serve(folder, port):
    """Serve from a folder: what a forked process does."""
    uvicorn.run(create_app(folder), port=port, log_level="warning")


def start_command(folder, port):
    """Start the command of the README."""
    command = [sys.executable, "-m", "uvicorn", "--factory", "--app-dir", "examples/service", "app:create_app"]
    environment = os.environ | {"SERVICE_FOLDER": str(folder), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([*command, "--port", str(port), "--log-level", "warning"], cwd=ROOT, env=environment)


def start_forked(folder, port):
    """Fork a process that serves."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["torch", "scipy.optimize", "sklearn.utils.validation", "narwhals", "fastapi"])
    process = context.Process(target=serve, args=(folder, port))
    process.start()
    return process


class Service:
    """A process that serves from a folder, and a client of it.

    It is started by the command of the README or, in less time, forked from a process that has imported what is slow to
    import.
    """

    def __init__(self, folder, *, by_command=False):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.folder, self.url = folder, f"http://127.0.0.1:{port}"
        self.process = start_command(folder, port) if by_command else start_forked(folder, port)
        self.client = httpx.Client(base_url=self.url, timeout=30, trust_env=False)
        until = time.monotonic() + 60
        while not self._answers():
            assert self._exit_code() is None, f"the service ended with {self._exit_code()}"
            assert time.monotonic() < until, "the service did not start in 60 s"
            time.sleep(0.05)

    def _answers(self):
        try:
            return self.client.get("/health").status_code in (200, 503)
        except httpx.TransportError:
            return False

    def _exit_code(self):
        return self.process.poll() if isinstance(self.process, subprocess.Popen) else self.process.exitcode

    def _wait(self):
        wait = self.process.wait if isinstance(self.process, subprocess.Popen) else self.process.join
        wait(30)
        self.client.close()

    def get(self, path, **query):
        return self.client.get(path, params=query or None)

    def post(self, path, content=None):
        return self.client.post(path, json=content)

    def kill(self):
        """End it as kill -9 does, in the middle of whatever it does."""
        self.process.kill()
        self._wait()

    def stop(self):
        """End it as a supervisor does; uvicorn ends by the signal that it was sent."""
        self.process.terminate()
        self._wait()
        assert self._exit_code() in (0, -signal.SIGTERM)

    def has(self, user, item):
        """Tell whether an event is in the model that serves."""
        answer = self.get(f"/explain/{user}/{item}")
        return answer.status_code == 200 and answer.json()["status"] == "seen"


class Clients:
    """Threads that ask and tell without end, and what they were answered."""

    def __init__(self, service, n_readers, n_writers, first_user):
        self.acknowledged, self.statuses, self.cut_off = [], [], 0
        self._service, self._is_over = service, threading.Event()
        writers = [range(first_user + 10_000 * place, 10**9) for place in range(n_writers)]
        self._threads = [threading.Thread(target=self._run, args=(self._ask, range(10**9))) for _ in range(n_readers)]
        self._threads += [threading.Thread(target=self._run, args=(self._tell, users)) for users in writers]

    def _run(self, act, numbers):
        with httpx.Client(base_url=self._service.url, timeout=30, trust_env=False) as client:
            for number in numbers:
                if self._is_over.is_set():
                    return
                try:
                    self.statuses.append(act(client, number))
                except httpx.TransportError:  # the service was killed
                    self.cut_off += 1
                    return

    def _ask(self, client, number):
        paths = (f"/recommend/{number % 25}?titles=true", f"/explain/{number % 25}/item {number % 10}", "/health")
        return client.get(paths[number % len(paths)]).status_code

    def _tell(self, client, user):
        """Tell of a user who never was there, with an event or two."""
        items = [f"item {user % 10}", f"item {user % 7}"][: 1 + user % 2]
        events = [{"user": user, "item": item, "time": 10**6} for item in items]
        answer = client.post("/event", json=events if user % 3 else events[0])
        if answer.status_code == 200:
            told = events if user % 3 else events[:1]
            self.acknowledged.append((answer.json()["number"], [tuple(event.values()) for event in told]))
        return answer.status_code

    @contextmanager
    def running(self):
        """Have them ask and tell while the block runs."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            for thread in self._threads:
                thread.join()

    def wait_for(self, n_acknowledged):
        """Wait until so many updates more have been acknowledged."""
        wanted, until = len(self.acknowledged) + n_acknowledged, time.monotonic() + 30
        while len(self.acknowledged) < wanted:
            assert time.monotonic() < until, f"{len(self.acknowledged)} of {wanted} updates in 30 s"
            time.sleep(0.005)


def assert_serves(service, twin):
    """Compare all answers of a service with those of a model."""
    health = service.get("/health").json()
    assert (health["n_users"], health["n_items"]) == (len(twin.user_ids_), len(twin.item_ids_))
    users = [*range(20), *twin.user_ids_.tolist()[-20:]]
    for user in users:
        items = service.get(f"/recommend/{user}", k=10).json()["items"]
        (wanted,), (scores,) = twin.predict_topk([user], 10, output="list", return_scores=True)
        assert [place["item"] for place in items] == wanted
        np.testing.assert_allclose([place["score"] for place in items], scores, rtol=1e-4, atol=1e-5)
