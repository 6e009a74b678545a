"""The routes of the service.

Run it with ``SERVICE_FOLDER=shop uvicorn --factory --app-dir examples/service app:create_app``.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

from answers import RefusedError, UnknownItemError
from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from model import NoModelError, ServedModel, StoppedError, SwapError
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, Histogram, generate_latest
from schemas import LONGEST_LIST, Accepted, Dislike, Events, Explanation, Health, Recommendations, Swapped

#: Seconds after which a client may ask again.
RETRY_AFTER = {"Retry-After": "5"}


def create_app(folder: str | os.PathLike[str] | None = None) -> FastAPI:
    """Return the application that serves the model in a folder; by default that of ``SERVICE_FOLDER``."""
    folder = folder or os.environ.get("SERVICE_FOLDER")
    if folder is None:
        raise ValueError("Which folder to serve from? Set SERVICE_FOLDER.")
    served = ServedModel(Path(folder))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        served.start()
        yield
        served.close()

    app = FastAPI(title="Recommendations that learn while they are served", lifespan=lifespan)
    add_reads(app, served)
    add_writes(app, served)
    add_metrics(app, served)
    add_errors(app)
    return app


def add_reads(app: FastAPI, served: ServedModel) -> None:
    """Add what only reads: FastAPI runs plain functions in a pool of threads, none of which waits for the writer."""

    @app.get("/recommend/{user}", response_model_exclude_none=True)
    def recommend(
        user: str,
        k: Annotated[int, Query(ge=1, le=LONGEST_LIST)] = 10,
        exclude_seen: bool | None = None,
        titles: bool = False,
    ) -> Recommendations:
        """Return the next items of a user, best first; somebody unknown gets what is popular."""
        return served.generation.recommend(user, k, exclude_seen, titles)

    @app.get("/explain/{user}/{item}")
    def explain(user: str, item: str) -> Explanation:
        """Return why an item stands where it does for a user."""
        return served.generation.explain(user, item)

    @app.get("/health")
    def health(response: Response) -> Health:
        """Return what serves: 503 while nothing does, or once events are refused."""
        answer = served.health()
        if answer.status != "ok":
            response.status_code = 503
            response.headers.update(RETRY_AFTER)
        return answer


def add_writes(app: FastAPI, served: ServedModel) -> None:
    """Add what changes the model; no thread of the pool waits for the writer, so that answers never do."""

    @app.post("/event")
    async def add_events(events: Events) -> Accepted:
        """Let one event or a list of events in, as a whole or not at all; they are on the disk when this answers."""
        return await asyncio.wrap_future(served.add(events))

    @app.post("/dislike")
    async def dislike(pair: Dislike) -> Accepted:
        """Never recommend an item to somebody again, or withdraw that; it is on the disk when this answers."""
        return await asyncio.wrap_future(served.add(pair))

    @app.post("/reload")
    def reload() -> Swapped:
        """Swap the newest refit in; answers once it serves."""
        return served.reload()


def add_metrics(app: FastAPI, served: ServedModel) -> None:
    """Count requests and their seconds, and show them and the model's numbers to Prometheus."""
    registry = CollectorRegistry()
    labels = ["method", "route", "status"]
    seconds = Histogram("http_request_seconds", "Seconds until an answer, by route.", labels, registry=registry)
    numbers = {
        "generation": "How many refits were swapped in.",
        "n_updates": "Updates in the event log.",
        "n_users": "Known users.",
        "n_items": "Known items.",
    }
    for name, meaning in numbers.items():
        gauge = Gauge(f"recommender_{name}", meaning, registry=registry)
        gauge.set_function(partial(served.number, name))

    @app.middleware("http")
    async def measure(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        start = time.perf_counter()
        response = await call_next(request)
        route = getattr(request.scope.get("route"), "path", "none")  # not the path: there are as many as users
        seconds.labels(request.method, route, response.status_code).observe(time.perf_counter() - start)
        return response

    @app.get("/metrics")
    def metrics() -> Response:
        """Return the counts in Prometheus' text format."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def add_errors(app: FastAPI) -> None:
    """Have every error that a request or the state of the service explains answered in words."""
    statuses: dict[type[Exception], int] = {
        RefusedError: 422,
        UnknownItemError: 404,
        SwapError: 409,
        NoModelError: 503,
        StoppedError: 503,
    }

    async def answer(request: Request, error: Exception) -> Response:
        status = statuses[type(error)]
        return JSONResponse({"detail": str(error)}, status, RETRY_AFTER if status == 503 else None)

    for kind in statuses:
        app.add_exception_handler(kind, answer)

    @app.exception_handler(RequestValidationError)
    async def refuse(request: Request, error: RequestValidationError) -> Response:
        # Without the input itself, and in ASCII: JSON cannot say NaN, nor UTF-8 half a character.
        detail = [{name: one[name] for name in ("loc", "msg", "type")} for one in error.errors()]
        return Response(json.dumps({"detail": detail}), 422, media_type="application/json")
