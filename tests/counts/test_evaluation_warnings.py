"""What an evaluation warns of: folds that are not in time, items that people return to, the order of tied rows."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, train_test_split

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._counts.evaluation_warnings import find_ineligible, warn_of_past
from skautoseqrec._counts.events import Events
from skautoseqrec._utils import warn
from skautoseqrec.datasets import make_interactions
from skautoseqrec.metrics import RankingScorer, mrr_scorer
from skautoseqrec.model_selection import TemporalSplit, temporal_train_test_split

QUICK = {
    "objective": "closed_form",
    "blend": {"direct": 1.0, "neighbours": 1.0},
    "linear_penalty": None,
    "early_stopping": False,
    "device": "cpu",
}
LOG = make_interactions(n_users=60, n_items=60, n_events=900, random_state=0)
BASKETS = make_interactions(n_users=60, n_items=60, n_events=900, basket_size=4, random_state=0)
PAST, RETURN, ORDER = "instead of cv=3, KFold", "had been seen by their user", "the order of tied rows changes"


@pytest.fixture(autouse=True)
def nothing_was_shown(monkeypatch):
    monkeypatch.setattr(warn, "_shown_in_searches", set())


def heard(run, phrase, action="always"):
    """Return the warnings with a phrase that a call gives."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter(action)
        run()
    return [str(each.message) for each in caught if phrase in str(each.message)]


def recommender(**parameters):
    return AutoSeqRecRecommender(**QUICK | parameters)


def cross_validated(cv, log=LOG, **parameters):
    return lambda: cross_val_score(recommender(**parameters), log, scoring=mrr_scorer, cv=cv)


@pytest.mark.parametrize("cv", [3, KFold(3), KFold(4, shuffle=True, random_state=0)], ids=repr)
@pytest.mark.parametrize("ids_and_times", [int, float, "datetime64[s]"], ids=str)
def test_folds_that_are_not_in_time_are_named_once(cv, ids_and_times):
    log = np.column_stack([LOG[:, :2].astype(object), LOG[:, 2].astype(ids_and_times).astype(object)])
    (message,) = heard(cross_validated(cv, log), PAST)
    assert "cv=TemporalSplit(3)" in message
    assert "knows their future" in message


def test_a_search_says_it_once_and_another_line_again():
    def search():
        GridSearchCV(recommender(), {"context_size": [1, 2]}, scoring=mrr_scorer, cv=3).fit(LOG)

    assert len(heard(search, PAST)) == 1
    assert len(heard(cross_validated(3), PAST)) == 1


def test_it_points_at_the_line_that_searches():
    with pytest.warns(UserWarning, match=PAST) as caught:
        cross_validated(3)()
    assert {each.filename for each in caught if PAST in str(each.message)} == {__file__}


def test_a_split_by_chance_is_named_each_time_it_is_asked_for():
    train, test = train_test_split(LOG, test_size=0.2, random_state=0)
    fitted = recommender().fit(train)
    for _ in range(2):
        assert len(heard(lambda: fitted.score(test), PAST)) == 1
    assert len(heard(lambda: fitted.score(train), "Was this log fitted before?")) == 1
    assert heard(lambda: fitted.score(train), PAST) == []


@pytest.mark.parametrize(
    "cv", [TemporalSplit(3), TemporalSplit(5, gap=20), TemporalSplit(1, test_size=0.5), TemporalSplit(2, test_size=3)]
)
@pytest.mark.parametrize(
    "log", [LOG, np.random.default_rng(0).permutation(LOG), BASKETS, LOG[:, :2], LOG // (1, 1, 50)]
)
def test_folds_in_time_are_not_named(cv, log):
    assert heard(cross_validated(cv, log, ties="together"), PAST) == []


def test_late_stragglers_and_wrong_clocks_are_not_named():
    train, test = temporal_train_test_split(LOG, test_size=0.2)
    late = test.copy()
    late[::11, 2] = train[0, 2]  # one row in eleven
    fitted = recommender().fit(train)
    assert heard(lambda: fitted.score(late), PAST) == []
    late[::9, 2] = train[0, 2]
    assert len(heard(lambda: fitted.score(late), PAST)) == 1
    ahead = train.copy()
    ahead[::25, 2] = 10**9  # four in a hundred from the far future
    assert heard(lambda: recommender().fit(ahead).score(test), PAST) == []
    assert heard(lambda: fitted.partial_update(test[:90]).score(test[90:]), PAST) == []


times = st.lists(st.integers(0, 30), min_size=1, max_size=40)


@given(times, times)
def test_the_shares_are_those_that_are_promised(evaluated, known):
    n_late = sum(np.mean([later > time for later in known]) > 0.05 for time in evaluated)
    said = heard(lambda: warn_of_past(np.sort(np.array(evaluated, float)), np.array(known, float)), PAST)
    assert len(said) == (n_late > 0.1 * len(evaluated))


def with_returns(n_returns, n_events=900):
    """Return a log in which so many of the newest rows repeat what their user has met before."""
    log = LOG[:n_events].copy()
    rows = np.arange(n_events - 2 * n_returns, n_events, 2) if n_returns else []
    for row in rows:
        log[row, :2] = log[row - 300, :2]
    return log


@pytest.mark.parametrize(("n_returns", "is_said"), [(0, False), (15, False), (40, True)])
def test_a_fit_tells_how_many_events_repeat(n_returns, is_said):
    log = with_returns(n_returns)
    n_repeats = len(log) - len(np.unique(log[:, :2], axis=0))
    assert (n_repeats > 18) == is_said  # 2 % of 900
    said = heard(lambda: recommender().fit(log), "repeat an earlier")
    assert len(said) == is_said
    assert not is_said or f"{n_repeats} of 900 events ({n_repeats / 9:.1f}%)" in said[0]
    assert not is_said or "set exclude_seen=False: it recommends and ranks" in said[0]
    assert heard(lambda: recommender(exclude_seen=False).fit(log), "repeat an earlier") == []


def test_an_evaluation_tells_how_many_rows_count_0_and_why():
    log = with_returns(12)
    log[-5:-1, 1] = np.arange(1000, 1004)  # new items, each once
    fitted = recommender().fit(log[:700])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        n_zeros = int((fitted.score_samples(log[700:]) == 0).sum())
    known, n_seen, n_new = {tuple(row) for row in log[:700, :2]}, 0, 0
    for user, item in log[700:, :2].tolist():
        n_seen += (user, item) in known
        n_new += all(item != other for _, other in known)
        known.add((user, item))
    assert n_zeros == n_seen + n_new
    (message,) = heard(lambda: fitted.score(log[700:]), RETURN)
    assert f"{n_seen} of 200 rows ({n_seen / 2:.1f}%)" in message
    assert f"(Not known yet: {n_new} more.)" in message
    assert "fit with exclude_seen=False" in message
    assert heard(lambda: recommender(exclude_seen=False).fit(log[:700]).score(log[700:]), RETURN) == []


def test_other_items_than_the_fitted_ones_are_named():
    other = LOG[700:].copy()
    other[:, 1] = np.arange(len(other)) + 500
    (message,) = heard(lambda: recommender().fit(LOG[:700]).score(other), "were not known yet")
    assert "200 of 200 rows (100.0%)" in message


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=20), st.booleans(), st.data())
def test_new_items_are_told_from_seen_ones(rows, together, data):
    users, items = np.array(rows).T
    groups = np.cumsum([data.draw(st.booleans()) for _ in rows])
    visible = np.searchsorted(groups, groups) if together else np.arange(len(rows))
    seen, new = find_ineligible(np.zeros(len(rows)), Events(users, items, 4, 6), visible, 3)
    expected = [item >= 3 and item not in items[:n].tolist() for item, n in zip(items, visible, strict=True)]
    assert new.tolist() == expected
    assert (seen ^ new).all()


def test_the_order_of_tied_rows_is_tried_where_somebody_asks_for_it():
    # Rows of one time stand in the order in which one item leads to the next.
    past, newer = temporal_train_test_split(LOG, test_size=0.3)
    newer[:, 2] = newer[:, 2] // 100 * 100 + 1000
    fitted = recommender(ties="together").fit(past)
    scorer = RankingScorer("mrr", ties="row")
    (message,) = heard(lambda: scorer(fitted, newer), ORDER)
    assert "take ties='together'" in message
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        by_row, together = (fitted.score(newer, ties=ties) for ties in ("row", "together"))
    assert f"{by_row:.3f}" in message
    assert f"{together:.3f}" in message
    assert heard(lambda: fitted.score(newer, ties="together"), ORDER) == []
    assert heard(lambda: mrr_scorer(fitted, newer), ORDER) == []
    # By row, and nothing is tied: there is nothing to tell.
    newer[:, 2] = np.arange(len(newer)) + 10**6
    assert heard(lambda: fitted.score(newer, ties="row"), ORDER) == []
    by_parameter = recommender(ties="row").fit(past)
    newer[:, 2] = newer[:, 2] // 100 * 100
    assert len(heard(lambda: by_parameter.score(newer), ORDER)) == 1


def test_a_search_tells_of_tied_rows_once():
    log = BASKETS.copy()
    log[:, 2] //= 40

    def search():
        scoring = RankingScorer("mrr", ties="row")
        GridSearchCV(recommender(), {"context_size": [1, 2]}, scoring=scoring, cv=TemporalSplit(3)).fit(log)

    assert len(heard(search, ORDER)) == 1
