"""A synthetic shop: views that follow fashion, and purchases that follow a law of their own."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from .._data.interactions import Interactions


def make_shop_log(
    n_users: int = 200,
    n_items: int = 60,
    n_purchases: int = 8,
    n_views: int = 4,
    *,
    noise: float = 0.2,
    random_state: Any = None,
) -> Interactions:
    """Make a synthetic log of views and purchases, which follow different laws.

    The items stand in a hidden circle. A user's next purchase is the item behind the last one in the circle, and any
    item with probability ``noise``. Before each purchase the user looks at some items, drawn by a power law that says
    nothing of what is bought. So purchases say what is bought next, and views hide it.

    Parameters
    ----------
    n_users : int, default=200
        Number of users; at least 1.
    n_items : int, default=60
        Number of items; at least 2.
    n_purchases : int, default=8
        Number of purchases of each user; at least 1.
    n_views : int, default=4
        Number of views before each purchase; at least 0.
    noise : float, default=0.2
        Probability that a purchase is any item; in [0, 1].
    random_state : int, RandomState instance or None, default=None
        Seed of the circle and of what users do.

    Returns
    -------
    log : Interactions
        Events in time order; ``log.events`` is "view" or "buy".

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> from skautoseqrec.datasets import make_shop_log
    >>> log = make_shop_log(n_users=2, n_items=5, n_purchases=1, n_views=1, random_state=0)
    >>> sorted(log.events)
    ['buy', 'buy', 'view', 'view']
    """
    for name, number, least in (
        ("n_users", n_users, 1),
        ("n_items", n_items, 2),
        ("n_purchases", n_purchases, 1),
        ("n_views", n_views, 0),
    ):
        if not isinstance(number, Integral) or number < least:
            raise ValueError(f"{name} must be a whole number of at least {least}, not {number!r}.")
    if not 0 <= noise <= 1:
        raise ValueError(f"noise must be in [0, 1], not {noise!r}.")
    rng = check_random_state(random_state)
    circle = rng.permutation(n_items)
    behind = np.empty(n_items, dtype=np.int64)
    behind[circle] = np.roll(circle, -1)
    bought = np.empty((n_users, n_purchases), dtype=np.int64)
    bought[:, 0] = rng.randint(n_items, size=n_users)
    for step in range(1, n_purchases):
        is_any = rng.random_sample(n_users) < noise
        bought[:, step] = np.where(is_any, rng.randint(n_items, size=n_users), behind[bought[:, step - 1]])
    fashion = 1.0 / (1 + rng.permutation(n_items))
    viewed = rng.choice(n_items, (n_users, n_purchases, n_views), p=fashion / fashion.sum())
    items = np.concatenate([viewed, bought[:, :, None]], axis=2).reshape(n_users, -1)
    n_each = items.shape[1]
    times = rng.randint(n_users * n_each, size=n_users)[:, None] + np.arange(n_each) * n_users
    kinds = np.tile(np.array(["view"] * n_views + ["buy"], dtype=object), n_users * n_purchases)
    order = np.argsort(times.ravel(), kind="stable")
    users = np.repeat(np.arange(n_users), n_each)[order]
    ids = np.arange(n_users), np.arange(n_items)
    return Interactions(users, items.ravel()[order], times.ravel()[order], *ids, events=kinds[order])
