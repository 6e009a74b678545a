"""Popularity that decays, one number per item and half-life, against the sum over all events."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skautoseqrec._counts.trend import TrendClock

N_ITEMS = 5
half_lives = st.lists(st.sampled_from([0.5, 3.0, 30.0, 30000.0]), max_size=3).map(tuple)


def parts_of(clock, levels, n_events):
    """Return the part of the score of each half-life and item, as scoring forms it: up to a number per half-life."""
    floored = np.maximum(levels, clock.rising_floors(np.array([n_events])))
    return floored + clock.log_decays[:, None] * n_events


def count_slowly(half_life, items, arrivals, n_events, n_spread):
    """Return the log of each item's decayed count, floored, by going through all events."""
    decay = 0.5 ** (1 / half_life)
    counts = np.zeros(N_ITEMS)
    for item, arrival in zip(items, arrivals, strict=True):
        counts[item] += decay ** (n_events - 1 - arrival)
    return np.log(np.maximum(counts, 1e-3 / (n_spread * (1 - decay))))


@st.composite
def histories(draw, start=0):
    """Draw items, the sequence number of each (some are missing: they were forgotten), and how many ever arrived."""
    items = draw(st.lists(st.integers(0, N_ITEMS - 2), max_size=20))  # the last item has no events
    gaps = draw(st.lists(st.integers(1, 9), min_size=len(items), max_size=len(items)))
    arrivals = start - 1 + np.cumsum(np.array(gaps, dtype=np.int64))
    last = arrivals[-1] if len(items) else start - 1
    return np.array(items, dtype=np.int64), arrivals, int(last) + draw(st.integers(1, 40))


@given(histories(), half_lives, st.integers(1, 1000))
def test_levels_are_floored_logs_of_the_decayed_counts(history, half_lives, n_spread):
    items, arrivals, n_events = history
    clock = TrendClock(half_lives, n_spread)
    levels = clock.empty_levels(N_ITEMS)
    clock.add_events(levels, items, arrivals)
    expected = [count_slowly(half_life, items, arrivals, n_events, n_spread) for half_life in half_lives]
    np.testing.assert_allclose(parts_of(clock, levels, n_events), np.reshape(expected, levels.shape), atol=1e-9)


@given(histories(), half_lives, st.integers(0, 20))
def test_an_event_at_a_time_is_the_same_and_changes_its_own_item_only(history, half_lives, n_together):
    items, arrivals, _ = history
    clock = TrendClock(half_lives, N_ITEMS)
    levels, expected = clock.empty_levels(N_ITEMS), clock.empty_levels(N_ITEMS)
    clock.add_events(expected, items, arrivals)
    clock.add_events(levels, items[:n_together], arrivals[:n_together])
    for item, arrival in zip(items[n_together:], arrivals[n_together:], strict=True):
        before = levels.copy()
        clock.add_events(levels, np.array([item]), np.array([arrival]))
        others = np.arange(N_ITEMS) != item
        assert (levels[:, others] == before[:, others]).all()
        assert (levels[:, item] > before[:, item]).all()
    np.testing.assert_allclose(levels, expected, rtol=1e-12)


@pytest.mark.parametrize("half_life", [2.0, 300.0])
def test_nothing_overflows_or_drifts_after_many_events(half_life):
    start = 10**8
    items, arrivals = np.array([0, 1, 0, 2]), start + np.array([0, 1, 5, 7])
    clock = TrendClock((half_life,), N_ITEMS)
    levels = clock.empty_levels(N_ITEMS)
    clock.add_events(levels, items, arrivals)
    expected = count_slowly(half_life, items, arrivals, start + 9, N_ITEMS)
    np.testing.assert_allclose(parts_of(clock, levels, start + 9)[0], expected, atol=1e-6)


@given(half_lives.filter(len), st.lists(st.integers(0, 10**6), min_size=1, max_size=4))
def test_floors_rise_with_the_events_of_each_query(half_lives, n_events):
    clock = TrendClock(half_lives, N_ITEMS)
    floors = clock.rising_floors(np.array(n_events))
    for row, half_life in enumerate(half_lives):
        for column, number in enumerate(n_events):
            decay = 0.5 ** (1 / half_life)
            expected = math.log(1e-3 / (N_ITEMS * (1 - decay))) + number * math.log(2) / half_life
            assert floors[row, column] == pytest.approx(expected, rel=1e-9, abs=1e-9)
