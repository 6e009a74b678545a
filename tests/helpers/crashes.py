"""A child process that updates a journaled recommender until it is killed, and what must be there afterwards."""

import os
import signal
from multiprocessing import get_context
from time import sleep

import numpy as np
import torch

from skautoseqrec import load_model

#: What happens is foretold, so that the one who kills knows what the killed one was doing.
N_UPDATES = 100_000


def draw_update(number):
    """Return the events of an update, always the same ones: one or many, some of new users and items."""
    rng = np.random.default_rng(number)
    size = 1 if number % 5 else int(rng.integers(2, 60))
    users, items = rng.integers(0, 50 + number // 3, size), rng.integers(0, 10 + number // 20, size)
    return [(f"user {user}", f"item {item}", number) for user, item in zip(users.tolist(), items.tolist(), strict=True)]


def draw_pair(number):
    """Return what is disliked after an update, always the same: a user and an item that may be known by then."""
    return f"user {number}", f"item {number % 50}"


def count_updates(recommender, n_before):
    """Return how many updates a recommender has, all of them whole, from how many events there are."""
    n_events, number = len(recommender._serving.state.events) - n_before, 0
    while n_events > 0:
        n_events -= len(draw_update(number))
        number += 1
    assert n_events == 0, "half of an update is there"
    return number


def keep_updating(path, journal, first, pipe):
    """Load a recommender, update it and now and then save it or load it again, telling of each update that is done."""
    torch.set_num_threads(1)
    recommender = load_model(path, journal=journal)
    for number in range(first, N_UPDATES):
        recommender.partial_update(draw_update(number)).dislike([draw_pair(number)])
        pipe.send(number + 1)
        if number % 4 == 3:
            recommender.save_model(path, journal=journal)
        if number % 11 == 10:
            recommender.close_journal()
            recommender = load_model(path, journal=journal)


def survive_kills(recommender, folder, n_kills, rng):
    """Kill a process that updates a recommender again and again, and return how many updates there were.

    After each kill, the recommender is loaded from its file and its journal, and has to be the one that was given
    exactly the updates that the killed process had told of, and at most one more.
    """
    path, journal = folder / "model.safetensors", folder / "model.journal"
    recommender.save_model(path, journal=journal)
    recommender.close_journal()
    n_before, n_done = len(recommender._serving.state.events), 0
    # Forked from a process that has imported what is slow to import and has no threads.
    context = get_context("forkserver")
    context.set_forkserver_preload(["torch", "scipy.optimize", "sklearn.utils.validation", "narwhals"])
    for _ in range(n_kills):
        receiver, sender = context.Pipe(duplex=False)
        child = context.Process(target=keep_updating, args=(path, journal, n_done, sender))
        child.start()
        sender.close()
        if receiver.poll(60):
            sleep(rng.uniform(0, 0.08))
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        told = n_done
        try:
            while True:
                told = receiver.recv()
        except EOFError:
            receiver.close()
        loaded = load_model(path, journal=journal)
        loaded.close_journal()
        found = count_updates(loaded, n_before)
        assert told <= found <= told + 1, f"{told} updates were told of, {found} are there"
        for number in range(n_done, found):
            recommender.partial_update(draw_update(number))
            # A crash may come between the two calls, but takes back nothing that was told of.
            if number < told or list(draw_pair(number)) in loaded.dislikes_.tolist():
                recommender.dislike([draw_pair(number)])
        assert_same_state(loaded, recommender)
        n_done = found
    return n_done


def assert_same_state(actual, expected):
    """Raise AssertionError unless two recommenders know the same."""
    first, second = actual._serving.state, expected._serving.state
    assert first.user_vocabulary.ids().tolist() == second.user_vocabulary.ids().tolist()
    assert first.item_vocabulary.ids().tolist() == second.item_vocabulary.ids().tolist()
    assert len(first.events) == len(second.events)
    pairs = zip(*(state.events.between(0, len(state.events)) for state in (first, second)), strict=True)
    for one, other in pairs:
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(first.events.times, second.events.times)
    assert actual.dislikes_.tolist() == expected.dislikes_.tolist()
    assert (first.merged().counts.transitions != second.merged().counts.transitions).nnz == 0
    users = expected.user_ids_[-20:]
    scores = [model.predict_topk(users, k=5, return_scores=True)[1] for model in (actual, expected)]
    np.testing.assert_allclose(np.ma.filled(scores[0], 0), np.ma.filled(scores[1], 0), rtol=1e-4, atol=1e-5)
