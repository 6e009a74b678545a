"""Ask a running service from many clients at once, and print percentiles of its latency.

``python load.py http://127.0.0.1:8000 --readers 8 --writers 2 --seconds 10``; its events stay in the model.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx
import numpy as np

from skautoseqrec.datasets import load_movie_tweetings

PERCENTILES = (50, 90, 99)


@dataclass
class Timings:
    """Milliseconds of each answer, and how often each status came."""

    milliseconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def row(self, name: str, seconds: float) -> str:
        """Return a line of the table."""
        percentiles = np.percentile(self.milliseconds, PERCENTILES)
        rate = len(self.milliseconds) / seconds
        times = "".join(f"{value:>10.1f}" for value in percentiles)
        return f"{name:<12}{rate:>10.1f}{times}   {dict(self.statuses)}"


async def ask(client: httpx.AsyncClient, until: float, timings: Timings, users: list[int], items: list[str]) -> None:
    """Ask for recommendations until it is time."""
    while time.perf_counter() < until:
        await timed(client, timings, "GET", f"/recommend/{random.choice(users)}")


async def tell(client: httpx.AsyncClient, until: float, timings: Timings, users: list[int], items: list[str]) -> None:
    """Tell of one event after the other until it is time."""
    while time.perf_counter() < until:
        event = {"user": random.choice(users), "item": random.choice(items), "time": int(time.time())}
        await timed(client, timings, "POST", "/event", json=event)


async def timed(client: httpx.AsyncClient, timings: Timings, method: str, path: str, **content: object) -> None:
    """Send one request and keep its milliseconds and status."""
    start = time.perf_counter()
    response = await client.request(method, path, **content)  # type: ignore[arg-type]
    timings.milliseconds.append((time.perf_counter() - start) * 1e3)
    timings.statuses[response.status_code] += 1


async def run(url: str, n_readers: int, n_writers: int, seconds: float) -> dict[str, Timings]:
    """Return the timings of readers and writers, each with one request at a time."""
    log = load_movie_tweetings().log
    users, items = (np.unique(np.asarray(log[name])).tolist() for name in ("user_id", "item_id"))
    timings = {"recommend": Timings(), "event": Timings()}
    until = time.perf_counter() + seconds
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=httpx.Limits(max_connections=None)) as client:
        readers = [ask(client, until, timings["recommend"], users, items) for _ in range(n_readers)]
        writers = [tell(client, until, timings["event"], users, items) for _ in range(n_writers)]
        await asyncio.gather(*readers, *writers)
    return timings


def main() -> None:
    """Run the clients and print the table."""
    parser = argparse.ArgumentParser(description="Measure the latency of a running service.")
    parser.add_argument("url", help="of the service")
    parser.add_argument("--readers", type=int, default=8, help="clients that ask (default 8)")
    parser.add_argument("--writers", type=int, default=2, help="clients that tell of events (default 2)")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long (default 10)")
    options = parser.parse_args()
    timings = asyncio.run(run(options.url, options.readers, options.writers, options.seconds))
    print(f"{'route':<12}{'per s':>10}" + "".join(f"{f'p{percent} ms':>10}" for percent in PERCENTILES) + "   statuses")
    for name, one in timings.items():
        if one.milliseconds:
            print(one.row(name, options.seconds))


if __name__ == "__main__":
    main()
