"""WalkForwardDisplay: its windows are right, and what stands in them."""

from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import pyplot
from scipy import stats
from sklearn.pipeline import make_pipeline

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.inspection import WalkForwardDisplay
from skautoseqrec.inspection._windows import Windows, standard_errors
from skautoseqrec.metrics import (
    mean_average_precision_at_k,
    mean_reciprocal_rank,
    ndcg_at_k,
    precision_at_k,
    ranks_from_reciprocal,
    recall_at_k,
)
from skautoseqrec.preprocessing import InteractionEncoder

METRICS = {
    "mrr": mean_reciprocal_rank,
    "recall@3": lambda r: recall_at_k(r, 3),
    "precision@3": lambda r: precision_at_k(r, 3),
    "ndcg@5": lambda r: ndcg_at_k(r, 5),
    "map@4": lambda r: mean_average_precision_at_k(r, 4),
}
RANK = st.integers(2, 20).map(lambda n: n / 2) | st.just(float("inf"))
ROWS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9), st.integers(-20, 50), RANK), min_size=1, max_size=40)


@given(ROWS, st.sampled_from(sorted(METRICS)), st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_windows_of_events_hold_the_public_metric(rows, metric, n_windows):
    *log, ranks = np.array(rows, dtype=float).T
    n_windows = min(n_windows, len(rows))
    display = WalkForwardDisplay.from_predictions(
        ranks, np.column_stack(log), metric=metric, n_windows=n_windows, band=None
    )
    pyplot.close(display.figure_)
    assert display.errors is None
    assert display.n_events.max() - display.n_events.min() <= 1
    starts = np.r_[0, np.cumsum(display.n_events)]
    in_time = ranks[np.argsort(log[2], kind="stable")]
    slow = [METRICS[metric](in_time[a:b]) for a, b in pairwise(starts)]
    np.testing.assert_allclose(display.scores["model"], slow)
    np.testing.assert_allclose(display.middles, (starts[:-1] + starts[1:]) / 2)
    whole = np.average(display.scores["model"], weights=display.n_events)
    assert whole == pytest.approx(METRICS[metric](ranks))


@given(ROWS, st.sampled_from([1, 7, 2.5]))
@settings(max_examples=40, deadline=None)
def test_windows_of_time_hold_what_falls_into_them(rows, width):
    *log, ranks = np.array(rows, dtype=float).T
    display = WalkForwardDisplay.from_predictions(ranks, np.column_stack(log), width=width, band=None)
    pyplot.close(display.figure_)
    assert display.n_events.sum() == len(rows)
    for middle, score, n_events in zip(display.middles, display.scores["model"], display.n_events, strict=True):
        inside = (log[2] >= middle - width / 2) & (log[2] < middle + width / 2)
        assert n_events == inside.sum()
        assert np.isnan(score) if not n_events else score == pytest.approx(mean_reciprocal_rank(ranks[inside]))


def test_a_walk_is_divided_whatever_the_order_of_its_rows(world):
    _, test, recommender, _ = world
    display = WalkForwardDisplay.from_estimator({"mine": recommender}, test, n_windows=4)
    assert np.average(display.scores["mine"], weights=display.n_events) == pytest.approx(recommender.score(test))
    order = np.random.default_rng(0).permutation(len(test))
    shuffled = WalkForwardDisplay.from_estimator({"mine": recommender}, test[order], n_windows=4)
    np.testing.assert_allclose(shuffled.scores["mine"], display.scores["mine"])
    np.testing.assert_allclose(shuffled.errors["mine"], display.errors["mine"])
    assert display.ax_.get_legend().get_texts()[0].get_text() == f"mine ({recommender.score(test):.3f})"


@pytest.mark.parametrize("kind", ["datetimes", "seconds", "milliseconds", "fractions"])
def test_days_begin_at_midnight(kind):
    times = pd.to_datetime(["2024-03-01 23:59:59", "2024-03-02 00:00:00", "2024-03-02 23:00:00", "2024-03-04 12:00:00"])
    seconds = times.astype("datetime64[s]").astype("int64")
    column, unit = {
        "datetimes": (times, None),
        "seconds": (seconds, "s"),
        "milliseconds": (seconds * 1000, "ms"),
        "fractions": (seconds + 0.25, "s"),
    }[kind]
    log = pd.DataFrame({"user_id": ["a", "b", "a", "b"], "item_id": list("wxyz"), "timestamp": column})
    display = WalkForwardDisplay.from_predictions([1, 2, 4, 5], log, width=timedelta(days=1), time_unit=unit)
    assert display.n_events.tolist() == [1, 2, 0, 1]
    np.testing.assert_allclose(display.scores["model"], [1, 0.375, np.nan, 0.2])
    assert display.middles.astype("datetime64[s]").tolist() == [datetime(2024, 3, day, 12) for day in (1, 2, 3, 4)]
    same = WalkForwardDisplay.from_predictions([1, 2, 4, 5], log, width=np.timedelta64(24, "h"), time_unit=unit)
    assert same.middles.tolist() == display.middles.tolist()
    display.figure_.canvas.draw()


def test_the_error_over_events_is_the_usual_one_and_over_users_that_of_their_sums():
    rng = np.random.default_rng(0)
    values, of_row = rng.random(60), np.repeat([0, 1, 2], 20)
    windows = Windows(of_row, np.arange(3.0), (0, 3), "")
    single = standard_errors(windows, values, np.arange(60))
    np.testing.assert_allclose(single, [stats.sem(values[of_row == window]) for window in range(3)])
    # Twins say nothing that one of them does not.
    twins = standard_errors(
        Windows(np.repeat(of_row, 2), np.arange(3.0), (0, 3), ""), np.repeat(values, 2), np.repeat(np.arange(60), 2)
    )
    np.testing.assert_allclose(twins, single)
    assert np.isnan(standard_errors(windows, values, np.zeros(60, dtype=int))).all()


def test_the_band_of_users_holds_the_truth_nineteen_times_of_twenty():
    rng, n_users = np.random.default_rng(0), 40
    windows, users = (
        Windows(np.zeros(n_users * 5, dtype=int), np.zeros(1), (0, 1), ""),
        np.repeat(np.arange(n_users), 5),
    )
    held = {"users": 0, "events": 0}
    for _ in range(400):
        values = np.repeat(rng.normal(size=n_users), 5) + 0.3 * rng.normal(size=n_users * 5)
        for band, groups in (("users", users), ("events", np.arange(len(users)))):
            held[band] += abs(values.mean()) <= 1.96 * standard_errors(windows, values, groups)[0]
    assert 0.9 < held["users"] / 400 < 0.98
    assert held["events"] / 400 < 0.75


def test_the_columns_of_the_model_are_those_of_the_log(world):
    past, test, _, _ = world
    columns = {"user": "who", "item": "what", "time": "when"}
    names = [*columns.values(), "price"]
    frame = pd.DataFrame(np.column_stack([test, test[:, 0]]), columns=names)
    parameters = {"objective": "closed_form", "blend": {"direct": 1.0}}
    model = AutoSeqRecRecommender(**parameters, columns=columns).fit(past)
    display = WalkForwardDisplay.from_estimator(model, frame, n_windows=3)
    ranks = ranks_from_reciprocal(model.score_samples(frame))
    given = WalkForwardDisplay.from_predictions(ranks, frame, n_windows=3, columns=columns)
    assert given.scores["model"].tolist() == display.scores["AutoSeqRecRecommender"].tolist()
    with pytest.raises(ValueError, match="which of them hold the user and the item is not clear"):
        WalkForwardDisplay.from_predictions(ranks, frame, n_windows=3)
    # A wrapper knows them from what it wraps, and does not take another usual name.
    frame["user_id"] = 1
    wrapped = make_pipeline(InteractionEncoder(columns=columns), AutoSeqRecRecommender(**parameters)).fit(
        pd.DataFrame(past, columns=names[:3])
    )
    display = WalkForwardDisplay.from_estimator(wrapped, frame, n_windows=3)
    np.testing.assert_array_equal(display.errors["Pipeline"], given.errors["model"])


LOG = [("ann", "tea", 1), ("bob", "jam", 2), ("ann", "jam", 3)]
DATED = [(user, item, datetime(2024, 1, time)) for user, item, time in LOG]


@pytest.mark.parametrize(
    ("log", "keywords", "error", "message"),
    [
        (
            LOG,
            {"n_windows": 4},
            ValueError,
            "n_windows must be a whole number from 1 to the number of events, 3, not 4",
        ),
        (LOG, {"n_windows": True}, ValueError, "not True"),
        (LOG, {"n_windows": 1.5}, ValueError, "not 1.5"),
        (LOG, {"metric": "auc"}, ValueError, "Unknown metric 'auc'"),
        (LOG, {"metric": "neg_mean_rank"}, ValueError, "'neg_mean_rank' is no mean of shares over events"),
        (LOG, {"metric": None}, ValueError, "Unknown metric"),
        (LOG, {"band": "items"}, ValueError, "band must be 'users', 'events' or None"),
        (LOG, {"width": 0}, ValueError, "width must be above 0"),
        (LOG, {"width": float("nan")}, ValueError, "width must be above 0 and finite"),
        (LOG, {"width": "day"}, TypeError, "width must be a number or a timedelta"),
        (LOG, {"width": 1e-9}, ValueError, "makes 2,000,000,001 windows"),
        (LOG, {"width": timedelta(days=1)}, TypeError, "times of the log are numbers, so width must be a number"),
        (
            LOG,
            {"width": 1, "time_unit": "s"},
            TypeError,
            "times of the log are datetimes, so width must be a timedelta",
        ),
        (LOG, {"width": 1, "time_unit": "h"}, ValueError, "time_unit must be one of 's', 'ms'"),
        (LOG, {"time_unit": "s"}, ValueError, "time_unit is for windows of time"),
        (DATED, {"width": timedelta(days=1), "time_unit": "s"}, TypeError, "but the times of the log are datetimes"),
        (DATED, {"width": np.timedelta64(1, "M")}, ValueError, "width must be of a fixed length"),
        (DATED, {"width": np.timedelta64("NaT")}, ValueError, "width must be"),
        (DATED, {"width": timedelta(days=-1)}, ValueError, "width must be above 0"),
        ([row[:2] for row in LOG], {"width": 1}, ValueError, "width needs times, and the log has none"),
        (LOG[:2], {"n_windows": 1}, ValueError, "ranks has 3 ranks for 2 events"),
        (LOG[:0], {}, ValueError, "The log is empty"),
    ],
)
def test_bad_input_is_refused_in_words(log, keywords, error, message):
    keywords = {"n_windows": 1} | keywords
    with pytest.raises(error, match=message):
        WalkForwardDisplay.from_predictions([1, 2, 3], log, **keywords)
    assert not pyplot.get_fignums()


def test_arguments_are_refused_before_the_walk():
    class Walker:
        def score_samples(self, X):
            raise AssertionError("walked")

    with pytest.raises(ValueError, match="band must be"):
        WalkForwardDisplay.from_estimator(Walker(), LOG, band="items", n_windows=1)
    with pytest.raises(ValueError, match="is no mean of shares"):
        WalkForwardDisplay.from_estimator(Walker(), LOG, metric="neg_median_rank", n_windows=1)
    with pytest.raises(AssertionError, match="walked"):
        WalkForwardDisplay.from_estimator(Walker(), LOG, n_windows=1)
