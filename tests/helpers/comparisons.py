"""What it means that two models are the same: of answers, weights and states, and of a walk and its slow formula."""

import numpy as np
import pytest
import torch
from scipy import sparse

from skautoseqrec._counts.counts import Counts
from skautoseqrec._counts.events import Events
from skautoseqrec._counts.pairs import PairCounts
from skautoseqrec._counts.settings import SequenceSettings
from skautoseqrec._state.base import Base


def answered(recommender, user, **options):
    """Return item -> score of all items that a user may be recommended."""
    ids, scores = recommender.predict_topk([user], k=len(recommender.item_ids_), return_scores=True, **options)
    return dict(zip(np.ma.compressed(ids).tolist(), np.ma.compressed(scores).tolist(), strict=True))


def assert_same_answers(actual, expected):
    """Compare ids and scores item by item: those whose scores differ by rounding only may stand in either order."""
    for ids, others in ((actual.user_ids_, expected.user_ids_), (actual.item_ids_, expected.item_ids_)):
        np.testing.assert_array_equal(ids, others)
        assert ids.dtype == others.dtype
    for user in expected.user_ids_.tolist():
        for exclude_seen in (False, True):
            mine, theirs = (answered(model, user, exclude_seen=exclude_seen) for model in (actual, expected))
            rounding = 1e-5 * (1 + max(map(abs, theirs.values()), default=0))
            assert mine == pytest.approx(theirs, rel=0, abs=rounding)


#: How counts of pairs can be kept and read: what is patched to have it so.
PAIR_LAYOUTS = {
    "an array": {"skautoseqrec._state.neighbours.PLACES_PER_ENTRY": 10**9},
    "read as sparse rows": {"skautoseqrec._state.neighbours.PLACES_PER_ENTRY": 0},
    "counted as sparse rows": {"skautoseqrec._counts.pairs.MOST_PLACES": 0},
}


#: How an update can reach the answers: what is patched to have it so.
UPDATE_PATHS = {
    "one by one, corrected": {
        "skautoseqrec._state.overlay.FEWEST_AT_ONCE": 10**9,
        "skautoseqrec._state.changes.MOST_CORRECTED": 10**9,
        "skautoseqrec._state.snapshot.PLACES_PER_ADDED": 0,
        "skautoseqrec._state.snapshot.ITEMS_PER_ASKED": 0,
    },
    "at once, written anew, in one run": {
        "skautoseqrec._state.overlay.FEWEST_AT_ONCE": 0,
        "skautoseqrec._state.changes.MOST_CORRECTED": 0,
        "skautoseqrec._state.changes.CORRECTED_SHARE": 10**9,
        "skautoseqrec._state.additions.SMALLEST_RUN": 1,
        "skautoseqrec._state.snapshot.PLACES_PER_ADDED": 10**9,
        "skautoseqrec._state.snapshot.ITEMS_PER_ASKED": 10**9,
    },
    "one by one, in short runs": {
        "skautoseqrec._state.overlay.FEWEST_AT_ONCE": 10**9,
        "skautoseqrec._state.additions.SMALLEST_RUN": 2,
        "skautoseqrec._state.additions.MOST_JOINED": 0,
        "skautoseqrec._state.additions.MOST_OF_A_SIZE": 2,
        "skautoseqrec._state.joining.JOINED_WITHIN": 1,
        "skautoseqrec._state.steps.STEP_SIZE": 1,
        "skautoseqrec._state.postings.MOST_JOINED": 0,
        "skautoseqrec._state.snapshot.PLACES_PER_ADDED": 0,
        "skautoseqrec._state.snapshot.ITEMS_PER_ASKED": 0,
    },
}


def assert_same_weights(actual, expected, **tolerances):
    """Compare every weight of two networks: to the last bit, unless ``rtol`` and ``atol`` are given."""
    states = (model._serving.scorer.model.module.state_dict() for model in (actual, expected))
    torch.testing.assert_close(*map(dict, states), **({"rtol": 0, "atol": 0} | tolerances))


def rebuilt(recommender, numbered=None):
    """Build the state of a recommender anew, under the same weights.

    Of all its events in order of arrival, or of numbered ones (number, user, item, ...) that remain when others are
    forgotten, with codes in the order of the recommender's ids.
    """
    state, ids = recommender._serving.state, (recommender.user_ids_, recommender.item_ids_)
    if numbered is None:
        users, items = state.events.between(0, len(state.events))
        arrivals, clock, times = np.arange(len(items)), len(items), state.events.times
    else:
        codes = [{key: code for code, key in enumerate(known.tolist())} for known in ids]
        users, items = (np.array([codes[column][event[1 + column]] for event in numbered]) for column in (0, 1))
        arrivals, clock = np.array([event[0] for event in numbered]) - 1, state.events.clock
        times = None if len(numbered[0]) == 3 else np.array([event[3] for event in numbered])
    joins = joined(users, times) if state.model.settings.by_moment else None
    events = Events(users, items, *map(len, ids), joins, None, state.events.weights(0, len(state.events)))
    return Base.build(Counts.of(events, state.model.settings.step_weights, arrivals, clock), items, state.model)


def joined(users, times):
    """Return whether each event has the time of its user's event before, one after the other."""
    last, joins = {}, []
    for user, time in zip(users.tolist(), [None] * len(users) if times is None else times, strict=True):
        joins.append(time is not None and user in last and last[user] == time)
        last[user] = time
    return np.array(joins, dtype=bool)


def pairs_as_array(pairs):
    """Return counts of pairs as an array, however they are kept."""
    return pairs.together.toarray() if sparse.issparse(pairs.together) else pairs.together


def assert_same_base(actual, expected):
    """Compare two states: counts exactly, and what is added up from them in floats to rounding."""
    for name in ("indptr", "history", "arrivals", "popularity", "joins", "weights", "mass"):
        np.testing.assert_array_equal(getattr(actual.counts, name), getattr(expected.counts, name))
    assert (actual.counts.transitions != expected.counts.transitions).nnz == 0
    for name in ("source", "target"):
        np.testing.assert_allclose(getattr(actual, name), getattr(expected, name), rtol=1e-4, atol=1e-5)
    # Where pairs are counted, an update has added to them.
    settings = SequenceSettings(1, 1.0, 1.0, 1, 1.0, (), neighbour_window=20)
    if actual.keeps("pairs"):
        carried = actual.pairs(settings)
        recounted = PairCounts.of(expected.counts, carried.window)
        np.testing.assert_array_equal(*(pairs_as_array(pairs) for pairs in (carried, recounted)))
    np.testing.assert_allclose(actual.levels, expected.levels, rtol=1e-9)
    np.testing.assert_allclose(actual.item_vectors.two_hop, expected.item_vectors.two_hop, rtol=1e-4, atol=1e-5)


def assert_walks_as(oracle, recommender, walked, ties="row"):
    """Compare the reciprocal ranks of a walk with those of the formula, asked one event at a time."""
    order = sorted(range(len(walked)), key=lambda row: oracle.place(walked[row], ties))
    bounds = oracle.walk_forward(walked, ties)
    values = recommender.score_samples(walked, ties=ties)[order]
    assert (bounds[:, 0] <= values + 1e-12).all()
    assert (values - 1e-12 <= bounds[:, 1]).all()
