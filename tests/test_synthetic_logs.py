"""The worlds of the benchmarks: their oracle is right at each event, and they change as they say."""

import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
if not BENCHMARKS.is_dir():
    pytest.skip("the benchmarks are part of a checkout, not of the package", allow_module_level=True)
sys.path.insert(0, str(BENCHMARKS))

import synthetic_logs as worlds  # noqa: E402

SEEDS = st.integers(0, 2**31)
SIZE = {"n_users": 20, "n_items": 30, "n_events": 250}


def cycles(n_items):
    """Yield a cycle of one step, then of two steps, and so on in turns."""
    while True:
        for step in (1, 2):
            yield np.roll(np.eye(n_items), step, axis=1)


def slow_ranks(log, graphs, n_items, noise):
    """Return the best possible rank of each event, from nothing but the log and the graph of its step."""
    taken, ranks = {}, []
    for number, (user, item, _) in enumerate(log.tolist()):
        before = taken.setdefault(user, [])
        if before:
            unseen = [other for other in range(n_items) if other not in before]
            chances = {other: graphs[number // worlds.STEP][before[-1], other] for other in unseen}
            total = sum(chances.values())
            share = noise if total else 1.0
            chances = {
                other: (1 - share) * chance / (total or 1) + share / len(unseen) for other, chance in chances.items()
            }
            better = sum(chance > chances[item] * (1 + 1e-9) for chance in chances.values())
            tied = sum(abs(chance - chances[item]) <= 1e-9 * chances[item] for chance in chances.values())
            ranks.append(better + (tied + 1) / 2)
        else:
            ranks.append(np.nan)
        before.append(item)
    return np.array(ranks)


def test_where_the_next_item_is_certain_all_is_possible_whatever_changes():
    log, best_ranks = worlds.make_changing(cycles(60), n_users=40, n_items=60, n_events=400, noise=0.0)
    is_first = np.isin(np.arange(400), np.unique(log[:, 0], return_index=True)[1])
    assert is_first.sum() == 40
    assert (best_ranks[~is_first] == 1).all()


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.sampled_from([0.0, 0.3, 1.0]), st.sampled_from(["drift", "transitions", "popularity"]))
def test_the_oracle_knows_the_graph_of_each_event(seed, noise, kind):
    make = {
        "drift": lambda: worlds.drifting_graphs(0.5, 30, seed),
        "transitions": lambda: worlds.alternating_graphs(200, 30, seed),
        "popularity": lambda: worlds.seasonal_graphs(200, 30, seed),
    }[kind]
    log, best_ranks = worlds.make_changing(make(), **SIZE, noise=noise, random_state=seed)
    expected = slow_ranks(log, list(islice(make(), 3)), 30, noise)
    np.testing.assert_array_equal(best_ranks[~np.isnan(expected)], expected[~np.isnan(expected)])


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.sampled_from([0.0, 0.2, 1.0]))
def test_a_share_of_the_items_gets_other_successors_each_step(seed, share):
    graphs = np.stack(list(islice(worlds.drifting_graphs(share, 40, seed), 11)))
    np.testing.assert_allclose(graphs.sum(2), 1)
    changed = (graphs[1:] != graphs[:-1]).any(2)
    assert abs(changed.mean() - share) <= 5 * np.sqrt(share * (1 - share) / changed.size)


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.integers(1, 5))
def test_seasons_take_turns(seed, n_steps):
    period = 2 * n_steps * worlds.STEP
    graphs = np.stack(list(islice(worlds.alternating_graphs(period, 40, seed), 4 * n_steps)))
    season = np.arange(4 * n_steps) // n_steps % 2
    assert (graphs[season == 0] == graphs[0]).all()
    assert (graphs[season == 1] == graphs[n_steps]).all()
    assert (graphs[0] != graphs[n_steps]).any(1).all()


def test_what_is_in_season_is_likelier_and_successors_stay():
    first, second = islice(worlds.seasonal_graphs(2 * worlds.STEP, 40, 0), 2)
    assert ((first > 0) == (second > 0)).all()
    ratios = np.unique((first[first > 0] / second[first > 0]).round(6))
    np.testing.assert_allclose(ratios, [1 / worlds.IN_SEASON, worlds.IN_SEASON], rtol=1e-5)


def test_people_have_a_session_a_day():
    log, best_ranks = worlds.make_sessions(n_users=10, n_items=200, n_days=4)
    assert len(log) == len(best_ranks)
    assert (np.diff(log[:, 2]) >= 0).all()
    for user in range(10):
        times = log[log[:, 0] == user, 2]
        gaps = np.diff(times)
        assert (gaps > worlds.DAY // 4).sum() == 3
        assert gaps[gaps <= worlds.DAY // 4].max() < 120
    assert len(np.unique(log[:, :2], axis=0)) == len(log)


def test_a_session_begins_with_what_is_popular_and_not_seen():
    world = worlds.SessionWorld(np.random.default_rng(0), 1, 10, n_successors=2, n_tastes=1, noise=0, return_rate=0)
    world.take(0, [int(world.start.argmax())])
    world.last[0] = []
    expected = np.where(world.start == world.start.max(), 0.0, world.start)
    np.testing.assert_allclose(world.probabilities(0), expected / expected.sum())
