"""Readers beside a writer, whose every answer must be one that was current while it was computed."""

import pickle
import sys
import threading
import warnings
from collections import Counter
from contextlib import contextmanager
from time import perf_counter

import numpy as np
import torch

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._state import state
from skautoseqrec.reranking import MaximalMarginalRelevance

N_USERS, N_ITEMS = 12, 30
#: Scores of one state differ by so much at most, whatever path was taken to them.
TOLERANCE = 1e-4


@contextmanager
def switching_often(smallest_merge):
    """Switch threads hundreds of times as often as usual, merge often, and put all that back."""
    interval, n_threads, merge = sys.getswitchinterval(), torch.get_num_threads(), state.SMALLEST_MERGE
    sys.setswitchinterval(1e-5)
    torch.set_num_threads(1)
    state.SMALLEST_MERGE = smallest_merge
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        torch.set_num_threads(n_threads)
        state.SMALLEST_MERGE = merge


class World:
    """A fitted recommender, what it is to be told, and its answers after each of the updates.

    Parameters
    ----------
    seed : int
        Of logs and weights.
    n_updates : int
        How many updates; most of one event, some of many, all with new users and items among them.
    """

    def __init__(self, seed, n_updates):
        random = np.random.default_rng(seed)
        self.log = self._draw(random, 150, 0)
        self.updates = [self._draw(random, random.choice([1, 1, 1, 2, 15]), n) for n in range(1, n_updates + 1)]
        self.future = self._draw(random, 12, n_updates + 1)
        blend = {"collaborative": 1.0, "one_hop": 0.5, "two_hop": 0.5, "direct": 1.0, "trend": (1.0,)}
        recommender = AutoSeqRecRecommender(
            n_components=4,
            max_iter=2,
            early_stopping=False,
            blend=blend,
            trend_half_lives=(10.0,),
            exclude_seen=False,
            random_state=seed,
        ).fit(self.log)
        self._pickle = pickle.dumps(recommender)
        twin = self.recommender()
        self.answers = {ask: [ask(twin, self)] for ask in ASKS}
        for update in self.updates:
            twin.partial_update(update)
            for ask, answers in self.answers.items():
                answers.append(ask(twin, self))

    def recommender(self):
        """Return the recommender as it was fitted."""
        return pickle.loads(self._pickle)

    @staticmethod
    def _draw(random, n_events, time):
        users = random.integers(0, N_USERS + time // 5, n_events).tolist()
        items = random.integers(0, N_ITEMS + time // 5, n_events).tolist()
        return [(f"user {user}", f"item {item}", time) for user, item in zip(users, items, strict=True)]


def best_of_all(recommender, world):
    return recommender.predict_topk([f"user {user}" for user in range(N_USERS + 3)], k=8, return_scores=True)


def best_of_one(recommender, world):
    return recommender.predict_topk([world.updates[-1][0][0]], k=5, return_scores=True)


def walked(recommender, world):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that many items of the future are not known yet
        return None, recommender.score_samples(world.future)


def most_like(recommender, world):
    return recommender.similar_items([item for _, item, _ in world.log[:4]], k=3, return_scores=True)


def embedded(recommender, world):
    return None, recommender.item_embeddings()


def biased(recommender, world):
    return None, recommender.item_biases()


def wanted_by(recommender, world):
    return recommender.predict_users([item for _, item, _ in world.log[:4]], k=8, return_scores=True)


def alike(recommender, world):
    return recommender.similar_users([user for user, _, _ in world.log[:4]], k=5, return_scores=True)


def spread(recommender, world):
    return None, recommender.predict_topk(
        ["user 1", "user 2"], k=3, rerank=MaximalMarginalRelevance(), return_scores=True
    )[1]


def explained(recommender, world):
    items = [item for _, item, _ in world.log[:2]]
    return None, recommender.explain(["user 1", "user 2"], items).scores


ASKS = [best_of_all, best_of_one, walked, most_like, embedded, biased, wanted_by, alike, spread, explained]


def is_same(answer, other):
    """Tell whether two answers say the same: scores to a tolerance, ids wherever scores tell them apart."""
    (ids, scores), (other_ids, other_scores) = answer, other
    if scores.shape != other_scores.shape or not np.allclose(scores, other_scores, rtol=TOLERANCE, atol=TOLERANCE):
        return False
    if ids is None:
        return True
    gaps = np.abs(np.diff(scores, axis=1)) > 10 * TOLERANCE
    border = np.zeros((len(scores), 1), dtype=bool)
    apart = np.hstack([~border, gaps]) & np.hstack([gaps, border])
    return bool((ids == other_ids)[apart].all())


class Clock:
    """How many updates have begun and how many have ended; one thread writes, all may read."""

    begun = 0
    ended = 0


def read_beside_writer(world, n_readers, counted, failures):
    """Run the updates of a world once while readers ask; count answers and updates, note what was never current."""
    recommender, clock = world.recommender(), Clock()
    is_over = threading.Event()

    def read(asks):
        is_last = False
        while not is_last:
            is_last = is_over.is_set()  # looked up before a round, so that each reader has one
            for ask in asks:
                first = clock.ended
                try:
                    answer = ask(recommender, world)
                except Exception as error:
                    failures.append(f"{ask.__name__} after {first} updates raised {error!r}")
                    continue
                last = clock.begun
                counted["answers"] += 1
                counted["answers during updates"] += last > first
                if not any(is_same(answer, legal) for legal in world.answers[ask][first : last + 1]):
                    failures.append(f"{ask.__name__} gave what was not current between updates {first} and {last}")

    def write():
        try:
            for update in world.updates:
                clock.begun += 1
                recommender.partial_update(update)
                clock.ended += 1
                counted["updates"] += 1
        except Exception as error:
            failures.append(f"update {clock.begun} raised {error!r}")
        finally:
            is_over.set()

    turns = [n % len(ASKS) for n in range(n_readers)]
    threads = [threading.Thread(target=read, args=(ASKS[turn:] + ASKS[:turn],)) for turn in turns]
    threads.append(threading.Thread(target=write))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for ask, answers in world.answers.items():
        if not is_same(ask(recommender, world), answers[-1]):
            failures.append(f"{ask.__name__} is wrong after all updates")


def stress(seconds, n_readers, seed=0, n_updates=60):
    """Let readers ask beside a writer for some time, in one world after the other; returns counts and failures."""
    counted, failures, spent = Counter(), [], 0.0
    with switching_often(smallest_merge=8):
        while spent < seconds:
            world = World(seed, n_updates)
            for _ in range(3):
                if spent < seconds:
                    start = perf_counter()
                    read_beside_writer(world, n_readers, counted, failures)
                    spent += perf_counter() - start
            seed += 1
    return counted, failures
