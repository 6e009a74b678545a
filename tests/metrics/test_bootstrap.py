"""Intervals by bootstrap over users: the slow oracle, worlds of known spread, and what must not matter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from skautoseqrec.metrics import _bootstrap, bootstrap_interval


def oracle(values, users, confidence, n_resamples, seed):
    """Draw users one resample at a time and collect all the values of each."""
    random = np.random.RandomState(seed)
    names = np.unique(users)
    of_user = {name: values[users == name] for name in names}
    means = []
    for _ in range(n_resamples):
        drawn = names[random.randint(len(names), size=len(names))]
        means.append(np.concatenate([of_user[name] for name in drawn]).mean(axis=0))
    return np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)


@settings(max_examples=30)
@given(st.integers(2, 60), st.integers(2, 9), st.integers(0, 99), st.sampled_from([0.5, 0.9, 0.95]))
def test_it_is_the_mean_of_users_drawn_one_by_one(n_events, n_users, seed, confidence):
    random = np.random.default_rng(seed)
    values, users = random.random((n_events, 2)), np.r_[0, 1, random.integers(n_users, size=n_events - 2)]
    expected = oracle(values, users, confidence, 40, seed)
    options = {"confidence": confidence, "n_resamples": 40, "random_state": seed}
    np.testing.assert_allclose(bootstrap_interval(values, users, **options), expected)
    for column in (0, 1):
        np.testing.assert_allclose(bootstrap_interval(values[:, column], users, **options), expected[:, column])


def test_memory_and_names_of_users_do_not_matter(monkeypatch):
    random = np.random.default_rng(0)
    values, users = random.random(500), random.integers(40, size=500)
    expected = bootstrap_interval(values, users, random_state=3)
    names = np.array([f"user {user:03}" for user in users], dtype=object)
    assert bootstrap_interval(values.tolist(), names.tolist(), random_state=3) == expected
    monkeypatch.setattr(_bootstrap, "DRAWS_AT_A_TIME", 100)
    assert bootstrap_interval(values, users, random_state=3) == expected


def test_without_users_it_is_that_of_scipy():
    values = np.random.default_rng(1).exponential(size=200)
    theirs = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=4000, random_state=0)
    actual = bootstrap_interval(values, n_resamples=4000, random_state=0)
    np.testing.assert_allclose(actual, theirs.confidence_interval, atol=0.02)


def test_nine_of_ten_intervals_hold_the_truth_where_users_differ():
    # The true mean is 0; what differs between users is larger than what differs between their events.
    random, covered = np.random.default_rng(1), {"users": 0, "events": 0}
    users = np.repeat(np.arange(60), 10)
    for seed in range(200):
        values = np.repeat(random.normal(size=60), 10) + random.normal(size=600)
        for name, of in (("users", users), ("events", None)):
            low, high = bootstrap_interval(values, of, confidence=0.9, n_resamples=100, random_state=seed)
            covered[name] += low <= 0 <= high
    assert 0.8 < covered["users"] / 200 < 0.96
    assert covered["events"] / 200 < 0.7  # which is why users are drawn


def test_paired_differences_are_known_better_than_their_parts():
    random = np.random.default_rng(0)
    easy, users = random.random(400), np.repeat(np.arange(100), 4)
    better = easy + 0.02 + 0.01 * random.normal(size=400)
    low, high = bootstrap_interval(better - easy, users, random_state=0)
    assert 0.015 < low < 0.02 < high < 0.025
    apart = [bootstrap_interval(each, users, random_state=0) for each in (easy, better)]
    assert apart[0][1] > apart[1][0]


def test_equal_values_have_no_spread():
    assert bootstrap_interval([0.25] * 6, [1, 1, 2, 2, 3, 3]) == (0.25, 0.25)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (([],), {}, ValueError, "one or more numbers"),
        ((0.5,), {}, ValueError, "one or more numbers"),
        (([[[1.0]]],), {}, ValueError, "one or more numbers"),
        (([1, float("nan")],), {}, ValueError, "row 1 holds nan"),
        (([1, float("inf")],), {}, ValueError, "row 1 holds inf"),
        (([1, 2], [1]), {}, ValueError, "users has 1 id for 2 values"),
        (([1, 2], [1, None]), {}, (TypeError, ValueError), "users"),
        (([1, 2], [1, 1]), {}, ValueError, "All values are of one user"),
        (([1],), {}, ValueError, "All values are of one user"),
        (([1, 2],), {"confidence": 1}, ValueError, r"confidence must be a number in \(0, 1\), not 1"),
        (([1, 2],), {"confidence": "high"}, ValueError, "not 'high'"),
        (([1, 2],), {"n_resamples": 0}, ValueError, "n_resamples must be a whole number of at least 1, not 0"),
        (([1, 2],), {"n_resamples": 2.5}, ValueError, r"not 2\.5"),
    ],
)
def test_bad_arguments_are_refused(arguments, options, error, message):
    with pytest.raises(error, match=message):
        bootstrap_interval(*arguments, **options)
