"""How updates and answers behave as a log grows: synthetic logs in which few users and few items have many events.

For each size: events a second in calls of 1, 1,000 and 10,000 events, the slowest call, one answer between calls, and
a call that answers many users before all and after each kind. Half of the events are of users and items drawn by a
power law, half of any. Times are CPU seconds of one thread. Merges of the overlay into its base are among what is
timed; how many were done is printed.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Iterator
from time import process_time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from skautoseqrec import AutoSeqRecRecommender

#: As many events are kept back for the updates that are timed.
N_UPDATED = 200_000
EVENTS_PER_USER, EVENTS_PER_ITEM = 10, 15
#: Users that are answered in one call.
N_ANSWERED = 1024
HEADER = "{:>10} {:>9} {:>9}  {:<14}{:>11}{:>11}{:>11}{:>11}{:>11}{:>9}"
LINE = "{:>10,} {:>9,} {:>9,}  {:<14}{:>11,.0f}{:>11,.0f}{:>11,.1f}{:>11,.1f}{:>11,.1f}{:>9}"


def power_law(n_events: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Return a log of users, items and rising times."""
    n_users, n_items = n_events // EVENTS_PER_USER, n_events // EVENTS_PER_ITEM
    columns = []
    for size in (n_users, n_items):
        skewed = np.minimum(random.zipf(1.3, n_events), size) - 1
        columns.append(np.where(random.random(n_events) < 0.5, skewed, random.integers(0, size, n_events)))
    return np.column_stack([*columns, np.arange(n_events)])


def fitted(log: NDArray[np.int64], n_components: int) -> AutoSeqRecRecommender:
    """Return a recommender whose parts all weigh something; with 0 components it has no network."""
    blend: dict[str, Any] = {"direct": 1.0, "neighbours": 1.0, "trend": (1.0,) * 4}
    network: dict[str, Any] = {"objective": "closed_form"}
    if n_components:
        blend |= {"collaborative": 1.0, "one_hop": 1.0, "two_hop": 1.0}
        network = {"n_components": n_components, "max_iter": 1, "n_negatives": 256}
    return AutoSeqRecRecommender(
        **network, linear_penalty=None, blend=blend, early_stopping=False, exclude_seen=False, random_state=0, verbose=0
    ).fit(log)


def time_updates(
    recommender: AutoSeqRecRecommender, log: NDArray[np.int64], size: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Return the seconds of each update of a size, of answers between them, and how many updates merged."""
    updates, answers, n_merges = [], [], 0
    state = recommender._serving.state
    for row, start in enumerate(range(0, len(log) - size + 1, size)):
        base, started = state.snapshot.base, process_time()
        recommender.partial_update(log[start : start + size])
        updates.append(process_time() - started)
        n_merges += state.snapshot.base is not base
        if size > 1 or row % 100 == 0:
            started = process_time()
            recommender.predict_topk(log[start : start + 1, 0])
            answers.append(process_time() - started)
    return np.array(updates), np.array(answers), n_merges


def time_many_answers(recommender: AutoSeqRecRecommender) -> float:
    """Return the seconds of a call that answers many users, the least of three."""
    users, seconds = np.random.default_rng(0).choice(recommender.user_ids_, N_ANSWERED), []
    for _ in range(3):
        started = process_time()
        recommender.predict_topk(users)
        seconds.append(process_time() - started)
    return min(seconds)


def lines(n_events: int, n_components: int) -> Iterator[str]:
    """Yield a line for no call at all, and one for each size of call."""
    log = power_law(n_events + 1 + N_UPDATED, np.random.default_rng(0))
    recommender = fitted(log[:n_events], n_components)
    # The first answer and the first update import modules, and make what is kept from then on.
    recommender.partial_update(log[n_events : n_events + 1]).predict_topk(log[:1, 0])
    rest = log[n_events + 1 :]
    sizes = n_events, len(recommender.user_ids_), len(recommender.item_ids_)
    many = time_many_answers(recommender)
    yield HEADER.format(*(f"{size:,}" for size in sizes), "none", *"----", f"{many * 1e3:,.1f}", 0)
    gc.collect()
    gc.freeze()  # Python's collector looks through all modules now and then, which is no part of an update
    calls = {"1 event": (1, rest[:100_000]), "1,000": (1000, rest[100_000:120_000]), "10,000": (10_000, rest[120_000:])}
    for name, (size, events) in calls.items():
        updates, answers, n_merges = time_updates(recommender, events, size)
        yield LINE.format(
            n_events,
            len(recommender.user_ids_),
            len(recommender.item_ids_),
            name,
            len(updates) * size / updates.sum(),
            np.median(updates) * 1e6,
            updates.max() * 1e3,
            np.median(answers) * 1e3,
            time_many_answers(recommender) * 1e3,
            n_merges,
        )


def main() -> None:
    """Read the arguments and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, nargs="+", default=[500_000, 2_000_000])
    parser.add_argument("--components", type=int, default=0, help="of the network; 0 for closed_form")
    options = parser.parse_args()
    torch.set_num_threads(1)
    columns = ("events", "users", "items", "in one call", "events/s", "median us", "max ms", "answer ms")
    print(HEADER.format(*columns, f"{N_ANSWERED:,} ms", "merges"))
    for n_events in options.events:
        for line in lines(n_events, options.components):
            print(line, flush=True)


if __name__ == "__main__":
    main()
