"""The overlay: appended one by one or at once, it holds the same, and a reader sees no later events."""

import pickle
from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skautoseqrec._counts.counts import Counts
from skautoseqrec._counts.events import Events
from skautoseqrec._counts.settings import SequenceSettings
from skautoseqrec._state import overlay as module
from skautoseqrec._state.additions import Additions
from skautoseqrec._state.overlay import Overlay
from skautoseqrec._state.postings import Postings
from skautoseqrec._state.runs import added_up
from skautoseqrec._utils.ragged import distinct, stable_order

N_USERS, N_ITEMS = 4, 6


@st.composite
def appended(draw):
    """Draw settings, the counts of known events, and events to append: users, items, joins, seconds."""
    by_moment = draw(st.booleans())
    settings = SequenceSettings(
        draw(st.integers(1, 4)), 0.5, 0.9, 3, 0.5, (), draw(st.sampled_from([0, 1, 3, 20])), 0.5,
        "together" if by_moment else "row",
    )  # fmt: skip
    row = st.tuples(st.integers(0, N_USERS - 1), st.integers(0, N_ITEMS - 1), st.booleans(), st.floats(0, 9))
    known, added = draw(st.lists(row, max_size=12)), draw(st.lists(row, min_size=1, max_size=20))
    columns, seen = [], set()
    for user, item, joins, second in known + added:
        columns.append((user, item, by_moment and joins and user in seen, second))
        seen.add(user)
    users, items, joins, seconds = (np.array(column) for column in zip(*columns, strict=True))
    n_known = len(known)
    events = Events(users, items, N_USERS, N_ITEMS, joins if by_moment else None, seconds).part(0, n_known)
    counts = Counts.of(events, settings.step_weights, np.arange(n_known), n_known)
    return settings, counts, [column[n_known:] for column in (users, items, joins, seconds)]


def filled(counts, settings, columns, fewest_at_once, n_calls=1):
    overlay = Overlay(counts, settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "FEWEST_AT_ONCE", fewest_at_once)
        for rows in np.array_split(np.arange(len(columns[0])), n_calls):
            overlay.add_events(events_of(*(column[rows] for column in columns)))
    return overlay


def events_of(users, items, joins, seconds):
    """Return columns as events, all of whose codes are known."""
    return Events(users, items, N_USERS, N_ITEMS, joins, seconds)


def rows_of(entries):
    """Return the items and values of each row, sorted."""
    bounds = entries.bounds
    pairs = list(zip(entries.items.tolist(), entries.values.tolist(), strict=True))
    return [sorted(pairs[start:stop]) for start, stop in pairwise(bounds)]


def read(overlay, n_events):
    """Return all that a reader of the first events can see."""
    users, items = np.arange(N_USERS + 1), np.array([2, 0, 1, 2, 3, 4, 5, N_ITEMS])
    arrived, additions = overlay.arrived, overlay.additions
    lengths, events = arrived.of_users(users, n_events)
    columns = arrived.items_at(events), arrived.joins_at(events), arrived.seconds_at(events)
    return {
        "histories": (lengths.tolist(), *(column.tolist() for column in columns)),
        "transitions from": rows_of(added_up(additions.transitions_from(items, n_events))),
        "transitions into": rows_of(added_up(additions.transitions_into(items, n_events))),
        "pairs": rows_of(added_up(additions.pairs_with(items, n_events))),
        "items": arrived.items(n_events).tolist(),
    }


@settings(max_examples=150)
@given(appended(), st.integers(1, 3))
def test_events_are_appended_alike_one_by_one_and_at_once(drawn, n_calls):
    configured, counts, columns = drawn
    one_by_one = filled(counts, configured, columns, fewest_at_once=10**9)
    at_once = filled(counts, configured, columns, fewest_at_once=0, n_calls=n_calls)
    for n_events in range(len(columns[0]) + 1):
        assert read(at_once, n_events) == read(one_by_one, n_events)


@settings(max_examples=60)
@given(appended(), st.sampled_from([0, 10**9]), st.data())
def test_a_reader_does_not_see_later_events(drawn, fewest_at_once, data):
    configured, counts, columns = drawn
    n_events = data.draw(st.integers(0, len(columns[0])))
    earlier = filled(counts, configured, [column[:n_events] for column in columns], fewest_at_once)
    assert read(filled(counts, configured, columns, fewest_at_once), n_events) == read(earlier, n_events)


#: Runs are short, and any two of them are joined, an entry at a time.
ALWAYS_JOINING = {
    "skautoseqrec._state.additions.SMALLEST_RUN": 1,
    "skautoseqrec._state.additions.MOST_JOINED": 0,
    "skautoseqrec._state.additions.MOST_OF_A_SIZE": 2,
    "skautoseqrec._state.steps.STEP_SIZE": 1,
}


@settings(max_examples=60)
@given(appended(), st.sampled_from([1, 2]), st.sampled_from([1, 4]), st.booleans())
def test_runs_that_are_being_joined_hold_the_same(drawn, n_at_once, joined_within, is_copied):
    configured, counts, columns = drawn
    expected = filled(counts, configured, columns, fewest_at_once=10**9)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ALWAYS_JOINING.items():
            patch.setattr(name, value)
        patch.setattr("skautoseqrec._state.joining.JOINED_WITHIN", joined_within)
        overlay = Overlay(counts, configured)
        for start in range(0, len(columns[0]), n_at_once):
            overlay.add_events(events_of(*(column[start : start + n_at_once] for column in columns)))
            assert read(overlay, len(overlay)) == read(expected, len(overlay))
            if is_copied:
                overlay = pickle.loads(pickle.dumps(overlay))
        is_joined = max(run.n_events for run in overlay.additions.runs) > n_at_once
        assert is_copied or is_joined or len(columns[0]) < 6 * n_at_once


def test_there_are_few_runs_however_many_events_there_are(monkeypatch):
    for name, value in (ALWAYS_JOINING | {"skautoseqrec._state.additions.MOST_OF_A_SIZE": 4}).items():
        monkeypatch.setattr(name, value)
    overlay, n_runs = Overlay(Counts.empty(), SequenceSettings(2, 0.5, 0.9, 3, 0.5, (), 2, 0.5, "row")), []
    columns = np.arange(600) % N_USERS, np.arange(600) % N_ITEMS, np.zeros(600, dtype=bool), np.zeros(600)
    for place in range(600):
        overlay.add_events(events_of(*(column[place : place + 1] for column in columns)))
        n_runs.append(len(overlay.additions.runs))
    assert max(n_runs) <= 40  # some of each of 5 sizes, and what comes while some are joined
    assert sum(run.n_events for run in overlay.additions.runs) == 600


@pytest.mark.parametrize("most_joined", [1, 4, 8])
def test_no_runs_are_joined_in_vain(monkeypatch, most_joined):
    sizes = {"SMALLEST_RUN": 2, "MOST_JOINED": most_joined, "MOST_OF_A_SIZE": 4}
    for name, value in sizes.items():
        monkeypatch.setattr(f"skautoseqrec._state.additions.{name}", value)
    monkeypatch.setattr("skautoseqrec._state.steps.STEP_SIZE", 1)
    with_joined, n_joined = Additions.with_joined, []

    def counted(additions, runs, joined):
        after = with_joined(additions, runs, joined)
        n_joined.append(len(additions.runs) - len(after.runs))
        return after

    monkeypatch.setattr(Additions, "with_joined", counted)
    overlay = Overlay(Counts.empty(), SequenceSettings(2, 0.5, 0.9, 3, 0.5, (), 2, 0.5, "row"))
    columns = np.arange(300) % N_USERS, np.arange(300) % N_ITEMS, np.zeros(300, dtype=bool), np.zeros(300)
    for place in range(300):
        overlay.add_events(events_of(*(column[place : place + 1] for column in columns)))
    assert min(n_joined) > 0


@settings(max_examples=100)
@given(appended(), st.sampled_from([0, 10**9]))
def test_transitions_and_pairs_are_those_that_are_counted(drawn, fewest_at_once):
    configured, counts, columns = drawn
    overlay, (users, items, joins, seconds) = filled(counts, configured, columns, fewest_at_once), columns
    by_moment = configured.by_moment
    events = Events(users, items, N_USERS, N_ITEMS, joins if by_moment else None, seconds)
    _, added = counts.add_events(events, configured.step_weights)
    everything, expected = np.arange(N_ITEMS), added.toarray()
    for entries, matrix in (
        (overlay.additions.transitions_into(everything, len(users)), expected.T),
        (overlay.additions.transitions_from(everything, len(users)), expected),
    ):
        assert np.array_equal(dense(added_up(entries)), matrix)


def dense(entries):
    matrix = np.zeros((len(entries.lengths), N_ITEMS))
    np.add.at(matrix, (np.repeat(np.arange(len(matrix)), entries.lengths), entries.items), entries.values)
    return matrix


@given(
    st.lists(st.lists(st.integers(0, 5), max_size=9), max_size=6),
    st.lists(st.booleans(), min_size=6, max_size=6),
    st.integers(0, 60),
    st.integers(0, 4),
)
def test_postings_are_lists_of_places(calls, at_once, end, n_newest):
    postings, expected, n_places = Postings(), defaultdict(list), 0
    for keys, is_at_once in zip(calls, at_once, strict=False):
        places = np.arange(n_places, n_places + len(keys))
        n_places += len(keys)
        if is_at_once:
            postings.extend(np.array(keys, dtype=np.int64), places)
        else:
            for key, place in zip(keys, places.tolist(), strict=True):
                postings.append(key, place)
        for key, place in zip(keys, places.tolist(), strict=True):
            expected[key].append(place)
    asked = [3, 0, 5, 9, 3]
    below = [[place for place in expected[key] if place < end] for key in asked]
    lengths, found = postings.rows(np.array(asked), end)
    assert lengths.tolist() == list(map(len, below))
    assert found.tolist() == [place for places in below for place in places]
    newest = {key: expected[key][max(0, len(expected[key]) - n_newest) :] for key in asked}
    for key in asked:
        assert postings.newest(key, n_newest) == newest[key]
    for _ in range(2):  # what was appended place by place is kept otherwise after that
        lengths, found = postings.newest_rows(np.array(asked), n_newest)
        assert lengths.tolist() == [len(newest[key]) for key in asked]
        assert found.tolist() == [place for key in asked for place in newest[key]]


READS = {
    "places_of": lambda postings: postings.places_of(1, 9),
    "rows": lambda postings: postings.rows(np.array([1]), 9)[1],
    "newest": lambda postings: postings.newest(1, 9),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_what_was_read_of_postings_does_not_hold_up_the_writer(read):
    postings = Postings()
    postings.append(1, 0)
    places = read(postings)
    postings.append(1, 5)  # a list that somebody looks into cannot grow
    assert list(places) == [0]
    assert list(read(postings)) == [0, 5]


@given(st.lists(st.one_of(st.integers(0, 5), st.integers(0, 2**62)), max_size=40))
def test_orders_are_those_of_numpy(keys):
    keys = np.array(keys, dtype=np.int64)
    assert np.array_equal(stable_order(keys), np.argsort(keys, kind="stable"))
    assert np.array_equal(distinct(keys), np.unique(keys))
