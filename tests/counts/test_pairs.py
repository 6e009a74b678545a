"""Pairs of neighbours: counted event by event, at once, or in parts, in an array or as sparse rows."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from skautoseqrec._counts import pairs
from skautoseqrec._counts.counts import Counts
from skautoseqrec._counts.events import Events
from skautoseqrec._counts.pairs import PairCounts

STEP_WEIGHTS = np.array([1])
EVENTS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4)), min_size=1, max_size=30)


def counted(events, before=None):
    """Return the counts of events, which come behind others."""
    before = before or Counts.empty()
    users, items = np.array(events, dtype=np.int64).reshape(-1, 2).T
    n_users, n_items = max(before.n_users, users.max() + 1), max(before.n_items, items.max() + 1)
    together = Events(users, items, int(n_users), int(n_items))
    return together, before.add_events(together, STEP_WEIGHTS)[0]


def obvious(events, window):
    """Return the counts of all pairs, counted one event at a time."""
    histories, together = defaultdict(list), defaultdict(int)
    for user, item in events:
        for near in histories[user][::-1][:window]:
            if near != item:
                together[near, item] += 1
                together[item, near] += 1
        histories[user].append(item)
    n_items = max(item for _, item in events) + 1
    return np.array([[together[near, item] for item in range(n_items)] for near in range(n_items)])


def as_array(counted_pairs):
    together = counted_pairs.together
    return together.toarray() if sparse.issparse(together) else together


@pytest.mark.parametrize("most_places", [0, 9, 10**6], ids=["sparse", "an array that gets too large", "an array"])
@given(EVENTS, EVENTS, st.sampled_from([1, 2, 20]))
def test_in_parts_as_at_once(most_places, first, second, window):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "MOST_PLACES", most_places)
        _, known = counted(first)
        events, both = counted(second, known)
        parts, whole = PairCounts.of(known, window).add_events(events, known), PairCounts.of(both, window)
    assert sparse.issparse(whole.together) == sparse.issparse(parts.together) == (both.n_items**2 > most_places)
    np.testing.assert_array_equal(as_array(whole), obvious([*first, *second], window))
    np.testing.assert_array_equal(as_array(parts), as_array(whole))
    assert as_array(parts).dtype == as_array(whole).dtype == np.int32


def test_no_window_counts_nothing():
    assert not as_array(PairCounts.of(counted([(0, 0), (0, 1)])[1], 0)).any()
