"""Events of an update that are known already: counted, and said."""

import warnings
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from skautoseqrec import AutoSeqRecRecommender, baselines
from skautoseqrec._counts.events import Events
from skautoseqrec._counts.known_events import FEWEST_KNOWN, count_known
from skautoseqrec.datasets import make_interactions

LOG = make_interactions(n_users=30, n_items=60, n_events=400, random_state=0)
CLOSED_FORM = AutoSeqRecRecommender(objective="closed_form", blend={"direct": 1.0})
RECOMMENDERS = [CLOSED_FORM, baselines.PopularityRecommender(), baselines.EASERecommender()]
TRIPLES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.sampled_from([0.0, 0.5, 7.0])), max_size=12)


def events_of(triples):
    users, items, seconds = np.array(triples, dtype=np.float64).reshape(-1, 3).T
    return Events(users.astype(np.int64), items.astype(np.int64), 3, 3, seconds=seconds)


def heard(recommender, events):
    """Return what an update warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        recommender.partial_update(events)
    assert all(warning.filename == __file__ for warning in caught)
    return {str(warning.message) for warning in caught}


@given(TRIPLES, TRIPLES)
def test_those_among_the_known_ones_are_counted(arriving, known):
    there = set(known)
    expected = sum(n for triple, n in Counter(arriving).items() if triple in there)
    assert count_known(events_of(arriving), events_of(known)) == expected


@pytest.mark.parametrize("recommender", RECOMMENDERS, ids=lambda recommender: type(recommender).__name__)
def test_an_update_with_many_known_events_is_noticed(recommender):
    recommender = clone(recommender).fit(LOG[:300])
    assert heard(recommender, LOG[300:350]) == set()
    (fitted,) = heard(recommender, LOG[280:380])
    assert fitted.startswith("70 of 100 events (70.0%) are known already: same user, item and time.")
    (updated,) = heard(recommender, LOG[370:390])
    assert updated.startswith("10 of 20 events (50.0%) are known already")


@pytest.mark.parametrize("recommender", RECOMMENDERS[:2], ids=lambda recommender: type(recommender).__name__)
def test_few_known_events_are_none_of_our_business(recommender):
    recommender = clone(recommender).fit(LOG[:300])
    assert heard(recommender, LOG[300 - FEWEST_KNOWN + 1 : 320]) == set()  # one fewer than are worth a word
    assert heard(recommender, LOG[310:311]) == set()
    frame = LOG[:150]
    assert heard(recommender.fit(LOG[:20]), frame)  # 20 of 150
    assert heard(recommender.fit(LOG[:14]), frame) == set()  # less than a tenth


def test_events_at_other_times_or_of_new_ids_are_new():
    users, items, times = LOG.T
    recommender = clone(CLOSED_FORM).fit(LOG[:300])
    assert heard(recommender, np.column_stack([users[:50], items[:50], times[:50] - 0.5])) == set()
    assert heard(recommender, np.column_stack([users[:50], items[:50] + 1000, times[:50]])) == set()
    assert heard(recommender, np.column_stack([users[:50] + 1000, items[:50], times[:50]])) == set()
    assert heard(recommender, np.column_stack([users[:50], items[:50]])) == set()


def test_without_times_nothing_tells_a_known_event():
    log = LOG[:, :2]
    recommender = clone(CLOSED_FORM).fit(log[:300])
    assert heard(recommender, log[:100]) == set()


def test_a_warning_that_is_an_error_leaves_everything_as_it_was():
    recommender = clone(CLOSED_FORM).fit(LOG[:300])
    before = recommender.predict_topk(LOG[:5, 0], return_scores=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="are known already"):
            recommender.partial_update(LOG)
    np.testing.assert_equal(recommender.predict_topk(LOG[:5, 0], return_scores=True), before)
    assert heard(recommender, LOG[300:]) == set()
