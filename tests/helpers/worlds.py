"""Logs and parameters that many tests share: worlds with a known answer, and models that are learnt in a blink."""

import numpy as np

from skautoseqrec.datasets import make_interactions

#: Nothing is held out, and no blend is fitted: most logs of the tests are too short for that.
FIXED = {
    "early_stopping": False,
    "blend": {"collaborative": 1.0, "one_hop": 1.0, "two_hop": 1.0, "direct": 1.0},
}
#: A model that is learnt in a blink.
SMALL = {"n_components": 4, "max_iter": 2, "device": "cpu", "random_state": 0, **FIXED}
#: One that learns something of the longer log, a validation and a blend included.
LEARNING = {"n_components": 8, "max_iter": 4, "device": "cpu", "random_state": 0}
#: In a world of certain steps the hops alone must find them.
CYCLE_PARAMS = {
    "n_components": 32,
    "exclude_seen": False,
    "max_iter": 300,
    "learning_rate": 0.01,
    "dropout": 0.0,
    "transition_window": 1,
    "context_size": 1,
    "blend": {"one_hop": 1.0},
    "early_stopping": False,
    "device": "cpu",
    "random_state": 0,
}

#: A log that can be followed with a finger, and what a recommender that knows it is told next.
TEA_LOG = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3), ("bob", "jam", 4), ("ann", "tea", 5)]
TEA_UPDATE = [("cid", "honey", 6), ("bob", "honey", 7)]
LOG = make_interactions(n_users=30, n_items=25, n_events=300, random_state=0)
#: Its newest tenth is enough to validate on.
LONG_LOG = make_interactions(n_users=120, n_items=30, n_events=1500, random_state=0)


def cycle(n_users=40, n_items=12, n_events=9, seed=0):
    """Make a world with a known answer: item i is always followed by i + 1."""
    start = np.random.default_rng(seed).integers(n_items, size=n_users)
    steps = np.arange(n_events)
    items = (start[:, None] + steps) % n_items
    return np.column_stack([np.repeat(np.arange(n_users), n_events), items.ravel(), np.tile(steps, n_users)])
